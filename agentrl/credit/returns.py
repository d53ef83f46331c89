"""Sums along trajectories: returns, suffix and prefix sums, whitening.

All of them are one linear recurrence, y[t] = x[t] + decay[t] * y[t + 1], solved for every trajectory at once
by folding neighbours in pairs: work linear in the rows, a logarithmic number of tensor operations, any
lengths.
"""

import torch
from torch import Tensor

from agentrl.errors import ShapeError
from agentrl.shapes import expect


def discounted(reward: Tensor, trajectory: Tensor, gamma: float, *, step: Tensor | None = None) -> Tensor:
    """Return at each row the discounted sum of the rewards from there to the end of its trajectory.

    With `step`, neighbouring rows of a trajectory with equal numbers are one environment step: its reward is
    taken once, from the first of them, and all get the same return.

    Source: step returns of GiGPO (arXiv:2505.10978).
    Shapes: reward [S] float, trajectory [S] int, step [S] int; returns [S].
    Units:  reward units; `gamma` per row, or per environment step where `step` is given.
    Edge:   rows of one trajectory are in time order; trajectories may be interleaved.
    """
    if step is None:
        return within(reward, trajectory, gamma)
    expect("S", reward=reward, trajectory=trajectory, step=step)
    order = _order(trajectory)
    if order is not None:
        return _restored(discounted(reward[order], trajectory[order], gamma, step=step[order]), order)
    first = torch.ones_like(trajectory, dtype=torch.bool)
    first[1:] = (trajectory[1:] != trajectory[:-1]) | (step[1:] != step[:-1])
    returns = within(reward[first], trajectory[first], gamma)
    return returns[first.cumsum(0) - 1]


def suffix_sum(x: Tensor, trajectory: Tensor) -> Tensor:
    """Return at each row the sum of `x` from there to the end of its trajectory.

    Shapes: x [N] float, trajectory [N] int; returns [N].
    """
    return within(x, trajectory, 1.0)


def prefix_sum(x: Tensor, trajectory: Tensor) -> Tensor:
    """Return at each row the sum of `x` from the start of its trajectory up to and with that row.

    Shapes: x [N] float, trajectory [N] int; returns [N].
    """
    return within(x.flip(0), trajectory.flip(0), 1.0).flip(0)


def within(x: Tensor, trajectory: Tensor, decay: float | Tensor) -> Tensor:
    """Return y with y[t] = x[t] + decay[t] * y[t + 1] inside each trajectory, y past its end being 0.

    Shapes: x [N] float, trajectory [N] int, decay a number or [N]; returns [N].
    Edge:   rows of one trajectory are in time order; trajectories may be interleaved. What is not finite
            stays in its own trajectory.
    """
    expect("N", x=x, trajectory=trajectory)
    factor = decay if isinstance(decay, Tensor) else x.new_full((), decay, dtype=_float(x)).expand(len(x))
    expect("N", x=x, decay=factor)
    order = _order(trajectory)
    if order is not None:
        return _restored(within(x[order], trajectory[order], factor[order]), order)
    last = torch.ones_like(trajectory, dtype=torch.bool)
    last[:-1] = trajectory[1:] != trajectory[:-1]
    return _scan(x.to(_float(x)), factor.to(_float(x)).masked_fill(last, 0.0))


def following(x: Tensor, trajectory: Tensor, end: Tensor | None = None) -> Tensor:
    """Return at each row the `x` of the next row of its trajectory; after the last row `end`, or 0.

    Shapes: x [N], trajectory [N] int, end [B] indexed by trajectory; returns [N].
    """
    expect("N", x=x, trajectory=trajectory)
    order = _order(trajectory)
    if order is not None:
        return _restored(following(x[order], trajectory[order], end), order)
    past = torch.zeros_like(x) if end is None else spread(end, trajectory).to(x.dtype)
    if len(x) == 0:
        return past
    last = trajectory[1:] != trajectory[:-1]
    return torch.cat([torch.where(last, past[:-1], x[1:]), past[-1:]])


def spread(x: Tensor, trajectory: Tensor) -> Tensor:
    """Return for each row the number of its trajectory.

    Shapes: x [B], trajectory [N] int in [0, B); returns [N].
    Errors: ShapeError where a trajectory has no number.
    """
    if len(trajectory) and not 0 <= int(trajectory.min()) <= int(trajectory.max()) < len(x):
        low, high = int(trajectory.min()), int(trajectory.max())
        raise ShapeError(f"trajectories run from {low} to {high}, but there are {len(x)} of them to index")
    return x.index_select(0, trajectory)


def whiten(x: Tensor, *, eps: float = 1e-8) -> Tensor:
    """Return `x` shifted to mean 0 and scaled to variance 1 over all rows.

    Source: (x - mean) / sqrt(var + eps) with the unbiased variance, as PPO implementations do to advantages.
    Shapes: x [N] float; returns [N].
    Edge:   a single row gets 0.
    """
    expect("N", x=x)
    if len(x) < 2:
        return torch.zeros_like(x)
    wide = x.double()
    return ((wide - wide.mean()) * torch.rsqrt(wide.var() + eps)).to(x.dtype)


def _scan(x: Tensor, decay: Tensor) -> Tensor:
    """Solve y[t] = x[t] + decay[t] * y[t + 1] by solving for every second row, half as long."""
    if len(x) <= 1:
        return x
    even = len(x) // 2 * 2
    left, right = x[0:even:2], x[1:even:2]
    into_right, beyond = decay[0:even:2], decay[1:even:2]
    half = torch.cat([_joined(left, into_right, right), x[even:]])
    y = _scan(half, torch.cat([into_right * beyond, decay[even:]]))
    after = torch.cat([y[1:], y.new_zeros(len(right) + 1 - len(y))])
    pairs = torch.stack([y[: len(right)], _joined(right, beyond, after)], dim=1)
    return torch.cat([pairs.reshape(-1), y[len(right) :]])


def _joined(x: Tensor, decay: Tensor, y: Tensor) -> Tensor:
    # 0 * nan is nan: a plain product would let a broken trajectory spoil the one before it.
    return torch.where(decay == 0, x, x + decay * y)


def _order(trajectory: Tensor) -> Tensor | None:
    """Return a stable order by trajectory, or None where the rows are in one already."""
    if bool((trajectory[1:] >= trajectory[:-1]).all()):
        return None
    return torch.argsort(trajectory, stable=True)


def _restored(y: Tensor, order: Tensor) -> Tensor:
    return torch.empty_like(y).index_copy(0, order, y)


def _float(x: Tensor) -> torch.dtype:
    return x.dtype if x.is_floating_point() else torch.float64
