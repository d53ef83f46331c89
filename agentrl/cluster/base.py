"""What a host of processes does, and how the run waits for them.

Nothing waits without an owner and a deadline: `first` returns what is done, and where a call is late it ends
the process, says what else was under way, and lets the call fail. Who made the call decides what is lost.
"""

import contextlib
import logging
import time
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, InvalidStateError, wait
from dataclasses import dataclass
from typing import Any, Protocol

from agentrl.errors import DeadlineError

log = logging.getLogger("agentrl")


@dataclass(frozen=True, slots=True)
class Need:
    """What a process is given."""

    cpus: float = 1.0
    gpus: float = 0.0


ONE = Need()
"""a core"""


class Member(Protocol):
    """A process that holds one object, and answers calls of its methods one at a time, in their order."""

    name: str

    @property
    def alive(self) -> bool:
        """Whether it can still be called."""
        ...

    def call(self, method: str, *args: Any, deadline: float) -> "Call":
        """Call a method; return at once what will hold its answer within `deadline` seconds.

        What comes of it: the method's answer; LostError where the process ends first; DeadlineError where
        it took too long (see `first`); an error of agentrl as the method raised it; RaisedError with name
        and text of any other.
        """
        ...

    def end(self) -> None:
        """End the process now, and all that it started; calls under way are lost."""
        ...


class Host(Protocol):
    """Where processes are started."""

    def start(self, name: str, make: Callable[[], Any], need: Need = ONE) -> Member:
        """Start a process that holds what `make` (picklable) returns there; return before it is ready."""
        ...

    def share(self, value: Any) -> Any:
        """Return what stands for a large value in the arguments of several calls, handed over only once."""
        ...

    def close(self) -> None:
        """End all processes."""
        ...


class Call(Future[Any]):
    """An answer to come: whose, to what, and until when."""

    def __init__(self, member: Member, what: str, deadline: float) -> None:
        super().__init__()
        self.member, self.what, self.deadline = member, what, deadline
        self.begun = time.monotonic()

    @property
    def left(self) -> float:
        """Seconds until it is late; below 0: since."""
        return self.begun + self.deadline - time.monotonic()

    def lost(self, why: BaseException) -> None:
        """Let it fail, unless it is done."""
        with contextlib.suppress(InvalidStateError):
            self.set_exception(why)

    def answered(self, value: Any) -> None:
        """Let it have its answer, unless it is done: it may have been given up."""
        with contextlib.suppress(InvalidStateError):
            self.set_result(value)


def first(calls: Iterable[Call], patience: float = float("inf")) -> list[Call]:
    """Return the calls that are done, once there is one or `patience` seconds have passed.

    Edge: a call that is late is done, by a DeadlineError, its process is ended, and the log has a table of
          all calls that were under way.
    """
    every = list(calls)
    until = time.monotonic() + patience
    while True:
        done = [call for call in every if call.done()]
        left = until - time.monotonic()
        if done or not every or left <= 0:
            return done
        late = [call for call in every if call.left <= 0]
        if not late:
            wait(every, max(0.0, min(left, *(call.left for call in every))), FIRST_COMPLETED)
            continue
        table = in_flight(every)
        for call in late:
            words = f"{call.member.name}: no answer to {call.what} within {call.deadline:g} s"
            log.warning("%s; under way were\n%s", words, table)
            call.lost(DeadlineError(words))
            call.member.end()


def gathered(calls: Iterable[Call]) -> list[Any]:
    """Return the answers to all calls, in order.

    Errors: those of the first call that fails; the others are not waited for.
    """
    every = list(calls)
    waiting = set(every)
    while waiting:
        for call in first(waiting):
            call.result()
            waiting.discard(call)
    return [call.result() for call in every]


def in_flight(calls: Iterable[Call]) -> str:
    """Return a table of calls under way, the oldest first."""
    rows = [("process", "call", "since", "deadline")]
    now = time.monotonic()
    for call in sorted((c for c in calls if not c.done()), key=lambda call: call.begun):
        rows.append((call.member.name, call.what, f"{now - call.begun:.1f} s", f"{call.deadline:g} s"))
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    lines = ("  ".join(map(str.ljust, row, widths)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)
