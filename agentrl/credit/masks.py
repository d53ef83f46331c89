"""How much tokens count by what a model makes of them."""

import torch
from torch import Tensor

from agentrl.shapes import expect


def rescaled_by(x: Tensor, part: Tensor) -> Tensor:
    """Return each number's place between the least (0) and the greatest (1) of its part.

    Source: masks without parameters of SparsePO (arXiv:2410.05102); z-scores, rescaled so, are the same.
    Shapes: x [N] float, part [N] int; returns [N], without gradient.
    Edge:   a part of equal numbers counts in full: 1.
    """
    expect("N", x=x, part=part)
    names, slot = torch.unique(part, return_inverse=True)
    zero = x.detach().new_zeros(len(names))
    high = zero.scatter_reduce(0, slot, x.detach(), "amax", include_self=False)[slot]
    low = zero.scatter_reduce(0, slot, x.detach(), "amin", include_self=False)[slot]
    return torch.where(high > low, (x.detach() - low) / (high - low).clamp(min=1e-12), 1.0)
