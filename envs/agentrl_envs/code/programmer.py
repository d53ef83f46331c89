"""Scripted programmers of generated problems: one who knows, one in a hurry, one who tests in a hurry, too.

The hurried one knows every operation but makes the usual mistake in more than half of them. What it does most
often is wrong, so a model that copies it is weak however it is decoded, and only tests can tell better.
"""

from collections.abc import Callable
from random import Random

from agentrl_envs.code.expression import Expression, ExpressionError
from agentrl_envs.code.generate import FAMILIES, written
from agentrl_envs.code.problem import Problem

AGAIN = 0.5
"""how often an operation is thought over after a failure; probability"""


class Hurried:
    """Reads what is asked and whether tests failed, nothing else."""

    def __init__(self, problem: Problem, noise: float, seed: int, dressed: Callable[[str], str]) -> None:
        self._problem, self._noise, self._dressed = problem, noise, dressed
        self._dice = Random(f"programmer/{seed}/{problem.id}")
        self._slips: frozenset[int] | None = None

    def __call__(self, observation: str) -> str:
        """Return the next attempt."""
        places = range(len(self._problem.chain))
        if self._slips is None:
            self._slips = frozenset(i for i in places if self._dice.random() < self._noise)
        else:
            doubted = {i for i in places if self._dice.random() < AGAIN}
            drawn = {i for i in doubted if self._dice.random() < self._noise}
            self._slips = frozenset((self._slips - doubted) | drawn)
        return self._dressed(written(self._problem.chain, self._problem.kind, self._slips))


class Tester:
    """Writes a program in a hurry, then a test: calls with what another hurried program makes of them."""

    def __init__(self, problem: Problem, noise: float, seed: int, dressed: Callable[[str], str]) -> None:
        self._problem = problem
        self._programmer = Hurried(problem, noise, seed, dressed)
        self._reckoner = Hurried(problem, noise, seed + 1, str)
        self._tests = False

    def __call__(self, observation: str) -> str:
        """Return the program, then the test."""
        if not self._tests:
            self._tests = True
            return self._programmer(observation)
        problem, thought = self._problem, Expression(self._reckoner(observation))
        lines = []
        for case in problem.public:
            names = dict(zip(FAMILIES[problem.kind][1], case["args"], strict=True))
            try:
                value = thought.value(names)
            except ExpressionError:  # a slip may come to nothing
                value = 0
            lines.append(f"assert {problem.entry}({', '.join(map(repr, case['args']))}) == {value!r}")
        return "\n".join(lines) + "\n"
