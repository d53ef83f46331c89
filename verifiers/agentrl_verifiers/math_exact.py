"""Exact arithmetic: quotients of polynomials with rational coefficients, square roots of integers and names.

Such a form decides equality: square roots of different square-free integers, and names, are independent of
each other. A name is a variable, or whatever cannot be worked out (a sine, a sum, a root of x + 1). Nothing
is worked out whose size was not bounded before.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from hashlib import blake2b

from agentrl_verifiers.math_grammar import Tree
from agentrl_verifiers.math_polynomial import (
    BITS,
    ONE,
    TERMS,
    UNIT,
    Mono,
    Number,
    Poly,
    TooLargeError,
    plus,
    times,
)

_WHOLE: dict[str, Callable[[Number], Number]] = {
    "abs": lambda n: max(n, -n),
    "floor": math.floor,
    "ceil": math.ceil,
}
FACTORIAL = 2_000
"""greatest number whose factorial is worked out; so for binomials"""
DIGITS = 1_000
"""of a number, and of its power of ten"""


@dataclass(frozen=True, slots=True)
class Exact:
    """A quotient of polynomials."""

    over: Poly
    under: Poly
    sure: bool = True
    """no name in it stands for something that has a value of its own"""

    @property
    def number(self) -> Number | None:
        """Return the rational number that it is, if it is one."""
        if self.under is not UNIT and self.under != UNIT:
            return None
        if not self.over:
            return 0
        return self.over.get(ONE) if len(self.over) == 1 else None

    @property
    def key(self) -> str:
        """Return a text that equal quotients mostly share: what names a function of it."""
        over, under = (
            sorted((rad, gens, str(c)) for (rad, gens), c in p.items()) for p in (self.over, self.under)
        )
        text = f"{over}/{under}"
        # A name may hold a name: without a digest, texts could grow with every level.
        return text if len(text) < 200 else blake2b(text.encode(), digest_size=16).hexdigest()


def exact(tree: Tree) -> Exact:
    """Return the value of a tree in exact form.

    Errors: TooLargeError where it is out of bounds, ZeroDivisionError, and ValueError where a tree is no
            expression (a set, a relation, text).
    """
    worker = _WORKERS.get(tree[0])
    if worker is None:
        raise ValueError(f"{tree[0]} is no number")
    return worker(tree)


def equal(a: Exact, b: Exact) -> bool:
    """Return whether two quotients are the same."""
    if a.under == b.under:
        return a.over == b.over
    return times(a.over, b.under) == times(b.over, a.under)


def proportion(a: Exact, b: Exact) -> Fraction | None:
    """Return the number c with a = c b up to denominators, if there is one: both are 0 together."""
    if a.over.keys() != b.over.keys() or not a.over:
        return None
    first = next(iter(a.over))
    ratio = Fraction(a.over[first]) / b.over[first]
    return ratio if all(c == ratio * b.over[m] for m, c in a.over.items()) else None


def literal(text: str) -> Number:
    """Return the number that digits are.

    Errors: TooLargeError where it has more than 1,000 digits.
    """
    if len(text) <= DIGITS and text.isdigit():
        return int(text)
    mantissa, _, power = text.lower().partition("e")
    if len(mantissa) > DIGITS or len(power) > 4 or abs(int(power or 0)) > DIGITS:
        raise TooLargeError(f"a number of more than {DIGITS} digits")
    return Fraction(text)


def whole(tree: Tree) -> int:
    """Return the natural number a tree is, for factorials and binomials.

    Errors: TooLargeError above 2,000; ValueError where it is none.
    """
    number = exact(tree).number
    if number is None or number.denominator != 1 or number < 0:
        raise ValueError("no natural number")
    if number > FACTORIAL:
        raise TooLargeError(f"{number} is above {FACTORIAL}")
    return int(number)


def _product(a: Exact, b: Exact) -> Exact:
    return Exact(times(a.over, b.over), times(a.under, b.under), a.sure and b.sure)


def _inverse(a: Exact) -> Exact:
    """Return 1 / a; where a has one term, as a polynomial (powers may be negative)."""
    if not a.over:
        raise ZeroDivisionError("division by zero")
    if len(a.over) > 1:
        return Exact(a.under, a.over, a.sure)
    ((rad, gens), c) = next(iter(a.over.items()))
    mono: Mono = (rad, tuple((name, -power) for name, power in gens))
    return Exact(times(a.under, {mono: Fraction(1, c * rad)}), UNIT, a.sure)


def _constant(number: Number) -> Exact:
    return Exact({ONE: number} if number else {}, UNIT)


def _name(name: str, sure: bool) -> Exact:
    return Exact({(1, ((name, 1),)): 1}, UNIT, sure)


def _symbol(tree: Tree) -> Exact:
    name = tree[1]
    return Exact({(-1, ()): 1}, UNIT) if name == "i" else _name(name, True)


def _sum(tree: Tree) -> Exact:
    total = exact(tree[1])
    for item in tree[2:]:
        more = exact(item)
        sure = total.sure and more.sure
        if total.under == more.under:
            total = Exact(plus(total.over, more.over), total.under, sure)
        else:
            over = plus(times(total.over, more.under), times(more.over, total.under))
            total = Exact(over, times(total.under, more.under), sure)
    return total


def _negative(tree: Tree) -> Exact:
    a = exact(tree[1])
    return Exact({mono: -c for mono, c in a.over.items()}, a.under, a.sure)


def _all(tree: Tree) -> Exact:
    found = exact(tree[1])
    for item in tree[2:]:
        found = _product(found, exact(item))
    return found


def _power(tree: Tree) -> Exact:
    base, power = exact(tree[1]), exact(tree[2])
    exponent = power.number
    if exponent is not None and exponent.denominator == 1:
        return _integral(base, int(exponent))
    if exponent is not None and exponent.denominator <= 10 and abs(exponent.numerator) < 100:
        root = ("fn", "root", tree[1], ("num", str(exponent.denominator)))
        return _integral(exact(root), exponent.numerator)
    return _name(f"({base.key})^({power.key})", False)


def _integral(base: Exact, power: int) -> Exact:
    if power < 0:
        base, power = _inverse(base), -power
    number = base.number
    if number is not None:
        bits = max(number.numerator.bit_length(), number.denominator.bit_length())
        if abs(number) not in (0, 1) and bits * power > BITS:
            raise TooLargeError(f"a power of more than {BITS} bits")
        return _constant(number**power if abs(number) != 1 else number ** (power % 2 or 2))
    if power > BITS or ((len(base.over) > 1 or len(base.under) > 1) and power > TERMS):
        raise TooLargeError(f"a power of {power}")
    found = Exact(UNIT, UNIT, base.sure)
    while power:
        if power & 1:
            found = _product(found, base)
        power >>= 1
        base = _product(base, base) if power else base
    return found


def _root(tree: Tree) -> Exact:
    """Return a root: of a rational number as rational number times root of a square-free integer."""
    a, degree = exact(tree[2]), exact(tree[3]).number
    number = a.number
    if number is not None and degree == 2 and max(abs(number.numerator), number.denominator) < 10**15:
        return _square_root(number)
    if number is not None and degree in (3, 4, 5, 6) and (number > 0 or degree % 2):
        roots = [_perfect(abs(part), int(degree)) for part in (number.numerator, number.denominator)]
        if roots[0] is not None and roots[1] is not None:
            return _constant(Fraction(roots[0], roots[1]) * (1 if number > 0 else -1))
    return _name(f"root {degree} of {a.key}", False)


def _square_root(number: Number) -> Exact:
    """Return the root of p/q as that of pq over q."""
    under = number.numerator * number.denominator
    if not under:
        return _constant(Fraction(0))
    out, rad, at = 1, abs(under), 2
    # Once no prime up to 1,000 is left, less than 10^9 has no square in it, or is one.
    while at <= 1000 and at * at <= rad:
        while rad % (at * at) == 0:
            out, rad = out * at, rad // (at * at)
        at += 1
    rest = math.isqrt(rad)
    if rest * rest == rad:
        out, rad = out * rest, 1
    elif rad >= 10**9:
        return _name(f"root 2 of {number}", False)
    return Exact({(rad if under > 0 else -rad, ()): Fraction(out, number.denominator)}, UNIT)


def _perfect(number: int, degree: int) -> int | None:
    """Return the integer whose power a number is, if there is one."""
    if number.bit_length() > 900:
        return None
    guess = round(number ** (1 / degree))
    return next((n for n in (guess - 1, guess, guess + 1) if n**degree == number), None)


def _function(tree: Tree) -> Exact:
    if tree[1] == "root":
        return _root(tree)
    of = [exact(item) for item in tree[2:]]
    number = of[0].number
    if number is not None and tree[1] in _WHOLE:
        return _constant(_WHOLE[tree[1]](number))
    if tree[1] == "exp":
        return _power(("pow", ("sym", "e"), tree[2]))
    return _name(f"{tree[1]}({', '.join(a.key for a in of)})", False)


def _opaque(tree: Tree) -> Exact:
    """Return a name for what is compared by its parts only."""
    parts = [part if isinstance(part, str) else _part(part) for part in tree]
    return _name(" ".join(parts), True)


def _part(tree: Tree) -> str:
    try:
        return exact(tree).key
    except (ValueError, ArithmeticError):
        return " ".join(part if isinstance(part, str) else _part(part) for part in tree)


def _digits(tree: Tree) -> Exact:
    return _constant(literal(tree[1]))


def _binomial(tree: Tree) -> Exact:
    return _constant(math.comb(whole(tree[1]), whole(tree[2])))


def _hundredth(tree: Tree) -> Exact:
    return _product(exact(tree[1]), _constant(Fraction(1, 100)))


_WORKERS: dict[str, Callable[[Tree], Exact]] = {
    "num": _digits,
    "sym": _symbol,
    "add": _sum,
    "neg": _negative,
    "mul": _all,
    "div": lambda tree: _product(exact(tree[1]), _inverse(exact(tree[2]))),
    "pow": _power,
    "fn": _function,
    "call": _opaque,
    "sub": _opaque,
    "fact": lambda tree: _constant(math.factorial(whole(tree[1]))),
    "binom": _binomial,
    "pct": _hundredth,
}
