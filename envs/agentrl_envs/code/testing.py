"""Programs and tests that judge each other: the agent writes both, and both run in sandboxes alone."""

from collections.abc import Iterator, Mapping
from functools import lru_cache

from agentrl.env import Player
from agentrl.errors import ConfigError, RunError
from agentrl.types import Panel
from agentrl_envs.code.judging import whole
from agentrl_envs.code.problem import Problem
from agentrl_verifiers.code_tests import Terms, fault, judged, source_of

TURNS = 2
"""a program, then a test"""
RULES = (
    "You write Python programs and tests of them. First you give a whole program, best in a fenced block;"
    " then a test of what was asked for: assertions on what the function returns, best in a fenced block."
    " The program is run in the test, and should pass it."
)


def demand(problem: Problem) -> str:
    """Return what is read before the test is written: nothing in it depends on the program."""
    return f"{problem.text}\nNow write a test of {problem.entry}: one assertion a line."


def functions(panel: Panel, problems: Mapping[str, Problem]) -> Panel:
    """Return the tasks that ask for a function.

    Errors: ConfigError where there is none.
    """
    kept = tuple(task for task in panel if not problems[task.data["problem"]].stdin)
    if not kept:
        raise ConfigError("env.asks=tests: every problem is of standard input, and tests call functions")
    return Panel(panel.name, kept)


def fared(program: str, test: str, problem: Problem, terms: Terms) -> tuple[bool, bool]:
    """Return whether a test is evidence at all, and whether the program passes all of it.

    Errors: RunError where a sandbox breaks, which says nothing about either.
    """
    text = f"{problem.setup}\n{test}".lstrip()
    if _fault(text, problem.entry, terms):
        return False, False
    marks = judged(whole(program, problem), text, problem.entry, terms)
    if marks.fate == "judge-error":
        raise RunError(f"the judge broke, which says nothing about the program: {marks.why}")
    return True, marks.fate == "pass"


@lru_cache(maxsize=4096)
def _fault(text: str, entry: str, terms: Terms) -> str:
    """Return what is wrong with a test; remembered, as every program of a problem meets it."""
    return fault(text, entry, terms=terms)


def knowing(problem: Problem) -> Player:
    """Return a player who gives the known program, then tests known to be right."""
    said: Iterator[str] = iter((problem.reference, source_of(problem.public or problem.hidden)))
    return lambda observation: next(said)
