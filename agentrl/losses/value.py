"""The loss of a critic."""

import torch
from torch import Tensor

from agentrl.shapes import expect


def clipped_value(value: Tensor, value_old: Tensor, returns: Tensor, *, clip: float | None = 0.5) -> Tensor:
    """Return half the squared error of each value, the larger of the plain and the clipped one's.

    0.5 * max((V - R)^2, (clip(V, V_old - clip, V_old + clip) - R)^2); None clips nothing.

    Source: value clipping of common PPO implementations.
    Shapes: value, value_old, returns [N]; returns [N], gradient through `value` alone.
    Units:  reward units squared; `clip` in reward units.
    """
    plain, bounded = _errors(value, value_old, returns, clip)
    return 0.5 * torch.maximum(plain, bounded)


def value_metrics(
    value: Tensor, value_old: Tensor, returns: Tensor, *, clip: float | None = 0.5
) -> dict[str, Tensor]:
    """Return `value_clip_frac`, 1 at each token whose clipped error is the larger one.

    Shapes: value, value_old, returns [N]; returns [N], detached.
    """
    with torch.no_grad():
        plain, bounded = _errors(value, value_old, returns, clip)
        return {"value_clip_frac": (bounded > plain).to(plain.dtype)}


def _errors(value: Tensor, value_old: Tensor, returns: Tensor, clip: float | None) -> tuple[Tensor, Tensor]:
    expect("N", value=value, value_old=value_old, returns=returns)
    old, target = value_old.detach(), returns.detach()
    plain = (value - target) ** 2
    if clip is None:
        return plain, plain
    return plain, (torch.clamp(value, old - clip, old + clip) - target) ** 2
