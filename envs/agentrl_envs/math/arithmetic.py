"""Sums to work out: a line of numbers, + - *, products first; all results whole and bounded."""

import operator
import random
import re
from collections.abc import Callable, Mapping, Sequence

from agentrl_envs.math.problem import Problem

OPERATIONS: Mapping[str, Callable[[int, int], int]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
}

_LINE = re.compile(r"\d{1,9}(?: [-+*] \d{1,9})+")
LARGEST_FACTOR = 12
"""as in times tables"""


def parts(question: str) -> tuple[list[int], list[str]]:
    """Return the numbers and the signs of a line.

    >>> parts("2 + 3 * 4")
    ([2, 3, 4], ['+', '*'])
    """
    words = question.split()
    return [int(word) for word in words[::2]], words[1::2]


def is_line(question: str) -> bool:
    """Tell a line of numbers and signs from other questions."""
    return _LINE.fullmatch(question) is not None


def reduced(
    numbers: Sequence[int],
    signs: Sequence[str],
    *,
    in_order: bool = False,
    slip: Callable[[int], int] = lambda result: result,
) -> tuple[list[str], int]:
    """Return the steps and the result of working a line out, `slip` applied to the result of every step.

    >>> reduced([2, 3, 4], ["+", "*"])
    (['3 * 4 = 12', '2 + 12 = 14'], 14)
    >>> reduced([2, 3, 4], ["+", "*"], in_order=True)
    (['2 + 3 = 5', '5 * 4 = 20'], 20)
    """
    left, rest, steps = list(numbers), list(signs), list[str]()
    while rest:
        place = 0 if in_order or "*" not in rest else rest.index("*")
        found = slip(OPERATIONS[rest[place]](left[place], left[place + 1]))
        steps.append(f"{left[place]} {rest[place]} {left[place + 1]} = {found}")
        left[place : place + 2] = [found]
        del rest[place]
    return steps, left[0]


def arithmetic(dice: random.Random, steps: int, largest: int) -> Problem | None:
    """Return a line with so many signs; None where what was drawn leaves 0 to `largest` or gives itself away.

    Numbers in the line are from 1 to a tenth of `largest`, factors at most 12.
    """
    signs = [dice.choice("+-*") for _ in range(steps)]
    tenth = largest // 10
    beside = zip(["", *signs], [*signs, ""], strict=True)
    numbers = [dice.randint(1, min(tenth, LARGEST_FACTOR) if "*" in pair else tenth) for pair in beside]
    written, answer = reduced(numbers, signs)
    results = [int(step.rpartition(" ")[2]) for step in written]
    if answer in numbers or not all(0 <= result <= largest for result in results):
        return None
    question = " ".join([str(numbers[0]), *(f"{s} {n}" for s, n in zip(signs, numbers[1:], strict=True))])
    return Problem("", question, str(answer), f"{steps} steps", tuple(written))
