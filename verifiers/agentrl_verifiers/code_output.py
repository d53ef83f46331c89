"""When two outputs of a program agree."""

import math


def stripped(text: str) -> list[str]:
    r"""Return lines without spaces at their ends, and without empty lines at the end.

    >>> stripped("a \nb\n\n")
    ['a', 'b']
    """
    return "\n".join(line.rstrip() for line in text.splitlines()).rstrip("\n").split("\n")


def alike(got: str, expected: str, tolerance: float = 0.0) -> bool:
    """Tell whether two outputs agree, ends of lines and of the text put aside; numbers within a tolerance.

    >>> alike("1.0000001 x ", "1 x", 1e-6), alike("1.0", "1")
    (True, False)
    """
    one, two = stripped(got), stripped(expected)
    if one == two or not tolerance or len(one) != len(two):
        return one == two
    return all(_alike_line(a.split(), b.split(), tolerance) for a, b in zip(one, two, strict=True))


def _alike_line(got: list[str], expected: list[str], tolerance: float) -> bool:
    return len(got) == len(expected) and all(
        a == b or _close(a, b, tolerance) for a, b in zip(got, expected, strict=True)
    )


def _close(got: str, expected: str, tolerance: float) -> bool:
    try:
        a, b = float(got), float(expected)
    except ValueError:
        return False
    return math.isfinite(a) and abs(a - b) <= tolerance * max(1.0, abs(b))
