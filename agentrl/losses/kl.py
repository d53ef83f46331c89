"""Estimates of the divergence from a reference, token by token."""

from collections.abc import Callable

import torch
from torch import Tensor

from agentrl.errors import ConfigError, nearest
from agentrl.shapes import expect


def _k3(x: Tensor) -> Tensor:
    back = (-x).clamp(-20.0, 20.0)
    return (torch.expm1(back) - back).clamp(-10.0, 10.0)


KINDS: dict[str, Callable[[Tensor], Tensor]] = {
    "k1": lambda x: x,
    "abs": torch.abs,
    "k2": lambda x: 0.5 * x**2,
    "k3": _k3,
}
"""From x = logp - ref; a name followed by + has the same value and the gradient of k2."""


def kl(logp: Tensor, ref: Tensor, kind: str = "k3") -> Tensor:
    """Return an estimate of KL(policy || reference) at each sampled token.

    With x = logp - ref: k1 = x, abs = |x|, k2 = x^2 / 2, k3 = exp(-x) - 1 + x. "k1+", "k3+" and the like have
    that value and the gradient of k2, which is the unbiased one.

    Source: the k3 penalty of GRPO (arXiv:2402.03300); clamps (x to 20 nats, k3 to 10) as published code has
            them.
    Shapes: logp, ref [N]; returns [N], gradient through `logp` alone.
    Units:  nats.
    Errors: ConfigError for an unknown kind.
    """
    expect("N", logp=logp, ref=ref)
    base = kind.removesuffix("+")
    if base not in KINDS:
        allowed = [*KINDS, *(f"{name}+" for name in KINDS)]
        raise ConfigError(f"kl kind {kind!r} is not one of {', '.join(allowed)}{nearest(kind, allowed)}")
    x = logp - ref.detach()
    value = KINDS[base](x)
    if base == kind:
        return value
    through = KINDS["k2"](x)
    return value.detach() + (through - through.detach())
