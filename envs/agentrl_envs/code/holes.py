"""A hole to be filled: the one expression that a function returns, tried on cases without running Python."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agentrl_envs.code.expression import Expression, ExpressionError


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a program or an expression fared in some tests."""

    fraction: float
    """share of tests passed"""
    why: str = ""
    """the first test that did not pass, in words for the agent"""

    @property
    def passed(self) -> bool:
        """It passed every test."""
        return not self.why


def tried(text: str, names: Sequence[str], cases: Sequence[Mapping[str, Any]]) -> Outcome:
    """Return how an expression fares in cases of {args, returns}, its arguments called by `names`."""
    try:
        expression = Expression(text)
    except ExpressionError as why:
        return Outcome(0.0, str(why))
    good, first = 0, ""
    for case in cases:
        try:
            got = expression.value(dict(zip(names, case["args"], strict=True)))
        except ExpressionError as why:
            first = first or f"{given(names, case)} fails : {why}"
            continue
        if got == case["returns"]:
            good += 1
        else:
            first = first or f"{given(names, case)} gives {plain(got)} not {plain(case['returns'])}"
    return Outcome(good / len(cases), first)


def given(names: Sequence[str], case: Mapping[str, Any]) -> str:
    """Return the arguments of a case in words.

    >>> given(("a", "b"), {"args": [1, 2]})
    'a = 1 , b = 2'
    """
    return " , ".join(f"{name} = {plain(value)}" for name, value in zip(names, case["args"], strict=True))


def plain(value: Any) -> str:
    """Return a value in few different words: items and letters stand apart.

    >>> plain([3, 14]), plain("abc"), plain(-2)
    ('3 14', 'a b c', '- 2')
    """
    if isinstance(value, str):
        return " ".join(value[:40])
    if isinstance(value, list):
        return " ".join(plain(item) for item in value[:40])
    return str(value).replace("-", "- ")
