"""Values in floating point: names stand for numbers drawn by their spelling, the same wherever they occur."""

import cmath
import math
from collections.abc import Callable
from functools import lru_cache
from hashlib import blake2b

from agentrl_verifiers.math_exact import exact, literal, whole
from agentrl_verifiers.math_grammar import Tree
from agentrl_verifiers.math_polynomial import BITS, TooLargeError

POINTS = 4
"""number of draws; in the last of them names are negative"""
_CONSTANTS = {"e": math.e, "\\pi": math.pi, "i": 1j}
_FUNCTIONS: dict[str, Callable[[complex], complex]] = {
    "sin": cmath.sin, "cos": cmath.cos, "tan": cmath.tan, "sinh": cmath.sinh, "cosh": cmath.cosh,
    "tanh": cmath.tanh, "arcsin": cmath.asin, "arccos": cmath.acos, "arctan": cmath.atan, "exp": cmath.exp,
    "cot": lambda z: 1 / cmath.tan(z), "sec": lambda z: 1 / cmath.cos(z), "csc": lambda z: 1 / cmath.sin(z),
    "abs": lambda z: complex(abs(z)),
}  # fmt: skip


@lru_cache(maxsize=4096)
def drawn(name: str, point: int) -> float:
    """Return what a name stands for at a point: a number with six digits, positive but at the last one."""
    seed = int.from_bytes(blake2b(f"{point} {name}".encode(), digest_size=8).digest(), "little")
    size = (300_000 + seed % 2_200_000) / 1_000_000
    return -size if point == POINTS - 1 else size


def sample(tree: Tree, point: int) -> complex:
    """Return the value of a tree at a point.

    Errors: ArithmeticError or ValueError where it has none there, or none of a bounded size.
    """
    kind = tree[0]
    if kind == "num":
        return complex(float(literal(tree[1])))
    if kind == "sym":
        return complex(_CONSTANTS.get(tree[1]) or drawn(tree[1], point))
    if kind in ("call", "sub"):
        name = next(iter(exact(tree).over))[1][0][0]
        return complex(drawn(name, point))
    if kind == "fact":
        return complex(float(math.factorial(whole(tree[1]))))
    if kind == "binom":
        return complex(float(math.comb(whole(tree[1]), whole(tree[2]))))
    if kind == "fn":
        return _function(tree, point)
    values = [sample(item, point) for item in tree[1:] if isinstance(item, tuple)]
    match kind:
        case "add":
            return sum(values)
        case "neg":
            return -values[0]
        case "mul":
            return math.prod(values, start=complex(1))
        case "div":
            return values[0] / values[1]
        case "pct":
            return values[0] / 100
        case "pow":
            if abs(values[1]) * max(1.0, abs(math.log2(abs(values[0]) or 1.0))) > BITS:
                raise TooLargeError(f"a power of more than {BITS} bits")
            return complex(values[0] ** values[1])
    raise ValueError(f"{kind} is no number")


def _function(tree: Tree, point: int) -> complex:
    name, of = tree[1], sample(tree[2], point)
    if name == "root":
        degree = sample(tree[3], point)
        odd = degree.real % 2 == 1 and of.imag == 0 and of.real < 0
        return -(complex(-of) ** (1 / degree)) if odd else complex(of ** (1 / degree))
    if name == "log":
        return cmath.log(of) if len(tree) == 3 else cmath.log(of) / cmath.log(sample(tree[3], point))
    if name in ("floor", "ceil"):
        return complex({"floor": math.floor, "ceil": math.ceil}[name](of.real))
    if name not in _FUNCTIONS:
        raise ValueError(f"{name} has no value")
    return _FUNCTIONS[name](of)


def alike(a: Tree, b: Tree, near: float = 1e-7) -> bool | None:
    """Return whether two trees agree wherever both have a value; None where they never do.

    Edge: at the negative point only real values are compared: roots and logarithms choose a branch there.
    """
    met = False
    for point in range(POINTS):
        try:
            left, right = sample(a, point), sample(b, point)
        except (ArithmeticError, ValueError):
            continue
        if not (cmath.isfinite(left) and cmath.isfinite(right)):
            continue
        if point == POINTS - 1 and max(abs(left.imag), abs(right.imag)) > near:
            continue
        if abs(left - right) > near * max(1.0, abs(left), abs(right)):
            return False
        met = True
    return True if met else None
