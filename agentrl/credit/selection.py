"""Which groups and episodes are learnt from, and how much each counts."""

from typing import Literal

import torch
from torch import Tensor

from agentrl.errors import ConfigError, nearest
from agentrl.shapes import expect


def has_spread(score: Tensor, group: Tensor) -> Tensor:
    """Return for each row whether the scores of its group differ.

    Source: the groups that dynamic sampling of DAPO (arXiv:2503.14476) drops are those without spread.
    Shapes: score [S] float, group [S] int; returns [S] bool.
    Edge:   NaN scores enter nothing; a group with at most one score has no spread.
    """
    expect("S", score=score, group=group)
    names, slot = torch.unique(group, return_inverse=True)
    known = ~score.isnan()
    of, x = slot[known], score[known]
    zero = score.new_zeros(len(names))
    high = zero.scatter_reduce(0, of, x, "amax", include_self=False)
    low = zero.scatter_reduce(0, of, x, "amin", include_self=False)
    return (high > low)[slot]


def overlong(length: Tensor, longest: int, buffer: int, factor: float = 1.0) -> Tensor:
    """Return the penalty for replies that come near the limit: 0 up to the buffer, then a falling line.

    min(-(length - (longest - buffer)) / buffer * factor, 0)

    Source: soft overlong punishment of DAPO (arXiv:2503.14476).
    Shapes: length [S] int; returns [S] float64, at most 0.
    Units:  lengths in tokens, the penalty in reward units; it is -factor at the limit.
    Edge:   a buffer of 0 penalises nothing; past the limit the line goes on.
    """
    expect("S", length=length)
    if buffer <= 0:
        return torch.zeros(len(length), dtype=torch.float64)
    return (-(length.double() - (longest - buffer)) / buffer * factor).clamp(max=0.0)


def comparisons(ret: Tensor, group: Tensor, rule: str, gap: float = 0.0) -> tuple[Tensor, Tensor]:
    """Return pairs of episodes of one group, the one with the higher return first.

    best_worst: one pair a group, its extremes; the first of equal ones. all: every pair with unequal returns.

    Shapes: ret [B] float, group [B] int; returns two [P] int.
    Units:  `gap`, the least difference, in reward units; equal returns are never compared.
    Errors: ConfigError for an unknown rule.
    """
    if rule not in ("best_worst", "all"):
        raise ConfigError(
            f"pairs={rule!r} is not one of best_worst, all{nearest(rule, ('best_worst', 'all'))}"
        )
    expect("B", ret=ret, group=group)
    # One row a group, so that work grows with the groups and not with the square of the batch.
    names, slot, count = torch.unique(group, return_inverse=True, return_counts=True)
    order = torch.argsort(slot, stable=True)
    place = torch.arange(len(ret)) - (count.cumsum(0) - count)[slot[order]]
    member = torch.full((len(names), int(count.max()) if len(count) else 0), -1)
    member[slot[order], place] = order
    earned = torch.where(member >= 0, ret[member], torch.nan)
    apart = earned[:, :, None] - earned[:, None]
    wanted = (apart > 0) & (apart >= gap)
    if rule == "best_worst" and len(ret):
        columns = torch.arange(member.shape[1])
        best = earned.nan_to_num(-torch.inf).argmax(1, keepdim=True) == columns
        worst = earned.nan_to_num(torch.inf).argmin(1, keepdim=True) == columns
        wanted &= best[:, :, None] & worst[:, None]
    row, one, other = wanted.nonzero().unbind(1)
    return member[row, one], member[row, other]


Rule = Literal["pow", "max_min", "max_random"]


def draw_weight(score: Tensor, rule: str, *, power: float = 2.0, group: Tensor | None = None) -> Tensor:
    """Return how likely each episode is drawn again, up to a common factor.

    pow: |score|^power. max_min: 1 for the highest and lowest scores, 0 for others. max_random: 0.4 for the
    highest, 0.1 for others.

    Source: PF-PPO (arXiv:2409.06957), rules and numbers of published code.
    Shapes: score [B] float, group [B] int: extremes are those of a group, without it those of all; returns
            [B].
    Edge:   1e-8 is added, so that something can always be drawn.
    Errors: ConfigError for an unknown rule.
    """
    rules = ("pow", "max_min", "max_random")
    if rule not in rules:
        raise ConfigError(f"filter={rule!r} is not one of {', '.join(rules)}{nearest(rule, rules)}")
    expect("B", score=score)
    if rule == "pow":
        return score.abs() ** power + 1e-8
    of = torch.zeros(len(score), dtype=torch.long) if group is None else group
    names, slot = torch.unique(of, return_inverse=True)
    zero = score.new_zeros(len(names))
    high = zero.scatter_reduce(0, slot, score, "amax", include_self=False)[slot]
    low = zero.scatter_reduce(0, slot, score, "amin", include_self=False)[slot]
    if rule == "max_min":
        return ((score == high) | (score == low)).to(score.dtype) + 1e-8
    return torch.where(score == high, 0.4, 0.1).to(score.dtype) + 1e-8
