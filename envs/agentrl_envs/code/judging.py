"""Programs before the judge: tests stay here, programs run in sandboxes."""

import ast
from collections.abc import Mapping
from typing import Any

from agentrl.errors import RunError
from agentrl_envs.code.holes import Outcome
from agentrl_envs.code.problem import Problem, shown
from agentrl_verifiers.code_tests import Marks, Terms, judged

_MOST = 600
"""characters of what the agent is told of a failure"""


def publicly(program: str, problem: Problem, terms: Terms) -> Outcome:
    """Return how a program fares in the tests that are shown, the first failure in words.

    Errors: RunError where a sandbox or the judge breaks, which says nothing about the program.
    """
    code = whole(program, problem)
    if not problem.stdin:
        return _outcome(judged(code, told(problem), problem.entry, terms))
    found = [_outcome(judged(code, [test], "", terms)) for test in problem.public]
    whys = (
        f"{shown(test)}: {outcome.why.removeprefix('case 1: ')}"
        for test, outcome in zip(problem.public, found, strict=True)
        if not outcome.passed
    )
    return Outcome(sum(outcome.passed for outcome in found) / len(found), next(whys, ""))


def secretly(program: str, problem: Problem, terms: Terms) -> Outcome:
    """Return how a program fares in the hidden tests.

    Errors: RunError where a sandbox or the judge breaks.
    """
    return _outcome(judged(whole(program, problem), problem.hidden, problem.entry, terms))


def whole(program: str, problem: Problem) -> str:
    """Return a program with what the problem puts before it.

    Edge: one that does not define the function asked for is taken for the rest of the stub.
    """
    if problem.stub and f"def {problem.entry}(" not in program:
        return problem.stub + program
    return problem.preamble + program


def _outcome(marks: Marks) -> Outcome:
    if marks.fate == "judge-error":
        raise RunError(f"the judge broke, which says nothing about the program: {marks.why}")
    if marks.fate == "pass":
        return Outcome(1.0)
    why = marks.why.removeprefix("AssertionError: ").strip().rstrip(":") or marks.fate
    return Outcome(marks.fraction, why[:_MOST])


def told(problem: Problem) -> str:
    """Return the public tests of a function as assertions that say what they found."""
    return "\n".join([problem.setup, *(_told(test, problem.entry) for test in problem.public)]).lstrip()


def _told(test: Any, entry: str) -> str:
    if isinstance(test, Mapping):
        call, wanted = f"candidate(*{test['args']!r})", repr(test["returns"])
        return _telling(call, wanted, f"{shown(test, entry).rpartition(' == ')[0]}", same=True)
    tree = ast.parse(test)
    last = tree.body[-1]
    if (
        isinstance(last, ast.Assert)
        and isinstance(last.test, ast.Compare)
        and len(last.test.ops) == 1
        and isinstance(last.test.ops[0], ast.Eq)
    ):
        call, wanted = ast.unparse(last.test.left), ast.unparse(last.test.comparators[0])
        before = [ast.unparse(statement) for statement in tree.body[:-1]]
        return "\n".join([*before, _telling(call, wanted, call)])
    return str(test)


def _telling(call: str, wanted: str, name: str, *, same: bool = False) -> str:
    """Return an assertion whose message holds what was found."""
    held = f"same(_got := {call}, {wanted}, 0.0)" if same else f"(_got := {call}) == ({wanted})"
    return f"assert {held}, {name + ' gave '!r} + repr(_got)[:300] + {f', not {wanted}'!r}"
