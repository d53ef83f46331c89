"""A verifier in a process of its own: one that hangs, dies or eats memory gives a verdict all the same."""

from collections.abc import Sequence
from typing import Any

import msgspec

from agentrl.child import Child
from agentrl.errors import ChildError, DeadlineError
from agentrl.types import Task
from agentrl.verify import Joinable, Judge, Pair, Submission, Verdict, Verifier, as_verifier


class Killable(Joinable):
    """A verifier that is asked in a process, with a deadline of its own and a bound on memory.

    The process is started with the first submission, and again after it was lost. A verdict of status
    `timeout` or `error` says that nothing is known about the answer.
    """

    def __init__(self, judge: Verifier | Judge, *, deadline: float = 10.0, memory: float = 0.0) -> None:
        """Give an answer `deadline` seconds and `memory` MiB (0: no bound).

        Errors: ConfigError for what is no verifier, or cannot be sent to another process.
        """
        self._verifier, self._deadline, self._memory = as_verifier(judge), deadline, memory
        self._child = Child(_Asked(self._verifier), memory=memory)

    @property
    def name(self) -> str:
        """The verifier's."""
        return self._verifier.name

    @property
    def low(self) -> float:
        """The verifier's."""
        return self._verifier.low

    @property
    def high(self) -> float:
        """The verifier's."""
        return self._verifier.high

    @property
    def pairs(self) -> Sequence[Pair]:
        """The verifier's."""
        return self._verifier.pairs

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (self._verifier, self._deadline, self._memory)

    def verify(self, submission: Submission, task: Task) -> Verdict:
        """Return the verdict; `timeout` after the deadline, `error` where the process was lost."""
        try:
            found = self._child.call(submission, task, deadline=self._deadline)
            verdict = msgspec.convert(found, Verdict)
        except DeadlineError as why:
            return Verdict(0.0, "timeout", str(why), seconds=self._deadline)
        except (ChildError, msgspec.ValidationError, RecursionError) as why:
            return Verdict(0.0, "error", str(why))
        if verdict.known and not self.low <= verdict.score <= self.high:
            return Verdict(0.0, "error", f"score {verdict.score:g} is outside [{self.low:g}, {self.high:g}]")
        return verdict

    def close(self) -> None:
        """End the process; the next submission would start another."""
        self._child.close()


class _Asked:
    """The function of the process."""

    def __init__(self, verifier: Verifier) -> None:
        self._verifier = verifier

    def __call__(self, submission: Submission, task: Task) -> Any:
        return msgspec.to_builtins(self._verifier.verify(submission, task))


def _again(verifier: Verifier, deadline: float, memory: float) -> Killable:
    return Killable(verifier, deadline=deadline, memory=memory)
