"""Losses on whole episodes compared inside their group: by outcome, by level, in pairs."""

from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import softplus

from agentrl.losses.policy import LOG_RATIO_LIMIT
from agentrl.shapes import expect


def trajectory_mean(x: Tensor, trajectory: Tensor, count: int) -> Tensor:
    """Return the mean of `x` over the tokens of each trajectory, with gradient.

    Shapes: x [N] float, trajectory [N] int in [0, count); returns [count].
    Edge:   a trajectory without tokens gets 0.
    """
    return trajectory_sum(x, trajectory, count) / torch.bincount(trajectory, minlength=count).clamp(min=1)


def trajectory_sum(x: Tensor, trajectory: Tensor, count: int) -> Tensor:
    """Return the sum of `x` over the tokens of each trajectory, with gradient.

    Shapes: x [N] float, trajectory [N] int in [0, count); returns [count].
    """
    expect("N", x=x, trajectory=trajectory)
    return x.new_zeros(count).index_add(0, trajectory, x)


def sequence_score(
    logp: Tensor, logp_old: Tensor, trajectory: Tensor, count: int, kind: Literal["logp", "ratio"]
) -> Tensor:
    """Return the score of each trajectory: the mean of its tokens' log-probabilities, or of their ratios.

    Source: scoring functions of DisCO (arXiv:2505.12366).
    Shapes: logp, logp_old [N], trajectory [N] int in [0, count); returns [count].
    """
    if kind == "logp":
        return trajectory_mean(logp, trajectory, count)
    ratio = (logp - logp_old.detach()).clamp(-LOG_RATIO_LIMIT, LOG_RATIO_LIMIT).exp()
    return trajectory_mean(ratio, trajectory, count)


def discriminative(score: Tensor, good: Tensor, group: Tensor, *, tau: float | None) -> Tensor:
    """Return how much higher bad trajectories score than good ones: minus the mean over groups of J.

    J = mean of good scores - tau * log(mean of exp(bad scores / tau)); without tau, - mean of bad scores.

    Source: DisCO, and DisCO-b without tau (arXiv:2505.12366). Its code minimises a value-free surrogate with
            this gradient.
    Shapes: score [B], good [B] bool, group [B] int; returns a scalar.
    Edge:   groups without a good or without a bad trajectory have J = 0 and count in the mean; groups may be
            of any sizes.
    """
    expect("B", score=score, good=good, group=group)
    names, slot = torch.unique(group, return_inverse=True)
    zero = score.new_zeros(len(names))
    ones = torch.ones_like(score)
    right, wrong = zero.index_add(0, slot[good], ones[good]), zero.index_add(0, slot[~good], ones[~good])
    mean = zero.index_add(0, slot[good], score[good]) / right.clamp(min=1)
    bad, of = score[~good], slot[~good]
    if tau is None:
        other = zero.index_add(0, of, bad) / wrong.clamp(min=1)
    else:
        top = zero.scatter_reduce(0, of, bad.detach(), "amax", include_self=False)
        total = zero.index_add(0, of, ((bad - top[of]) / tau).exp())
        # Groups without bad ones would give log 0, whose gradient is not a number.
        other = top + tau * (torch.where(wrong > 0, total, 1.0) / wrong.clamp(min=1)).log()
    both = (right > 0) & (wrong > 0)
    return -torch.where(both, mean - other, 0.0).sum() / max(len(names), 1)


def constraint(kl: Tensor, *, delta: float, beta: float) -> Tensor:
    """Return sg(max(0, beta * (kl - delta))) * kl: nothing inside the trust region, a growing pull outside.

    Source: squared-hinge constraint of DisCO (arXiv:2505.12366).
    Units:  kl and delta in nats a token.
    """
    return (beta * (kl.detach() - delta)).clamp(min=0.0) * kl


def levelled(
    gap: Tensor, level: Tensor, group: Tensor, *, beta: float = 0.1, anisotropy: float = 2.5
) -> tuple[Tensor, Tensor]:
    """Return the mean pair loss over all pairs of one group with different levels, and how many there are.

    softplus(-a * beta * (gap_i - gap_j)) for level_i < level_j (1 is best), a = anisotropy where level_i is 1
    and 1 elsewhere.

    Source: TRPA, published code (Trust-Region-Preference-Approximation).
    Shapes: gap [B]: mean over tokens of logp - ref, level, group [B] int; returns two scalars.
    Edge:   without a pair each trajectory is judged alone: softplus(-s * gap), s = 1 for level 1, else -1.
    """
    expect("B", gap=gap, level=level, group=group)
    better = (group[:, None] == group[None]) & (level[:, None] < level[None])
    first, second = better.nonzero().unbind(1)
    pairs = torch.tensor(len(first))
    if not len(first):
        sign = torch.where(level == 1, 1.0, -1.0).to(gap.dtype)
        return softplus(-sign * gap).mean(), pairs
    weight = torch.where(level[first] == 1, anisotropy, 1.0).to(gap.dtype)
    return softplus(-weight * beta * (gap[first] - gap[second])).mean(), pairs


def regularised(reward: Tensor, log_ratio: Tensor, beta: float) -> Tensor:
    """Return reward - beta * log(policy / reference) of whole answers.

    Shapes: reward, log_ratio (sum over the answer's tokens) [B]; returns [B].
    Units:  reward units; `beta` in reward units per nat.
    """
    return reward.to(log_ratio.dtype) - beta * log_ratio


def contrast(one: Tensor, other: Tensor, beta: float) -> Tensor:
    """Return (one - other)^2 / (2 beta) for pairs of regularised rewards: least where they are equal.

    Source: CoPG (arXiv:2406.19185), whose gradient on logp(y) is minus the difference; the scale is ours.
    Shapes: one, other [P]; returns [P].
    """
    expect("P", one=one, other=other)
    return (one - other) ** 2 / (2.0 * beta)
