"""Sets of real numbers, and the inequalities that say the same, as intervals from left to right."""

import math
from dataclasses import dataclass

from agentrl_verifiers.math_grammar import Tree
from agentrl_verifiers.math_sample import sample


@dataclass(frozen=True, slots=True)
class Interval:
    """From one end to the other; a number alone is both."""

    low: Tree
    high: Tree
    low_in: bool
    high_in: bool
    start: float
    stop: float


Region = list[Interval]
INFINITY: Tree = ("inf",)
MINUS: Tree = ("neg", INFINITY)


def region(tree: Tree) -> Region | None:
    """Return a set or an inequality as intervals that do not touch; None where it is something else.

    Edge: ends must be numbers, not names.
    """
    try:
        found = _region(tree)
    except (ValueError, ArithmeticError):
        return None
    return _merged(found)


def _region(tree: Tree) -> Region:
    match tree[0]:
        case "tuple" if len(tree) == 4:
            return [_interval(tree[2], tree[3], tree[1][0] == "[", tree[1][1] == "]")]
        case "set":
            return [_interval(item, item, True, True) for item in tree[1:]]
        case "union":
            return [*_region(tree[1]), *_region(tree[2])]
        case "minus":
            return _without(_merged(_region(tree[1])), _merged(_region(tree[2])))
        case "rel":
            return _solutions(tree[1], tree[2:])
    raise ValueError(f"{tree[0]} is no set of numbers")


def _interval(low: Tree, high: Tree, low_in: bool, high_in: bool) -> Interval:
    start, stop = _place(low), _place(high)
    if start > stop:
        raise ValueError("an interval from right to left")
    return Interval(low, high, low_in and math.isfinite(start), high_in and math.isfinite(stop), start, stop)


def _place(end: Tree) -> float:
    if end in (INFINITY, MINUS):
        return math.inf if end == INFINITY else -math.inf
    if _named(end):
        raise ValueError("an end that is no number")
    found = sample(end, 0)
    if abs(found.imag) > 1e-9 or not math.isfinite(found.real):
        raise ValueError("an end that is no real number")
    return found.real


def _named(tree: Tree) -> bool:
    if tree[0] in ("call", "sub") or (tree[0] == "sym" and tree[1] not in ("e", "\\pi")):
        return True
    return any(_named(part) for part in tree if isinstance(part, tuple))


def _merged(parts: Region) -> Region:
    """Return intervals from left to right, those that touch as one."""
    found: Region = []
    for part in sorted(parts, key=lambda p: (p.start, not p.low_in, p.stop)):
        last = found[-1] if found else None
        if last and (part.start < last.stop or (part.start == last.stop and (part.low_in or last.high_in))):
            end = max(last, part, key=lambda p: (p.stop, p.high_in))
            found[-1] = Interval(last.low, end.high, last.low_in, end.high_in, last.start, end.stop)
        elif part.start < part.stop or (part.low_in and part.high_in):
            found.append(part)
    return found


def _without(parts: Region, points: Region) -> Region:
    """Return intervals with single points taken out."""
    for point in points:
        if point.start != point.stop:
            raise ValueError("only points are taken out")
        kept: Region = []
        for p in parts:
            if not p.start <= point.start <= p.stop:
                kept.append(p)
                continue
            kept.append(Interval(p.low, point.low, p.low_in, False, p.start, point.start))
            kept.append(Interval(point.low, p.high, False, p.high_in, point.start, p.stop))
        parts = [p for p in kept if p.start < p.stop or (p.low_in and p.high_in)]
    return parts


def _solutions(signs: str, items: tuple[Tree, ...]) -> Region:
    """Return where a quantity is by an inequality, or chain of two, between it and numbers."""
    if signs == "∈":
        return _region(items[1])
    if set(signs) <= {">", "≥"}:
        signs = signs[::-1].replace(">", "<").replace("≥", "≤")
        items = items[::-1]
    if signs == "≠" and _quantity(items[0]):
        return _without(
            [_interval(MINUS, INFINITY, False, False)], [_interval(items[1], items[1], True, True)]
        )
    if not set(signs) <= {"<", "≤"} or len(signs) > 2:
        raise ValueError("no inequality")
    low, low_in, high, high_in = MINUS, False, INFINITY, False
    if len(signs) == 2:
        low, middle, high = items
        low_in, high_in = signs[0] == "≤", signs[1] == "≤"
    elif _quantity(items[0]):
        middle, high, high_in = items[0], items[1], signs == "≤"
    else:
        low, middle, low_in = items[0], items[1], signs == "≤"
    if not _quantity(middle):
        raise ValueError("no inequality for one quantity")
    if middle[:2] != ("fn", "abs"):
        return [_interval(low, high, low_in, high_in)]
    opposite: Tree = MINUS if high == INFINITY else ("neg", high)
    if low == MINUS or _place(low) < 0:
        return [_interval(opposite, high, high_in, high_in)]
    left: Tree = ("neg", low)
    return [_interval(opposite, left, high_in, low_in), _interval(low, high, low_in, high_in)]


def _quantity(tree: Tree) -> bool:
    """Return whether a tree is a variable, a function of something unknown, or the size of one."""
    if tree[:2] == ("fn", "abs"):
        return _quantity(tree[2])
    return tree[0] in ("call", "sub") or (tree[0] == "sym" and tree[1] not in ("e", "\\pi"))
