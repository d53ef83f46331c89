"""Extra-gradient: a half step to see where it leads, then a whole one from where the half began."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.optim import AdamW

from agentrl.learner.adam import parameters_of


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a half step began: copies, so that steps do not reach them."""

    weights: dict[str, list[Tensor]]
    """of what each optimiser steps, by its name"""
    moments: dict[str, dict[str, Any]]
    """each optimiser's state"""

    def saved(self) -> dict[str, Any]:
        """Return it as plain data for a checkpoint: `Origin(**saved)` is it again."""
        return {"weights": self.weights, "moments": self.moments}


def turned(optimizers: Mapping[str, AdamW], origin: Origin | None) -> Origin | None:
    """Return where a half step begins, for None; else go back there, and return None: the whole step is next.

    Source: EGPO (arXiv:2503.08942), published code: weights and moments both go back.
    Units:  memory, one more copy of weights and optimiser state between the two.
    """
    if origin is None:
        held = {name: [p.detach().clone() for p in parameters_of(o)] for name, o in optimizers.items()}
        return Origin(held, {name: deepcopy(o.state_dict()) for name, o in optimizers.items()})
    for name, optimizer in optimizers.items():
        with torch.no_grad():
            for parameter, then in zip(parameters_of(optimizer), origin.weights[name], strict=True):
                parameter.copy_(then)
        optimizer.load_state_dict(origin.moments[name])
    return None
