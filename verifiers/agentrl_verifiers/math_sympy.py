"""Expressions in SymPy: built from trees, never from text; imported only in the second stage's process."""

from collections.abc import Callable
from typing import Any

import sympy

from agentrl_verifiers.math_exact import exact, whole
from agentrl_verifiers.math_grammar import Tree
from agentrl_verifiers.math_sample import POINTS, drawn

DIGITS = 50
"""that values are compared in"""
NEAR = sympy.Float(10) ** -35
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "sin": sympy.sin, "cos": sympy.cos, "tan": sympy.tan, "cot": sympy.cot, "sec": sympy.sec,
    "csc": sympy.csc, "sinh": sympy.sinh, "cosh": sympy.cosh, "tanh": sympy.tanh, "arcsin": sympy.asin,
    "arccos": sympy.acos, "arctan": sympy.atan, "log": sympy.log, "exp": sympy.exp, "abs": sympy.Abs,
    "floor": sympy.floor, "ceil": sympy.ceiling,
}  # fmt: skip
_CONSTANTS = {"e": sympy.E, "i": sympy.I, "\\pi": sympy.pi}


def same(gold: Any, given: Any) -> bool:
    """Return whether two expressions have one value: in 50 digits at points, else by simplifying."""
    one, two = expression(gold), expression(given)
    met = False
    for point in range(POINTS):
        values = [_value(e, point) for e in (one, two)]
        if None in values:
            continue
        if point == POINTS - 1 and not all(abs(sympy.im(v)) < NEAR for v in values):
            continue
        if abs(values[0] - values[1]) > NEAR * max(1, abs(values[0]), abs(values[1])):
            return False
        met = True
    return met or bool(sympy.simplify(one - two) == 0)


def _value(e: Any, point: int) -> Any:
    """Return the value of an expression at a point, None where it has none."""
    places = {s: sympy.Rational(round(drawn(s.name, point) * 1_000_000), 999_983) for s in e.free_symbols}
    found = e.subs(places).evalf(DIGITS, maxn=4 * DIGITS)
    real, imaginary = found.as_real_imag()
    return found if real.is_Float or (real.is_Rational and imaginary.is_number) else None


def expression(tree: Any) -> Any:
    """Return a tree as an expression of SymPy."""
    kind = tree[0]
    if kind == "num":
        return sympy.Rational(tree[1])
    if kind == "sym":
        return _CONSTANTS.get(tree[1]) or sympy.Symbol(tree[1])
    if kind in ("call", "sub"):
        return sympy.Symbol(next(iter(exact(_tuples(tree)).over))[1][0][0])
    if kind == "fact":
        return sympy.factorial(whole(_tuples(tree[1])))
    if kind == "binom":
        return sympy.binomial(whole(_tuples(tree[1])), whole(_tuples(tree[2])))
    of = [expression(part) for part in tree[1:] if not isinstance(part, str)]
    match kind:
        case "add":
            return sympy.Add(*of)
        case "neg":
            return -of[0]
        case "mul":
            return sympy.Mul(*of)
        case "div":
            return of[0] / of[1]
        case "pct":
            return of[0] / 100
        case "pow":
            return of[0] ** of[1]
        case "fn" if tree[1] == "root":
            return sympy.real_root(of[0], of[1]) if of[1] % 2 == 1 else sympy.root(of[0], of[1])
        case "fn":
            return _FUNCTIONS[tree[1]](*of)
    raise ValueError(f"{kind} is no number")


def _tuples(tree: Any) -> Tree:
    return tuple(part if isinstance(part, str) else _tuples(part) for part in tree)
