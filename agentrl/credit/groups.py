"""Credit by comparison inside a group."""

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from agentrl.errors import ConfigError, nearest
from agentrl.shapes import expect

Scale = Literal["std", "none"]
Singleton = Literal["raw", "zero"]


def group_relative(
    score: Tensor,
    group: Tensor,
    unit: Tensor | None = None,
    *,
    scale: Scale = "std",
    eps: float = 1e-6,
    singleton: Singleton = "raw",
) -> Tensor:
    """Return each score minus its group's mean, over its group's standard deviation plus `eps` if scaled.

    Without `unit` every row enters the statistics. With it, one entry a unit does (its first row that has a
    score), and every row is still compared by its own score.

    Source: GRPO (arXiv:2402.03300): A = (R - mean) / (std + eps); Dr. GRPO (arXiv:2503.20783) with
            scale="none".
    Shapes: score [S] float, group [S] int, unit [S] int (say, the trajectory of each turn); returns [S].
    Units:  those of the score, or standard deviations (unbiased, n - 1) if scaled.
    Edge:   equal scores get exactly 0; a group of one entry keeps its raw score (over 1 + eps if scaled), or
            gets 0 with singleton="zero"; a NaN score is unscorable: it enters nothing and gets 0. With
            `unit`, a row that differs from units which are all equal is divided by `eps` alone.
    Errors: ShapeError if lengths differ; ConfigError for an unknown scale or singleton.
    """
    _known("scale", scale, Scale)
    _known("singleton", singleton, Singleton)
    stats = _statistics(score, group, unit)
    alone = stats.count == 1
    centre = torch.where(alone, 0.0, stats.mean) if singleton == "raw" else stats.mean
    out = stats.score - centre[stats.slot]
    if scale == "std":
        out = out / (torch.where(alone, 1.0, stats.std) + eps)[stats.slot]
    if singleton == "zero":
        out = torch.where(alone[stats.slot], 0.0, out)
    return torch.where(stats.scorable, out, 0.0).to(score.dtype)


def leave_one_out(score: Tensor, group: Tensor, *, singleton: Singleton = "raw") -> Tensor:
    """Return each score minus the mean of the other scores of its group.

    Source: RLOO (arXiv:2402.14740); computed as (R - mean) * n / (n - 1).
    Shapes: score [S] float, group [S] int; returns [S].
    Edge:   as `group_relative`: equal scores get exactly 0, NaN enters nothing and gets 0, a group of one
            keeps its score or gets 0.
    """
    _known("singleton", singleton, Singleton)
    stats = _statistics(score, group, None)
    others = (stats.count - 1).clamp(min=1)
    factor = torch.where(stats.count > 1, stats.count / others, 1.0)
    alone = stats.count == 1
    centre = torch.where(alone, 0.0, stats.mean) if singleton == "raw" else stats.mean
    out = (stats.score - centre[stats.slot]) * factor[stats.slot]
    return torch.where(stats.scorable, out, 0.0).to(score.dtype)


def group_mean(score: Tensor, group: Tensor) -> Tensor:
    """Return for each row the mean score of its group.

    Shapes: score [S] float, group [S] int; returns [S].
    Edge:   NaN scores enter no mean; a group without a score has mean NaN.
    """
    stats = _statistics(score, group, None)
    mean = torch.where(stats.count > 0, stats.mean, torch.nan)
    return mean[stats.slot].to(score.dtype)


@dataclass(frozen=True, slots=True)
class _Statistics:
    score: Tensor
    """[S] float64"""
    slot: Tensor
    """[S] int, from 0 to G - 1"""
    scorable: Tensor
    """[S] bool"""
    count: Tensor
    """[G] entries"""
    mean: Tensor
    """[G]; the common value itself where all entries are equal"""
    std: Tensor
    """[G] unbiased; 0 for fewer than two entries"""


def _statistics(score: Tensor, group: Tensor, unit: Tensor | None) -> _Statistics:
    """Return each group's mean and spread in float64, centred before squaring."""
    columns = {"score": score, "group": group} | ({} if unit is None else {"unit": unit})
    expect("S", **columns)
    value = score.detach().double()
    names, slot = torch.unique(group, return_inverse=True)
    scorable = ~value.isnan()
    entry = scorable if unit is None else _first_rows(slot, unit, scorable)
    of, x = slot[entry], value[entry]
    zero = value.new_zeros(len(names))
    count = zero.index_add(0, of, torch.ones_like(x))
    mean = zero.index_add(0, of, x) / count.clamp(min=1)
    low = zero.scatter_reduce(0, of, x, "amin", include_self=False)
    high = zero.scatter_reduce(0, of, x, "amax", include_self=False)
    # The mean of equal numbers may round away from them, and that difference over eps is not small.
    mean = torch.where(low == high, low, mean)
    square = zero.index_add(0, of, (x - mean[of]) ** 2)
    std = (square / (count - 1).clamp(min=1)).sqrt()
    return _Statistics(value, slot, scorable, count, mean, std)


def _first_rows(slot: Tensor, unit: Tensor, scorable: Tensor) -> Tensor:
    """Return a mask of the first scorable row of every unit of every group."""
    _, code = torch.unique(unit, return_inverse=True)
    names, key = torch.unique(slot * (len(code) + 1) + code, return_inverse=True)
    rows = torch.arange(len(slot), device=slot.device)
    first = torch.full((len(names),), len(slot), device=slot.device)
    first = first.scatter_reduce(0, key[scorable], rows[scorable], "amin")
    return rows == first[key]


def _known(name: str, value: str, kind: object) -> None:
    allowed = get_args(kind)
    if value not in allowed:
        raise ConfigError(f"{name}={value!r} is not one of {', '.join(allowed)}{nearest(value, allowed)}")
