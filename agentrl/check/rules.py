"""How a rule is checked, and what is said of it.

Rules run one after another in a process of their own; a call into the environment or verifier that does not
come back within the deadline is a failed rule, and ends the check. A process, since a pattern that tries
everything holds the interpreter, and no thread beside it would get a word in.
"""

import mmap
import multiprocessing
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection

from agentrl.registry import cause

DEADLINE = 30.0
"""seconds that one call of an environment or verifier may take"""


class Broken(Exception):
    """A rule does not hold; the text says where it was seen."""


class NotApplicable(Exception):
    """A rule has nothing to check here; the text says why."""


class Watch:
    """Knows which call is under way, and since when; a process forked later shares what it knows."""

    _CLOCK = struct.Struct("d")
    _ROOM = 200
    """bytes of the call's name that are kept"""

    def __init__(self) -> None:
        self._shared = mmap.mmap(-1, self._CLOCK.size + self._ROOM)

    @contextmanager
    def over(self, what: str) -> Iterator[None]:
        """Watch one call."""
        name = what.encode(errors="backslashreplace")[: self._ROOM].ljust(self._ROOM, b"\0")
        self._shared[self._CLOCK.size :] = name
        self._CLOCK.pack_into(self._shared, 0, time.monotonic())
        try:
            yield
        finally:  # what raised has come back, too
            self._CLOCK.pack_into(self._shared, 0, 0.0)

    def late(self, deadline: float) -> str:
        """Return the call that has been under way for longer than `deadline` seconds; empty if none."""
        (since,) = self._CLOCK.unpack_from(self._shared)
        if not since or time.monotonic() - since <= deadline:
            return ""
        return self._shared[self._CLOCK.size :].rstrip(b"\0").decode(errors="replace")


@dataclass(frozen=True, slots=True)
class Rule:
    """A sentence, and how it is checked: it raises Broken or NotApplicable where it does not hold."""

    sentence: str
    check: Callable[[], str | None]
    """returns what was measured, in words, if anything was"""


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of a rule."""

    sentence: str
    status: str
    """ok, FAILED or not applicable"""
    why: str = ""
    measured: str = ""
    """beside the rule"""
    ends: bool = False
    """no further rule can be checked"""

    def __str__(self) -> str:
        return f"  {self.status:<14} {self.sentence}" + (f": {self.why}" if self.why else "")


def findings(rules: Sequence[Rule], watch: Watch, deadline: float = DEADLINE) -> Iterator[Finding]:
    """Yield what becomes of each rule; nothing more after a call that does not come back."""
    forked = multiprocessing.get_context("fork")
    ours, theirs = forked.Pipe(duplex=False)
    process = forked.Process(target=_tell, args=(rules, theirs))
    process.start()
    theirs.close()
    try:
        for rule in rules:
            finding = _heard(rule, ours, watch, deadline)
            yield finding or Finding(rule.sentence, "FAILED", "it ended the process that it was checked in")
            if finding is None or finding.ends:
                return
    finally:
        process.kill()
        process.join()
        ours.close()


def _heard(rule: Rule, ours: Connection, watch: Watch, deadline: float) -> Finding | None:
    """Return what becomes of a rule, as soon as it is known; None where the process has ended."""
    while not ours.poll(0.02):
        late = watch.late(deadline)
        if late:
            why = f"{late} did not come back within {deadline:g} s"
            return Finding(rule.sentence, "FAILED", why, ends=True)
    try:
        finding: Finding = ours.recv()
    except EOFError:
        return None
    return finding


def _tell(rules: Sequence[Rule], theirs: Connection) -> None:
    """Check rules in this process, and send what becomes of each."""
    for rule in rules:
        theirs.send(_finding(rule))


def _finding(rule: Rule) -> Finding:
    """Return what becomes of one rule; any exception is the checked code's, so it is the finding."""
    try:
        measured = rule.check()
    except NotApplicable as why:
        return Finding(rule.sentence, "not applicable", str(why))
    except Broken as why:
        return Finding(rule.sentence, "FAILED", str(why))
    except Exception as why:
        return Finding(rule.sentence, "FAILED", cause(why))
    return Finding(rule.sentence, "ok", measured=measured or "")
