"""Losses on single answers known to be good or bad."""

import torch
from torch import Tensor
from torch.nn.functional import softplus

from agentrl.shapes import expect


def kto(
    ratio: Tensor,
    good: Tensor,
    baseline: Tensor | float,
    *,
    beta: float = 0.1,
    desirable: float = 1.0,
    undesirable: float = 1.0,
) -> Tensor:
    """Return desirable (1 - sigma(beta (rho - z))) of good answers, and of bad ones likewise, turned round.

    Bad ones have undesirable (1 - sigma(beta (z - rho))).

    Source: KTO (arXiv:2402.01306); z = 0 is the unpaired form of APO-zero (arXiv:2408.06266).
    Shapes: ratio [B]: sum of logp - ref, good [B] bool, baseline: z, a divergence, without gradient; returns
            [B].
    Units:  log-ratios and z in nats.
    """
    expect("B", ratio=ratio, good=good)
    level = torch.as_tensor(baseline, dtype=ratio.dtype).detach()
    gap = beta * (ratio - level)
    return torch.where(good, desirable * (-gap).sigmoid(), undesirable * gap.sigmoid())


def kl_baseline(ratio: Tensor) -> Tensor:
    """Return max(0, mean log-ratio), without gradient: an estimate of the divergence from the reference.

    Source: KTO (arXiv:2402.01306), which takes the mean over answers put to others' prompts; over answers
            that the policy itself gave it is the divergence without that detour.
    Shapes: ratio [B]; returns a scalar; 0 where there is none.
    """
    return ratio.detach().sum().div(max(len(ratio), 1)).clamp(min=0.0)


def bco(reward: Tensor, good: Tensor, shift: Tensor | float) -> Tensor:
    """Return softplus(-(reward - shift)) for good answers and softplus(reward - shift) for bad ones.

    Source: BCO (arXiv:2404.04656); `shift` is the running mean of all rewards seen, without gradient.
    Shapes: reward [B]: beta * sum of (logp - ref), good [B] bool; returns [B].
    """
    expect("B", reward=reward, good=good)
    gap = reward - torch.as_tensor(shift, dtype=reward.dtype).detach()
    return softplus(torch.where(good, -gap, gap))


def running_mean(reward: Tensor, total: float, count: float) -> tuple[Tensor, float, float]:
    """Return the mean of everything seen, these rewards too, and the new sum and count.

    Shapes: reward [B], `total` and `count` of those before; the mean is a scalar without gradient.
    Edge:   nothing seen has the mean 0.
    """
    total, count = total + float(reward.detach().double().sum()), count + len(reward)
    return torch.tensor(total / max(count, 1.0), dtype=reward.dtype), total, count


def redi(
    mean: Tensor, good: Tensor, *, chosen: float = 1.0, rejected: float = 0.8, sharpness: float = 0.0
) -> Tensor:
    """Return -chosen * mean for good answers and rejected * exp(sharpness * mean) * mean for bad ones.

    Source: REDI (arXiv:2505.24850), reference-free; a bad answer counts less, or the loss falls without end.
    Shapes: mean [B]: mean log-probability a token, good [B] bool; returns [B].
    Edge:   the loss of bad answers has no lower bound unless `sharpness` is above 0: stop early.
    """
    expect("B", mean=mean, good=good)
    return torch.where(good, -chosen * mean, rejected * (sharpness * mean).exp() * mean)
