"""From a loss a token to one number, by weights that do not depend on how the step is split."""

from typing import Literal, get_args

import torch
from torch import Tensor

from agentrl.errors import ConfigError, nearest
from agentrl.shapes import expect

Reduction = Literal["token-mean", "seq-mean-token-mean", "seq-mean-token-sum", "constant"]


def weights(
    how: str,
    trajectory: Tensor,
    *,
    max_tokens: int | None = None,
    trajectories: int | None = None,
    norm: Literal["trajectory", "verl"] = "trajectory",
) -> Tensor:
    """Return a weight for each token, so that the loss of an optimiser step is (weights * loss).sum().

    Given the table of the whole step, any split into micro-batches that takes its tokens' weights along adds
    up to the same loss. A sequence is a trajectory: B of them, n tokens each, N in all.

    token-mean: 1/N. seq-mean-token-mean: 1/(B n). seq-mean-token-sum: 1/B. constant: 1/(B max_tokens), or
    1/max_tokens with norm="verl".

    Source: DAPO (arXiv:2503.14476) for token-mean, GRPO (arXiv:2402.03300) for seq-mean-token-mean, Dr. GRPO
            (arXiv:2503.20783) for constant.
    Shapes: trajectory [N] int; returns [N] float64.
    Edge:   B counts trajectories that have a token; `trajectories` overrides it for "constant", whose
            published form counts empty ones too.
    Errors: ConfigError for an unknown name, or "constant" without `max_tokens`.
    """
    expect("N", trajectory=trajectory)
    allowed = get_args(Reduction)
    if how not in allowed:
        raise ConfigError(f"reduction {how!r} is not one of {', '.join(allowed)}{nearest(how, allowed)}")
    like = torch.ones(len(trajectory), dtype=torch.float64, device=trajectory.device)
    if how == "token-mean":
        return like / max(len(trajectory), 1)
    names, slot, count = torch.unique(trajectory, return_inverse=True, return_counts=True)
    rows = max(len(names), 1)
    if how == "seq-mean-token-mean":
        length: Tensor = count[slot]
        return like / (rows * length)
    if how == "seq-mean-token-sum":
        return like / rows
    if max_tokens is None or max_tokens < 1:
        raise ConfigError(
            f"reduction 'constant' needs max_tokens >= 1, the longest reply possible; got {max_tokens}"
        )
    return like / (max_tokens * (1 if norm == "verl" else trajectories or rows))
