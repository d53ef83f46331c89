"""AdamW that loses nothing to the number format of the weights."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import AdamW

EXACT = (torch.float32, torch.float64)
"""formats in which an update of a millionth of a weight does not vanish"""


def adam(
    parameters: Iterable[nn.Parameter], *, lr: float, betas: tuple[float, float], weight_decay: float
) -> AdamW:
    """Return an AdamW over the parameters: a `MasterAdamW` where any of them is held in less than float32."""
    held = list(parameters)
    kind = AdamW if all(p.dtype in EXACT for p in held) else MasterAdamW
    return kind(held, lr=lr, betas=betas, weight_decay=weight_decay)


def parameters_of(optimizer: AdamW) -> list[nn.Parameter]:
    """Return what an optimiser steps, in its order."""
    return [p for group in optimizer.param_groups for p in group["params"]]


def exact(optimizer: AdamW) -> list[Tensor]:
    """Return the full numbers of what an optimiser steps, in its order: not copies."""
    masters = iter(optimizer.masters if isinstance(optimizer, MasterAdamW) else ())
    return [p.detach() if p.dtype in EXACT else next(masters) for p in parameters_of(optimizer)]


def settle(optimizer: AdamW) -> None:
    """Round the full numbers into the parameters, once they were changed from outside."""
    if isinstance(optimizer, MasterAdamW):
        optimizer.settle()


class MasterAdamW(AdamW):
    """AdamW that steps float32 masters of the parameters and rounds them into the parameters afterwards.

    bfloat16 keeps 8 bits: a weight of 0.02 has neighbours 1e-4 apart, and at a learning rate of 1e-6 every
    update would be rounded away. Masters add the updates up until they show. Stochastic rounding would save
    their 4 bytes a weight, but it puts noise of a whole bfloat16 step on every update and needs a random
    stream of its own; masters are exact and leave a run a function of its seed. Gradients are added up in
    float32 too, so that the step hardly depends on how a batch is split.
    """

    def __init__(self, parameters: list[nn.Parameter], **options: Any) -> None:
        super().__init__(parameters, **options)
        self._low = [p for p in parameters if p.dtype not in EXACT]
        self.masters = [p.detach().float() for p in self._low]
        """of the parameters of few bits, in their order"""
        for p in self._low:
            p.grad_dtype = torch.float32

    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Take one step with the gradients that the parameters hold."""
        with self._in_full():
            super().step(closure)

    def state_dict(self) -> dict[str, Any]:
        """Return AdamW's state and the masters."""
        return {**super().state_dict(), "masters": self.masters}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Put state and masters back, and the parameters that they round to."""
        for master, saved in zip(self.masters, state["masters"], strict=True):
            master.copy_(saved)
        # torch casts what it loads to the format of the parameter: the moments must stay float32.
        with self._in_full():
            super().load_state_dict({key: part for key, part in state.items() if key != "masters"})

    def settle(self) -> None:
        """Round the masters into the parameters."""
        with torch.no_grad():
            for p, master in zip(self._low, self.masters, strict=True):
                p.copy_(master)

    @contextmanager
    def _in_full(self) -> Iterator[None]:
        """Let the parameters be their masters for a while; round the masters into them at the end."""
        rounded: list[Tensor] = [p.data for p in self._low]
        for p, master in zip(self._low, self.masters, strict=True):
            p.data = master
        try:
            yield
        finally:
            for p, master, low in zip(self._low, self.masters, rounded, strict=True):
                low.copy_(master)
                p.data = low
