"""How a rule is checked, and what is said of it.

Rules run one after another in a thread of their own; a call into the environment that does not come back
within the deadline is a failed rule, and ends the check.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from agentrl.registry import cause

DEADLINE = 30.0
"""seconds that one call of an environment or verifier may take"""


class Broken(Exception):
    """A rule does not hold; the text says where it was seen."""


class NotApplicable(Exception):
    """A rule has nothing to check here; the text says why."""


class Watch:
    """Knows which call is under way, and since when."""

    def __init__(self) -> None:
        self._what, self._since = "", 0.0

    @contextmanager
    def over(self, what: str) -> Iterator[None]:
        """Watch one call."""
        self._what, self._since = what, time.monotonic()
        yield
        self._what = ""

    def late(self, deadline: float) -> str:
        """Return the call that has been under way for longer than `deadline` seconds; empty if none."""
        return self._what if self._what and time.monotonic() - self._since > deadline else ""


@dataclass(frozen=True, slots=True)
class Rule:
    """A sentence, and how it is checked: quietly where it holds, else with Broken or NotApplicable."""

    sentence: str
    check: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of a rule."""

    sentence: str
    status: str
    """ok, FAILED or not applicable"""
    why: str = ""

    def __str__(self) -> str:
        return f"  {self.status:<14} {self.sentence}" + (f": {self.why}" if self.why else "")


def findings(rules: Sequence[Rule], watch: Watch, deadline: float = DEADLINE) -> Iterator[Finding]:
    """Yield what becomes of each rule; nothing more after a call that does not come back."""
    for rule in rules:
        result: list[Finding] = []
        # A daemon: what hangs must not keep the process from ending.
        worker = threading.Thread(target=lambda r=rule, out=result: out.append(_finding(r)), daemon=True)
        worker.start()
        late = ""
        while worker.is_alive() and not late:
            worker.join(0.02)
            late = watch.late(deadline)
        if not result:
            yield Finding(rule.sentence, "FAILED", f"{late} did not come back within {deadline:g} s")
            return
        yield result[0]


def _finding(rule: Rule) -> Finding:
    """Return what becomes of one rule; any exception is the checked code's, so it is the finding."""
    try:
        rule.check()
    except NotApplicable as why:
        return Finding(rule.sentence, "not applicable", str(why))
    except Broken as why:
        return Finding(rule.sentence, "FAILED", str(why))
    except Exception as why:
        return Finding(rule.sentence, "FAILED", cause(why))
    return Finding(rule.sentence, "ok")
