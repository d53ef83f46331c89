"""Tests of programs and how a program fares in them.

Three forms: pairs of standard input and output; a text with assertions (HumanEval's `check(candidate)`,
MBPP's list of asserts); arguments and the value they must give.
"""

import ast
import inspect
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Literal

from agentrl.errors import DataError
from agentrl.sandbox import Backend, Limits, Result, Session, run
from agentrl.sandbox.choose import Name
from agentrl_verifiers import code_exam
from agentrl_verifiers.code_output import alike

Fate = Literal["pass", "wrong", "error", "timeout", "memory", "output-limit", "judge-error"]
"""how a program fared; the last says nothing about it"""
FATES: Mapping[str, Fate] = {
    "ok": "wrong",
    "error": "error",
    "timeout": "timeout",
    "memory": "memory",
    "output-limit": "output-limit",
    "sandbox-error": "judge-error",
}
_BROKEN = "the test: "
"""begins why a test came to no end by itself"""
DEFAULT = Limits(wall=5.0, memory=512 << 20)


@dataclass(frozen=True, slots=True)
class Terms:
    """Under which a program is judged."""

    limits: Limits = DEFAULT
    """of each case; `wall` is seconds a case may take"""
    total: float = 10.0
    """seconds for all cases together"""
    tolerance: float = 0.0
    """numbers may differ by this much, relative to the larger of 1 and the expected one"""
    partial: bool = True
    """cases after the first failure are run too"""
    backend: Name | Backend = "auto"


@dataclass(slots=True)
class Marks:
    """How a program fared, case by case."""

    fate: Fate = "pass"
    """of the first case that did not pass"""
    passed: int = 0
    failed: int = 0
    cases: int = 0
    """known beforehand; more may be counted in loops"""
    why: str = ""
    """of the first case that did not pass"""
    ended: bool = False
    """the test ran to its end"""

    @property
    def fraction(self) -> float:
        """Share of cases passed."""
        counted = self.passed + self.failed
        if not self.ended and self.fate != "pass":
            counted = max(self.cases, counted)
        return self.passed / max(counted, 1)

    def fail(self, fate: Fate, why: str) -> None:
        """Count a failure."""
        self.failed += 1
        if self.fate == "pass":
            self.fate, self.why = fate, why


def judged(program: str, test: Any, entry: str = "", terms: Terms = Terms()) -> Marks:
    """Return how a program fares in a test of any form.

    Errors: DataError where the test has none of the forms.
    """
    if _has(test, {"stdin", "stdout"}):
        return _by_output(program, test, terms)
    text = source_of(test, terms.tolerance)
    if not entry:
        raise DataError("code test: `entry` must name the function that is tested")
    return _by_calls(program, text, entry, terms)


def fault(test: Any, entry: str = "", reference: str = "", terms: Terms = Terms()) -> str:
    """Return what makes a test no evidence, or "": nothing asserted, a stub passes, the reference fails.

    So does one that raises before it calls anything, or that runs into a limit with the stub.

    For tests that a model wrote: a test at fault is dropped, whatever programs do in it.
    """
    if not _has(test, {"stdin", "stdout"}):
        text = source_of(test)
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as why:
            return f"it is no Python: {why}"
        if not any(code_exam.asserted(tree)):
            return "it asserts nothing"
        marks = _by_calls(None, text, entry, terms)
        if marks.fate == "pass":
            return "a stub that returns None passes"
        if marks.why.startswith(_BROKEN) or marks.fate in ("timeout", "memory", "output-limit"):
            return f"with a stub that returns None it ends otherwise: {marks.why}"
    if reference:
        marks = judged(reference, test, entry, terms)
        if marks.fate != "pass":
            return f"the reference does not pass: {marks.why}"
    return ""


def _has(test: Any, keys: set[str]) -> bool:
    """Tell whether a test is a list of objects with these keys."""
    many = isinstance(test, Sequence) and not isinstance(test, str) and len(test) > 0
    return many and all(isinstance(case, Mapping) and keys <= case.keys() for case in test)


def source_of(test: Any, tolerance: float = 0.0) -> str:
    """Return a function test as text.

    >>> source_of([{"args": [1, 2], "returns": 3}])
    'assert same(candidate(*[1, 2]), 3, 0.0)'

    Errors: DataError where the test has another form.
    """
    if isinstance(test, str):
        return test
    if isinstance(test, Sequence) and test and all(isinstance(line, str) for line in test):
        return "\n".join(test)
    if _has(test, {"args", "returns"}):
        lines = [f"assert same(candidate(*{c['args']!r}), {c['returns']!r}, {tolerance!r})" for c in test]
        return "\n".join(lines)
    raise DataError(
        "code test: expected a text, a list of assertions, of {stdin, stdout}, or of {args, returns}"
    )


def _by_output(program: str, cases: Sequence[Mapping[str, str]], terms: Terms) -> Marks:
    """Run the program once a case; it must end with status 0 and print what is expected."""
    marks = Marks(cases=len(cases))
    until = time.monotonic() + terms.total
    for number, case in enumerate(cases, 1):
        left = until - time.monotonic()
        if left <= 0:
            marks.fail("timeout", f"case {number}: no time was left")
            continue
        result = run(program, case["stdin"], limits=_within(terms.limits, left), backend=terms.backend)
        if result.ok and alike(result.stdout, case["stdout"], terms.tolerance):
            marks.passed += 1
            continue
        marks.fail(FATES[result.verdict], f"case {number}: {_told(result)}")
        if marks.fate == "judge-error" or not terms.partial:
            return marks
    marks.ended = True
    return marks


def _within(limits: Limits, seconds: float) -> Limits:
    return replace(limits, wall=min(limits.wall, seconds))


def _told(result: Result) -> str:
    last = result.stderr.strip().rpartition("\n")[2][:200]
    return {"ok": "wrong output", "error": last or f"status {result.status}"}.get(
        result.verdict, result.verdict
    )


class _Enough(Exception):
    """Nothing more needs to be known."""


class _Desk:
    """Sits between examiner and submission: passes questions on, keeps the marks."""

    def __init__(self, program: str | None, entry: str, terms: Terms, session: Session) -> None:
        self.program, self.entry, self.terms, self.session = program, entry, terms, session
        self.marks = Marks()
        self.calls = 0
        self._last: Fate = "wrong"
        """of the latest call, where it did not answer"""

    def load(self) -> bool:
        """Run the submission's text; tell whether that went well, and mark it where not."""
        if self.program is None:
            return True
        result = self.session.run(self.program, echo=False)
        if not result.ok:
            self.marks.fail(FATES[result.verdict], f"the program itself: {_told(result)}")
        return result.ok

    def answer(self, question: str, arguments: list[Any]) -> Mapping[str, Any]:
        """Answer the examiner."""
        positional, named = arguments
        if question == "candidate":
            return self._candidate(positional, named)
        if question == "size":
            self.marks.cases = int(positional[0])
        elif question == "case":
            self._case(bool(positional[0]), str(positional[1]))
        return {"value": None}

    def _candidate(self, positional: Any, named: Any) -> Mapping[str, Any]:
        self.calls += 1
        if self.program is None:
            return {"value": None}
        if not self.session.alive and not self.load():  # the call before was its last
            raise _Enough
        request = {"call": self.entry, "arguments": [positional, named]}
        result, answer = self.session.exchange(request, self.terms.limits.wall)
        if result.verdict == "sandbox-error":
            self.marks.fail("judge-error", result.stderr)
            raise _Enough
        if not result.ok:
            self._last = FATES[result.verdict]
        return answer or {"error": "Died", "message": _told(result)}

    def _case(self, passed: bool, why: str) -> None:
        if passed:
            self.marks.passed += 1
        else:
            self.marks.fail(self._last, why)
            if not self.terms.partial:
                raise _Enough
        self._last = "wrong"

    def close(self, result: Result, answer: Any) -> Marks:
        """Return the marks, given how the examiner ended."""
        marks = self.marks
        if answer is not None and "error" not in answer:
            marks.ended = True
            if marks.passed + marks.failed == 0:  # it asserts by other means, and did not object
                marks.passed = 1
        elif result.verdict == "sandbox-error":
            marks.fate, marks.why = "judge-error", result.stderr
        elif answer is not None and self.calls == 0:
            marks.fate, marks.why = "judge-error", f"{_BROKEN}{answer['error']}: {answer.get('message')}"
        elif answer is not None:
            marks.fail(self._last, f"{answer['error']}: {answer.get('message')}")
        else:
            marks.fail(FATES[result.verdict], "the tests came to no end")
        return marks


def _by_calls(program: str | None, text: str, entry: str, terms: Terms) -> Marks:
    """Run a test's text in one sandbox and the program in another; None stands for a stub."""
    until = time.monotonic() + terms.total
    # No main program: what it would do under a guard for one is no part of the function.
    theirs = Session(terms.limits, terms.backend, module="solution")
    with theirs, Session(terms.limits, terms.backend) as examiner:
        desk = _Desk(program, entry, terms, theirs)
        if not desk.load():
            return desk.marks
        ready = examiner.run(_exam(), echo=False)
        if not ready.ok:
            return Marks("judge-error", why=f"the examiner: {_told(ready)}")
        request = {"call": "examine", "arguments": [[text, entry], {"dict": []}]}
        try:
            return desk.close(*examiner.exchange(request, until - time.monotonic(), desk.answer))
        except _Enough:
            return desk.marks


@cache
def _exam() -> str:
    return inspect.getsource(code_exam)
