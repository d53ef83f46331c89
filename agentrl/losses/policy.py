"""The clipped surrogate of policy-gradient methods."""

import torch
from torch import Tensor

from agentrl.shapes import expect

LOG_RATIO_LIMIT = 20.0
"""log ratios are clamped to this many nats before exp, so that one broken token cannot overflow"""


def clipped(
    logp: Tensor,
    logp_old: Tensor,
    advantage: Tensor,
    *,
    clip_low: float = 0.2,
    clip_high: float | None = None,
    dual: float | None = None,
) -> Tensor:
    """Return max(-A r, -A clip(r, 1 - clip_low, 1 + clip_high)) for each token, r = exp(logp - logp_old).

    Where A < 0, `dual` bounds that by -A * dual.

    Source: PPO (arXiv:1707.06347); a higher upper bound as in DAPO (arXiv:2503.14476).
    Shapes: logp, logp_old, advantage [N]; returns [N], gradient through `logp` alone.
    Units:  clips in units of the probability ratio; `clip_high` None means `clip_low`.
    Edge:   the log ratio is clamped to [-20, 20].
    """
    expect("N", logp=logp, logp_old=logp_old, advantage=advantage)
    plain, bounded = _surrogates(logp, logp_old, advantage, clip_low, clip_high)
    loss = torch.maximum(plain, bounded)
    if dual is None:
        return loss
    credit = advantage.detach()
    return torch.where(credit < 0, torch.minimum(loss, -credit * dual), loss)


def clip_metrics(
    logp: Tensor,
    logp_old: Tensor,
    advantage: Tensor,
    *,
    clip_low: float = 0.2,
    clip_high: float | None = None,
    dual: float | None = None,
) -> dict[str, Tensor]:
    """Return what clipping did to each token; a metric's mean over tokens is what logs show.

    `clip_frac` is 1 where the clipped surrogate holds, `clip_frac_lower` 1 where the dual bound does,
    `approx_kl` is logp_old - logp in nats.

    Shapes: logp, logp_old, advantage [N]; returns [N] each, detached.
    """
    expect("N", logp=logp, logp_old=logp_old, advantage=advantage)
    with torch.no_grad():
        plain, bounded = _surrogates(logp, logp_old, advantage, clip_low, clip_high)
        lower = torch.zeros_like(plain)
        if dual is not None:
            lower = ((torch.maximum(plain, bounded) > -advantage * dual) & (advantage < 0)).to(plain.dtype)
        return {
            "clip_frac": (bounded > plain).to(plain.dtype),
            "clip_frac_lower": lower,
            "approx_kl": -_log_ratio(logp, logp_old),
        }


def _log_ratio(logp: Tensor, logp_old: Tensor) -> Tensor:
    return (logp - logp_old.detach()).clamp(-LOG_RATIO_LIMIT, LOG_RATIO_LIMIT)


def _surrogates(
    logp: Tensor, logp_old: Tensor, advantage: Tensor, clip_low: float, clip_high: float | None
) -> tuple[Tensor, Tensor]:
    ratio = _log_ratio(logp, logp_old).exp()
    credit = advantage.detach()
    high = clip_low if clip_high is None else clip_high
    return -credit * ratio, -credit * ratio.clamp(1.0 - clip_low, 1.0 + high)
