"""Losses on one list of answers whose scores should be in the order of their labels."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import softplus

from agentrl.errors import ConfigError, nearest
from agentrl.shapes import expect


def ordered(label: Tensor) -> tuple[Tensor, Tensor]:
    """Return all pairs of places with label[first] > label[second].

    Shapes: label [L]; returns two [P] int.
    """
    first, second = (label[:, None] > label[None]).nonzero().unbind(1)
    return first, second


def lambda_weight(score: Tensor, label: Tensor) -> Tensor:
    """Return how much the list would gain by each pair in order: |2^y_i - 2^y_j| |1/ln(1+k_i) - 1/ln(1+k_j)|.

    k is the rank by score, 1 the highest; equal scores rank in the order given.

    Source: LambdaRank weights of LiPO (arXiv:2402.01878).
    Shapes: score, label [L], labels in [0, 1]; returns [L, L] without gradient.
    """
    rank = torch.argsort(torch.argsort(score.detach(), descending=True, stable=True)) + 1
    gain, discount = 2.0**label, 1.0 / (1.0 + rank.to(score.dtype)).log()
    return (gain[:, None] - gain[None]).abs() * (discount[:, None] - discount[None]).abs()


def _lambda(score: Tensor, label: Tensor) -> Tensor:
    i, j = ordered(label)
    return (lambda_weight(score, label)[i, j] * softplus(score[j] - score[i])).sum()


def _logistic(score: Tensor, label: Tensor) -> Tensor:
    i, j = ordered(label)
    return softplus(score[j] - score[i]).sum()


def _mean(score: Tensor, label: Tensor) -> Tensor:
    return _logistic(score, label) / max(len(ordered(label)[0]), 1)


def _hinge(score: Tensor, label: Tensor) -> Tensor:
    i, j = ordered(label)
    return (1.0 - (score[i] - score[j])).relu().sum()


def _listnet(score: Tensor, label: Tensor) -> Tensor:
    return -(label.softmax(0) * score.log_softmax(0)).sum()


def _plackett_luce(score: Tensor, label: Tensor) -> Tensor:
    by_label = score[torch.argsort(label, descending=True, stable=True)]
    rest = by_label.flip(0).logcumsumexp(0).flip(0)
    return (rest - by_label).sum()


KINDS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "lambda": _lambda,
    "logistic": _logistic,
    "pairwise": _mean,
    "hinge": _hinge,
    "listnet": _listnet,
    "plackett_luce": _plackett_luce,
}
"""From scores and labels of one list.

lambda: sum over ordered pairs of weight * softplus(s_j - s_i), LiPO (arXiv:2402.01878). logistic: without the
weight. pairwise: its mean over pairs. hinge: sum of relu(1 - (s_i - s_j)). listnet: cross entropy of the two
softmaxes. plackett_luce: minus the log-probability of drawing the list in its order (list-MLE).
"""


def listwise(score: Tensor, label: Tensor, kind: str = "lambda") -> Tensor:
    """Return the loss of one list, a scalar.

    Source: by name in `KINDS`.
    Shapes: score [L]: beta * log-ratio, label [L]: higher is better; in [0, 1] for `lambda`.
    Edge:   pairs of equal labels say nothing; a list without an ordered pair has loss 0 but for listnet and
            plackett_luce, which read ties in the order given.
    Errors: ConfigError for an unknown kind.
    """
    expect("L", score=score, label=label)
    if kind not in KINDS:
        raise ConfigError(f"list loss {kind!r} is not one of {', '.join(KINDS)}{nearest(kind, KINDS)}")
    return KINDS[kind](score, label)


def rescaled(label: Tensor) -> Tensor:
    """Return labels moved and scaled into [0, 1], [L]; 0 where all are equal."""
    low, high = label.min(), label.max()
    return (label - low) / (high - low) if bool(high > low) else torch.zeros_like(label)


def pro(mean: Tensor, reward: Tensor) -> Tensor:
    """Return the sum over ranks k of log(1 + sum_{i>k} exp(s_i T_i) / exp(s_k T)).

    T_i = r_k - r_i, T the largest of them.

    Source: PRO (arXiv:2306.17492), published code: s the mean log-probability a token; the better apart two
            answers are, the sharper they are told apart.
    Shapes: mean, reward [L]; returns a scalar.
    Edge:   a rank with nothing worse below it adds 0.
    """
    expect("L", mean=mean, reward=reward)
    order = torch.argsort(reward, descending=True, stable=True)
    s, r = mean[order], reward[order].detach()
    total = mean.new_zeros(())
    for k in range(len(s) - 1):
        gap = r[k] - r[k + 1 :]
        own = s[k] * gap.max()
        total = total + torch.cat([own[None], s[k + 1 :] * gap]).logsumexp(0) - own
    return total


def rank_loss(score: Tensor, label: Tensor) -> Tensor:
    """Return sum_{i,j} softplus(-sign(y_i - y_j) (s_i - s_j)) / (L (L - 1)), ties and i = j included.

    Source: rank term of published code of Tree Preference Optimization (arXiv:2410.12854). Each tie adds
            log 2; `listwise(kind="pairwise")` leaves ties out. The logarithm that code wraps around it turns
            its sign, and is left out here.
    Shapes: score, label [L], L of 2 or more; returns a scalar.
    """
    expect("L", score=score, label=label)
    sign = (label[:, None] - label[None]).sign()
    gap = score[:, None] - score[None]
    return softplus(-sign * gap).sum() / (len(score) * (len(score) - 1))
