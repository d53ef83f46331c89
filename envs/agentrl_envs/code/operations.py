"""The operations that generated problems are chains of: in words, as code, and what they do.

Words, code and function say the same thing three times, independently: a problem's expected values come from
the functions, its reference from the code, and the two are compared whenever a problem is made.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any, Literal

Kind = Literal["numbers", "list", "text", "number"]
"""`numbers` are the two arguments a and b; `number` is a result"""


@dataclass(frozen=True, slots=True)
class Operation:
    """One link of a chain, its constant filled in."""

    words: str
    code: str
    """with `{}` where the value before goes"""
    slip: str
    """the same with a mistake that is often made"""
    does: Callable[[Any], Any]
    gives: Kind


@dataclass(frozen=True, slots=True)
class Pattern:
    """An operation whose constant is still open."""

    takes: Kind
    gives: Kind
    words: str
    """with `{k}` for the constant"""
    code: str
    slip: str
    does: Callable[[Any, Any], Any]
    """of the value before and the constant"""
    constants: tuple[Any, ...] = (None,)

    def drawn(self, dice: Random) -> Operation:
        """Return the operation with a constant."""
        k = dice.choice(self.constants)
        words, code, slip = (text.replace("{k}", str(k)) for text in (self.words, self.code, self.slip))
        return Operation(words, code, slip, lambda value: self.does(value, k), self.gives)


_FEW, _SOME = (1, 2, 3), (2, 3, 4, 5, 6)


def _kept(words: str, right: str, wrong: str, does: Callable[[int, Any], bool], *constants: int) -> Pattern:
    """Return a pattern that keeps the items of a list for which `does` holds."""
    form = "[ x for x in {} if x %s ]"
    return Pattern(
        "list",
        "list",
        f"keep items {words}",
        form % right,
        form % wrong,
        lambda xs, k: [x for x in xs if does(x, k)],
        constants or (None,),
    )


def _mapped(words: str, right: str, wrong: str, does: Callable[[int, Any], int], *constants: int) -> Pattern:
    """Return a pattern that puts `does` of it in the place of each item."""
    form = "[ x %s for x in {} ]"
    return Pattern(
        "list",
        "list",
        words,
        form % right,
        form % wrong,
        lambda xs, k: [does(x, k) for x in xs],
        constants or (None,),
    )


def _quotient(value: int, k: int) -> int:
    """Return the largest number of times that `k` goes into a number."""
    return (value - value % k) // k


_ab = partial(Pattern, "numbers", "number")
_number = partial(Pattern, "number", "number")
_list = partial(Pattern, "list", "list")
_total = partial(Pattern, "list", "number")
_text = partial(Pattern, "text", "text")
_count = partial(Pattern, "text", "number")

PATTERNS: tuple[Pattern, ...] = (
    _ab("add a and b", "( a + b )", "( a * b )", lambda v, k: v[0] + v[1]),
    _ab("multiply a and b", "( a * b )", "( a + b )", lambda v, k: v[0] * v[1]),
    _ab("take the larger of a and b", "max ( a , b )", "min ( a , b )", lambda v, k: sorted(v)[1]),
    _ab("take the smaller of a and b", "min ( a , b )", "max ( a , b )", lambda v, k: sorted(v)[0]),
    _ab("take the distance of a and b", "abs ( a - b )", "( a - b )", lambda v, k: max(v) - min(v)),
    _number("add {k}", "( {} + {k} )", "( {} - {k} )", lambda v, k: v + k, _SOME),
    _number("subtract {k}", "( {} - {k} )", "( {k} - {} )", lambda v, k: v - k, _SOME),
    _number("times {k}", "( {} * {k} )", "( {} + {k} )", lambda v, k: v * k, _SOME),
    _number("remainder by {k}", "( {} % {k} )", "( {} // {k} )", lambda v, k: v - k * (v // k), _SOME),
    _number("divide by {k} rounding down", "( {} // {k} )", "( {} / {k} )", _quotient, _SOME),
    _number("square it", "( {} ** 2 )", "( {} * 2 )", lambda v, k: v * v),
    _kept("that are even", "% 2 == 0", "% 2 == 1", lambda x, k: x % 2 == 0),
    _kept("that are odd", "% 2 == 1", "% 2 == 0", lambda x, k: bool(x & 1)),
    _kept("above {k}", "> {k}", ">= {k}", lambda x, k: x > k, *_SOME),
    _kept("of at least {k}", ">= {k}", "> {k}", lambda x, k: not x < k, *_SOME),
    _kept("below {k}", "< {k}", "<= {k}", lambda x, k: x < k, *_SOME),
    _kept("of at most {k}", "<= {k}", "< {k}", lambda x, k: not x > k, *_SOME),
    _mapped("square each item", "** 2", "* 2", lambda x, k: x * x),
    _mapped("add {k} to each item", "+ {k}", "- {k}", lambda x, k: x + k, *_SOME),
    _mapped("multiply each item by {k}", "* {k}", "+ {k}", lambda x, k: x * k, *_SOME),
    _list("sort from small to large", "sorted ( {} )", "{} [ : : - 1 ]", lambda v, k: sorted(v)),
    _list("reverse the list", "{} [ : : - 1 ]", "sorted ( {} )", lambda v, k: list(reversed(v))),
    _list("leave out the first {k} items", "{} [ {k} : ]", "{} [ : {k} ]", lambda v, k: v[k:], _FEW),
    _list("keep the first {k} items", "{} [ : {k} ]", "{} [ : {k} - 1 ]", lambda v, k: v[:k], _FEW),
    _total("sum the items", "sum ( {} )", "len ( {} )", lambda v, k: sum(v)),
    _total("count the items", "len ( {} )", "sum ( {} )", lambda v, k: len(v)),
    _total("take the largest item", "max ( {} )", "{} [ - 1 ]", lambda v, k: sorted(v)[-1]),
    _total("take the smallest item", "min ( {} )", "{} [ 0 ]", lambda v, k: sorted(v)[0]),
    _text("keep the first {k} letters", "{} [ : {k} ]", "{} [ {k} : ]", lambda v, k: v[:k], _FEW),
    _text(
        "keep the last {k} letters",
        "{} [ - {k} : ]",
        "{} [ {k} : ]",
        lambda v, k: v[max(0, len(v) - k) :],
        _FEW,
    ),
    _text("leave out the first {k} letters", "{} [ {k} : ]", "{} [ : {k} ]", lambda v, k: v[k:], _FEW),
    _text(
        "leave out the last {k} letters",
        "{} [ : - {k} ]",
        "{} [ : {k} ]",
        lambda v, k: v[: max(0, len(v) - k)],
        _FEW,
    ),
    _text("reverse the letters", "{} [ : : - 1 ]", "sorted ( {} )", lambda v, k: "".join(reversed(v))),
    _text("keep every second letter from the first", "{} [ : : 2 ]", "{} [ 2 : ]", lambda v, k: v[::2]),
    _text("write it {k} times", "( {} * {k} )", "( {} + {k} )", lambda v, k: "".join([v] * k), (2, 3)),
    _count("count the letters", "len ( {} )", "( len ( {} ) - 1 )", lambda v, k: len(v)),
    _count("count the letter {k}", "{} . count ( '{k}' )", "{} . index ( '{k}' )", str.count, tuple("aeno")),
)
"""every operation there is"""
