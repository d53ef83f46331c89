"""Judge a program by hidden tests, in sandboxes; credit for each case passed.

| what | value |
|---|---|
| answer | a program, or text whose last fenced block is one |
| task.data | `test`: a list of {stdin, stdout}, a text that defines check(candidate), a list of assertions, or a list of {args, returns}; `entry`: the function's name, not needed for stdin; `tolerance`: optional |
| score | share of cases passed; 1.0 where all are (with `partial=False`: 1.0 or 0.0) |
| comparison | Python's == on plain values; output line by line, spaces at line ends and blank lines at the end put aside, status 0 required |
"""  # noqa: E501

import os
import re
from dataclasses import dataclass
from typing import ClassVar, cast

from agentrl.errors import AgentRLError
from agentrl.registry import verifier
from agentrl.sandbox import Backend, Limits
from agentrl.sandbox.choose import Name
from agentrl.types import Task
from agentrl.verify import Joinable, Pair, Submission, Verdict
from agentrl_verifiers.code_tests import DEFAULT, Terms, judged

_FENCE = re.compile(r"^[ \t]*```[^\n`]*\n(.*?)(?:^[ \t]*```[ \t]*$|\Z)", re.MULTILINE | re.DOTALL)


def program_in(answer: str) -> str:
    r"""Return the last fenced block of a text, or all of it where there is none.

    >>> program_in("First:\n```python\nx = 1\n```\nThat is it.")
    'x = 1\n'
    """
    blocks = _FENCE.findall(answer)
    return str(blocks[-1]) if blocks else answer


_SUM = ({"stdin": "1 2\n", "stdout": "3\n"}, {"stdin": "-1 1\n", "stdout": "0\n"})
_DOUBLE = {
    "entry": "double",
    "test": "def check(candidate):\n    assert candidate(2) == 4\n    assert candidate(3) == 6",
}


@verifier("code")
@dataclass(frozen=True)
class Code(Joinable):
    """Judges programs: tests and expected values never enter the sandbox that the program is in."""

    name: ClassVar[str] = "code"
    low: ClassVar[float] = 0.0
    high: ClassVar[float] = 1.0
    pairs: ClassVar[tuple[Pair, ...]] = (
        Pair("print(sum(map(int, input().split())))", {"test": list(_SUM)}, True),
        Pair("Here:\n```python\ndef double(x):\n    return 2 * x\n```", _DOUBLE, True),
        Pair(
            "def double(x): return x + x", {"entry": "double", "test": ["assert double('a') == 'aa'"]}, True
        ),
        Pair(
            "def double(x): return 2.0 * x", {"entry": "double", "test": [{"args": [1], "returns": 2}]}, True
        ),
        Pair("print(3)", {"test": list(_SUM)}, False),
        Pair("def double(x): return x * x", _DOUBLE, False),
        Pair("import sys; sys.exit(0)", _DOUBLE, False),
        Pair("class A:\n    __eq__ = lambda s, o: True\ndef double(x): return A()", _DOUBLE, False),
        Pair("", _DOUBLE, False),
    )

    limits: Limits = DEFAULT
    """of each case"""
    total: float = 10.0
    """seconds for all cases of an answer"""
    partial: bool = True
    """credit for each case passed; else all or nothing, and the first failure ends it"""
    backend: Name | Backend | None = None
    """None: what the variable AGENTRL_SANDBOX says, else `auto`"""

    def verify(self, submission: Submission, task: Task) -> Verdict:
        """Return the share of hidden cases that the program passes.

        Edge: where a sandbox or the test itself is at fault the status is `error`: nothing is known.
        """
        backend = self.backend or cast(Name, os.environ.get("AGENTRL_SANDBOX", "auto"))
        tolerance = float(task.data.get("tolerance", 0.0))
        terms = Terms(self.limits, self.total, tolerance, self.partial, backend)
        program = program_in(submission.answer)
        try:
            marks = judged(program, task.data.get("test"), str(task.data.get("entry", "")), terms)
        except AgentRLError as why:
            return Verdict(0.0, "error", str(why))
        if marks.fate == "judge-error":
            return Verdict(0.0, "error", marks.why)
        solved = float(marks.fate == "pass")
        reason = "" if solved else f"{marks.fate}: {marks.why}"
        score = marks.fraction if self.partial else solved
        return Verdict(score, "ok", reason, {"cases": marks.fraction, "solved": solved})
