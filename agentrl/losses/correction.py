"""Weights and masks for tokens that one program drew and another one trains on.

A sampler with kernels, precision or weights of its own gives a token another probability than the trainer
does. The gradient is then an average over the wrong distribution; the ratio of the two probabilities puts it
right, bounded so that few tokens cannot carry the step. Everything here is a constant to the gradient.
"""

import math
from collections.abc import Callable
from typing import get_args

import torch
from torch import Tensor

from agentrl.errors import ConfigError, nearest
from agentrl.settings import Criterion, Level
from agentrl.shapes import expect

LOG_RATIO_LIMIT = 20.0
"""log ratios are clamped to this many nats before exp"""

DISTANCES: dict[str, Callable[[Tensor], Tensor]] = {
    "k1": lambda x: -x,
    "k2": lambda x: 0.5 * x**2,
    "k3": lambda x: torch.expm1(x) - x,
}
"""From x = trainer - sampler, a token: estimates of the divergence of the sampler from the trainer."""


def importance_ratio(trainer: Tensor, sampler: Tensor, sequence: Tensor, *, level: Level = "token") -> Tensor:
    """Return trainer's over sampler's probability of each token, or of the sequence it belongs to.

    Source: truncated importance sampling between rollout and trainer, as published trainers have it.
    Shapes: trainer, sampler [N] log-probabilities, sequence [N] int; returns [N], without gradient.
    Edge:   the log of the ratio (of a sequence: the sum over its tokens) is clamped to [-20, 20].
    """
    expect("N", trainer=trainer, sampler=sampler, sequence=sequence)
    gap = (trainer.detach() - sampler.detach()).double()
    if level == "sequence":
        gap = _over(sequence, gap, "sum")
    return gap.clamp(-LOG_RATIO_LIMIT, LOG_RATIO_LIMIT).exp().to(trainer.dtype)


def truncated(ratio: Tensor, cap: float = 2.0) -> Tensor:
    """Return min(ratio, cap): the weight of truncated importance sampling (TIS).

    Shapes: ratio [N]; returns [N].
    """
    return ratio.clamp(max=cap)


def masked(ratio: Tensor, cap: float = 3.0, floor: float = 0.0) -> Tensor:
    """Return the ratio where floor <= ratio <= cap and 0 elsewhere: masked importance sampling (MIS).

    Shapes: ratio [N]; returns [N].
    Edge:   a weight of 0 silences a token but leaves it in the denominators of the loss.
    """
    return torch.where((ratio >= floor) & (ratio <= cap), ratio, 0.0)


def normalised(weight: Tensor, sequence: Tensor, *, level: Level = "token") -> Tensor:
    """Return the weights over their mean; at level "sequence" each sequence counts once in it.

    Shapes: weight [N], sequence [N] int; returns [N].
    Edge:   weights that are all 0 stay so.
    """
    expect("N", weight=weight, sequence=sequence)
    mean = weight.mean()
    if level == "sequence":
        _, place, count = torch.unique(sequence, return_inverse=True, return_counts=True)
        mean = (weight / count[place]).sum() / len(count)
    return weight / torch.where(mean > 0, mean, 1.0)


def agreeing(
    trainer: Tensor,
    sampler: Tensor,
    sequence: Tensor,
    *,
    criterion: Criterion,
    high: float,
    low: float | None = None,
) -> Tensor:
    """Return which tokens a rejection rule keeps; a sequence's rule keeps or rejects all of its tokens.

    A criterion is what is taken (token, or the sum, mean or maximum over a sequence) of which distance of a
    token, x = trainer - sampler: k1 = -x, k2 = x^2 / 2, k3 = exp(x) - 1 - x. k1 is kept where log(low) <= k1
    <= log(high), k2 and k3 up to `high`.

    Source: rejection sampling between rollout and trainer, as published trainers have it.
    Shapes: trainer, sampler [N] log-probabilities, sequence [N] int; returns [N] bool.
    Units:  bounds of k1 are probability ratios, those of k2 and k3 nats; `low` None is 1 / high.
    Errors: ConfigError for an unknown criterion.
    """
    expect("N", trainer=trainer, sampler=sampler, sequence=sequence)
    allowed = get_args(Criterion)
    if criterion not in allowed:
        near = nearest(criterion, allowed)
        raise ConfigError(f"rejection criterion {criterion!r} is not one of {', '.join(allowed)}{near}")
    where, _, kind = criterion.rpartition("_")
    gap = (trainer.detach() - sampler.detach()).double().clamp(-LOG_RATIO_LIMIT, LOG_RATIO_LIMIT)
    distance = DISTANCES[kind](gap)
    if where != "token":
        distance = _over(sequence, distance, where.removeprefix("seq_"))
    if kind != "k1":
        return distance <= high
    return (distance >= math.log(1.0 / high if low is None else low)) & (distance <= math.log(high))


def effective_share(weight: Tensor) -> float:
    """Return (sum w)^2 / (N sum w^2): the share of equally weighted tokens that would tell as much.

    Shapes: weight [N].
    Edge:   1 for equal weights, 1/N where one token has all of it, 0 where there is none.
    """
    w = weight.detach().double()
    squares = float((w**2).sum())
    return float(w.sum()) ** 2 / (len(w) * squares) if squares else 0.0


def _over(sequence: Tensor, x: Tensor, how: str) -> Tensor:
    """Return the sum, mean or maximum of `x` over each sequence, at each of its tokens."""
    names, place = torch.unique(sequence, return_inverse=True)
    reduce = {"sum": "sum", "mean": "mean", "max": "amax"}[how]
    found = torch.zeros(len(names), dtype=x.dtype, device=x.device)
    return found.scatter_reduce(0, place, x, reduce, include_self=False)[place]
