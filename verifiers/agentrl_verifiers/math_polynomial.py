"""Polynomials in names (powers may be negative) and square roots of integers, with rational coefficients."""

import math
from fractions import Fraction
from typing import Any

BITS = 100_000
"""of a power of a number, at most"""
TERMS = 300
"""of a polynomial"""

Mono = tuple[int, tuple[tuple[str, int], ...]]
"""a square-free integer under a root, and powers of names"""
Number = int | Fraction
Poly = dict[Mono, Number]
ONE: Mono = (1, ())
UNIT: Poly = {ONE: 1}


class TooLargeError(ArithmeticError):
    """What would come out is too large to be worked out."""


def plus(a: Poly, b: Poly) -> Poly:
    """Return a sum.

    Errors: TooLargeError above 300 terms.
    """
    found = dict(a)
    for mono, c in b.items():
        total = found.get(mono, 0) + c
        if total:
            found[mono] = total
        else:
            del found[mono]
    if len(found) > TERMS:
        raise TooLargeError(f"more than {TERMS} terms")
    return found


def times(a: Poly, b: Poly) -> Poly:
    """Return a product.

    Errors: TooLargeError above 300 terms, or where a coefficient has too many bits.
    """
    if a is UNIT or b is UNIT:
        return b if a is UNIT else a
    if len(a) * len(b) > TERMS * 30:
        raise TooLargeError(f"more than {TERMS} terms")
    found: Poly = {}
    for (rad, gens), c in a.items():
        for (other, more), d in b.items():
            mono, factor = _together(rad, other, gens, more)
            total = found.get(mono, 0) + c * d * factor
            if total:
                found[mono] = _bounded(total)
            else:
                found.pop(mono, None)
    if len(found) > TERMS:
        raise TooLargeError(f"more than {TERMS} terms")
    return found


def _bounded(number: Number) -> Number:
    if max(number.numerator.bit_length(), number.denominator.bit_length()) > 2 * BITS:
        raise TooLargeError(f"a number of more than {2 * BITS} bits")
    return number


def _together(rad: int, other: int, gens: Any, more: Any) -> tuple[Mono, int]:
    """Return the product of two monomials, and the integer that comes out of the roots."""
    shared = math.gcd(rad, other)
    factor = -shared if rad < 0 and other < 0 else shared
    under = (abs(rad) // shared) * (abs(other) // shared) * (-1 if (rad < 0) != (other < 0) else 1)
    if not gens or not more:
        return (under, gens or more), factor
    powers = dict(gens)
    for name, power in more:
        powers[name] = powers.get(name, 0) + power
    return (under, tuple(sorted((n, p) for n, p in powers.items() if p))), factor
