"""Named-axis checks: `expect("B T", logp=logp, mask=mask)`."""

from typing import TYPE_CHECKING

from agentrl.errors import ShapeError

if TYPE_CHECKING:
    from torch import Tensor


def expect(axes: str, /, **tensors: "Tensor") -> None:
    """Raise ShapeError unless every tensor has these axes, with equal sizes where names repeat.

    `expect("N", logp=logp, old=old)` asks for rank 1 and one common N.
    """
    names = axes.split()
    sizes: dict[str, tuple[str, int]] = {}
    for label, tensor in tensors.items():
        if tensor.ndim != len(names):
            raise ShapeError(f"{label} has shape {list(tensor.shape)}; expected axes [{', '.join(names)}]")
        for axis, size in zip(names, tensor.shape, strict=True):
            first, known = sizes.setdefault(axis, (label, size))
            if size != known:
                raise ShapeError(f"axis {axis} is {known} in {first} but {size} in {label}")
