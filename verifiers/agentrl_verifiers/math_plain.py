"""Integers, fractions and decimals in the forms that most answers have: compared without reading a tree."""

import re

_PLAIN = re.compile(
    r"(-?)(?:([0-9]{1,18})(?:/([0-9]{1,18}))?|\\[dt]?frac\{([0-9]{1,18})\}\{([0-9]{1,18})\}|([0-9]{0,15})\.([0-9]{1,15}))"
)


def plain(text: str) -> tuple[int, int, bool] | None:
    r"""Return numerator, denominator and whether it has decimals; None for what is not one plain number.

    >>> plain("-2.50"), plain(r"\frac{3}{4}"), plain("3x")
    ((-250, 100, True), (3, 4, False), None)
    """
    found = _PLAIN.fullmatch(text)
    if found is None:
        return None
    minus, over, under, top, bottom, units, decimals = found.groups()
    if decimals is not None:
        parts = int(units + decimals), 10 ** len(decimals)
    else:
        parts = int(over or top), int(under or bottom or 1)
    return (-parts[0] if minus else parts[0], parts[1], decimals is not None) if parts[1] else None


def settled(gold: str, given: str) -> bool | None:
    """Return whether two plain numbers are equal; None where one is none, or rounding could make them so."""
    one, two = plain(gold), plain(given)
    if one is None or two is None:
        return None
    if one[0] * two[1] == two[0] * one[1]:
        return True
    return None if one[2] or two[2] else False
