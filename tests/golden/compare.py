"""Where two results differ, by the rules the golden files set."""

import math
from collections.abc import Iterator
from typing import Any

COUNTS = frozenset({"n_pairs", "num_pairs", "em", "sub_em", "N"})
"""keys of integers that count something: they must be equal, whatever the tolerance"""


class _Ignored:
    def __repr__(self) -> str:
        return "(not compared)"


IGNORED = _Ignored()
"""Stands where a file's note says not to compare (masked positions of advantage tables)."""

Tolerance = float | dict[str, float]
"""a number t: |got - expected| <= t * max(1, |expected|); or {"rtol", "atol"}: <= atol + rtol * |expected|"""


def differences(
    expected: Any, got: Any, tolerance: Tolerance, path: str = ""
) -> Iterator[tuple[str, Any, Any]]:
    """Yield (place, expected, got) wherever the two differ; keys that `expected` lacks do not matter."""
    if got is IGNORED:
        return
    if isinstance(expected, dict):
        if not isinstance(got, dict):
            yield path, expected, got
            return
        for key, value in expected.items():
            place = f"{path}.{key}" if path else key
            if key not in got:
                yield place, value, "(not returned)"
            else:
                yield from differences(value, got[key], 0.0 if key in COUNTS else tolerance, place)
    elif isinstance(expected, list):
        if not isinstance(got, list | tuple) or len(got) != len(expected):
            yield path, expected, got
            return
        for number, (a, b) in enumerate(zip(expected, got, strict=True)):
            yield from differences(a, b, tolerance, f"{path}[{number}]")
    elif not _same(expected, got, tolerance):
        yield path, expected, got


def _same(expected: Any, got: Any, tolerance: Tolerance) -> bool:
    if expected == "inf" and isinstance(got, float):
        return got == math.inf
    if expected is None or isinstance(expected, bool | str):
        return type(got) is type(expected) and bool(got == expected)
    if isinstance(got, bool) or not isinstance(got, int | float):
        return False
    if isinstance(tolerance, dict):
        room = tolerance["atol"] + tolerance["rtol"] * abs(expected)
    else:
        room = tolerance * max(1.0, abs(expected))
    return abs(got - expected) <= room
