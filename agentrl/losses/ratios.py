"""Policy losses that treat the probability ratio otherwise than PPO's clip does."""

import torch
from torch import Tensor

from agentrl.losses.policy import LOG_RATIO_LIMIT, clip_metrics, clipped
from agentrl.shapes import expect

SEQUENCE_LIMIT = 10.0
"""log of a sequence's ratio is clamped to this many nats from above before exp"""


def sequence_log_ratio(logp: Tensor, logp_old: Tensor, sequence: Tensor) -> Tensor:
    """Return for each token the mean log ratio of its sequence, with the gradient of the token's own.

    The value is ls = mean over the sequence of (logp - logp_old); the gradient is that of sg(ls) + logp -
    sg(logp), so each token of a sequence learns as if the ratio were its own.

    Source: GSPO-token (arXiv:2507.18071).
    Shapes: logp, logp_old [N], sequence [N] int; returns [N].
    Units:  nats; clamped to at most 10.
    """
    expect("N", logp=logp, logp_old=logp_old, sequence=sequence)
    gap = (logp - logp_old.detach()).detach().clamp(-LOG_RATIO_LIMIT, LOG_RATIO_LIMIT)
    mean = spread_mean(gap, sequence)
    return (mean + logp - logp.detach()).clamp(max=SEQUENCE_LIMIT)


def sequence_clipped(
    logp: Tensor,
    logp_old: Tensor,
    advantage: Tensor,
    sequence: Tensor,
    *,
    clip_low: float = 3e-4,
    clip_high: float = 4e-4,
) -> Tensor:
    """Return max(-A s, -A clip(s, 1 - clip_low, 1 + clip_high)) for each token, s its sequence's ratio.

    s = exp(mean over the sequence of (logp - logp_old)): a sequence is clipped as a whole.

    Source: GSPO (arXiv:2507.18071).
    Shapes: logp, logp_old, advantage [N], sequence [N] int; returns [N].
    Units:  clips in units of the sequence's ratio.
    """
    log_ratio = sequence_log_ratio(logp, logp_old, sequence)
    return clipped(log_ratio, torch.zeros_like(logp), advantage, clip_low=clip_low, clip_high=clip_high)


def sequence_clip_metrics(
    logp: Tensor,
    logp_old: Tensor,
    advantage: Tensor,
    sequence: Tensor,
    *,
    clip_low: float = 3e-4,
    clip_high: float = 4e-4,
) -> dict[str, Tensor]:
    """Return the metrics of `clip_metrics` for ratios of sequences, [N] each, detached."""
    log_ratio = sequence_log_ratio(logp, logp_old, sequence).detach()
    return clip_metrics(log_ratio, torch.zeros_like(logp), advantage, clip_low=clip_low, clip_high=clip_high)


def capped(
    logp: Tensor, logp_old: Tensor, advantage: Tensor, *, cap: float = 5.0, floor: float = 0.0
) -> Tensor:
    """Return -sg(clip(r, floor, cap)) * A * logp for each token, r = exp(logp - logp_old).

    No token loses its gradient: the ratio is a weight, bounded, and learns nothing itself.

    Source: CISPO (arXiv:2506.13585); the absolute cap of ScaleRL (arXiv:2510.13786).
    Shapes: logp, logp_old, advantage [N]; returns [N].
    Units:  bounds in units of the probability ratio.
    """
    expect("N", logp=logp, logp_old=logp_old, advantage=advantage)
    weight = _log_ratio(logp, logp_old).exp().clamp(floor, cap).detach()
    return -weight * advantage.detach() * logp


def ratio_variance(logp: Tensor, logp_old: Tensor, advantage: Tensor, *, weight: float = 0.04) -> Tensor:
    """Return weight * (r - 1)^2 - r A for each token, r = exp(logp - logp_old): no clip, a soft restraint.

    Source: R2VPO (arXiv:2601.03320), as two independent re-implementations have it; its mean of (r - 1)^2 is
            the variance of the ratio where the mean ratio is 1.
    Shapes: logp, logp_old, advantage [N]; returns [N].
    Edge:   a token with A > 0 is pushed up while r < 1 + A / (2 weight).
    """
    expect("N", logp=logp, logp_old=logp_old, advantage=advantage)
    ratio = _log_ratio(logp, logp_old).exp()
    return weight * (ratio - 1.0) ** 2 - ratio * advantage.detach()


def fiber_ratio(
    log_ratio: Tensor, sequence: Tensor, *, high: float = 0.2, low: float = 0.15, eps: float = 0.05
) -> Tensor:
    """Return the gated ratio G of each token: a bounded part of its sequence times a bounded part of its own.

    With x the log ratio, p and m the sequence's means of max(x, 0) and max(-x, 0):
    log G = agg(p, high) - agg(m, low) + clip(x - own, -eps, eps) + clip(opposite, -eps, eps), where own is p
    for x >= 0 and -m otherwise, and opposite is m for x >= 0 and -p otherwise. agg is the identity up to its
    bound C, falls back to 0 until (1 + 1/T) C, T being the sequence's tokens, and is 0 beyond.

    Source: FiberPO (arXiv:2603.08239), from the authors' report arXiv:2604.03044, section 3.3.1.
    Shapes: log_ratio [N], sequence [N] int; returns [N], with gradient.
    Units:  bounds in nats.
    Edge:   where nothing reaches its bound, G = exp(x).
    """
    expect("N", log_ratio=log_ratio, sequence=sequence)
    _, slot, count = torch.unique(sequence, return_inverse=True, return_counts=True)
    tokens: Tensor = count[slot].to(log_ratio.dtype)
    up, down = spread_mean(log_ratio.clamp(min=0), slot), spread_mean((-log_ratio).clamp(min=0), slot)
    base = _rolled_back(up, high, tokens) - _rolled_back(down, low, tokens)
    rising = log_ratio >= 0
    sign = torch.where(rising, 1.0, -1.0).to(log_ratio.dtype)
    same, opposite = torch.where(rising, up, down), torch.where(rising, down, up)
    own = (log_ratio - sign * same).clamp(-eps, eps)
    other = (sign * opposite).clamp(-eps, eps)
    return (base + own + other).exp()


def _rolled_back(x: Tensor, bound: float, tokens: Tensor) -> Tensor:
    falling = (tokens + 1) * bound - tokens * x
    return torch.where(x <= bound, x, torch.where(x < (1 + 1 / tokens) * bound, falling, 0.0))


def spread_mean(x: Tensor, sequence: Tensor) -> Tensor:
    """Return for each token the mean of `x` over its sequence, with gradient.

    Shapes: x [N], sequence [N] int; returns [N].
    """
    names, slot, count = torch.unique(sequence, return_inverse=True, return_counts=True)
    total = x.new_zeros(len(names)).index_add(0, slot, x)
    mean: Tensor = total / count
    return mean[slot]


def _log_ratio(logp: Tensor, logp_old: Tensor) -> Tensor:
    return (logp - logp_old.detach()).clamp(-LOG_RATIO_LIMIT, LOG_RATIO_LIMIT)
