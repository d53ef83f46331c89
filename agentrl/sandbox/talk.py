"""A conversation with the interpreter inside a box: a job goes in, output, answers and the end come out."""

import json
import marshal
import select
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from agentrl.errors import RunError
from agentrl.sandbox.base import Box, Limits, Result, Verdict

GRACE = 2.0
"""seconds that the supervisor inside has to end a program before the whole sandbox is killed"""
START = 60.0
"""seconds that a sandbox may take to start"""
ANSWER = 1_100_000
"""most bytes of one answer"""
Handler = Callable[[str, list[Any]], Mapping[str, Any]]
"""answers a question that the program inside asks, by its name and arguments in JSON's types"""


@dataclass(frozen=True, slots=True)
class End:
    """How the program ended, as its supervisor saw it."""

    status: int
    peak_kib: int
    cpu: float
    fate: str
    """flood, oom or -"""


class Talk:
    """One box from its job to its end."""

    def __init__(self, box: Box, limits: Limits) -> None:
        self.box, self.limits = box, limits
        self.stdout, self.stderr, self.channel = bytearray(), bytearray(), bytearray()
        self.end: End | None = None
        self.gone = False
        self.late = False
        self.too_much = False
        self._ready = False
        self._bytes = bytearray()
        self._poll = select.poll()  # not select(), which fails where a process has over a thousand files open
        self._poll.register(box, select.POLLIN)

    def begin(self, job: Mapping[str, Any]) -> None:
        """Hand the job over.

        Errors: RunError, with what the sandbox said, where it did not start.
        """
        self._until(lambda: self._ready, time.monotonic() + START)
        if not self._ready:
            said = " ".join(self.box.complaint().split())
            raise RunError(f"the {self.box.isolation} sandbox did not start: {said or 'it said nothing'}")
        self.box.settle()
        self._send(b"j", marshal.dumps(dict(job), 2), START)

    def finish(self, deadline: float) -> None:
        """Wait for the program's end, and make one where it is late."""
        self._until(lambda: self.end is not None, deadline)
        if self.end is None and not self.gone:
            self.late = True
            self.kill()

    def kill(self) -> None:
        """End the program, keeping what its supervisor knows of it."""
        self._send(b"k", b"", GRACE)
        self._until(lambda: self.end is not None, time.monotonic() + GRACE)

    def exchange(self, request: Mapping[str, Any], deadline: float, handler: Handler | None = None) -> Any:
        """Return the answer to a request, or None where none came: the session is over then."""
        self.stdout.clear()
        self.stderr.clear()
        self._tell(request, deadline)
        while (answer := self._answer(deadline)) is not None and "ask" in answer:
            name, arguments = str(answer["ask"]), answer.get("arguments")
            if handler is None or not isinstance(arguments, list):
                said: Mapping[str, Any] = {"error": "NameError", "message": f"nobody answers '{name}'"}
            else:
                said = handler(name, arguments)
            self._tell(said, deadline)
        return answer

    def _tell(self, message: Mapping[str, Any], deadline: float) -> None:
        text = json.dumps(message).encode()
        self._send(b"d", len(text).to_bytes(4, "big") + text, deadline - time.monotonic() + GRACE)

    def _answer(self, deadline: float) -> Any:
        """Return the next thing the session's program says; None where it says nothing more, or nonsense."""
        self._until(lambda: self._whole() or self.end is not None, deadline)
        if self._whole():
            length = int.from_bytes(self.channel[:4], "big")
            text = bytes(self.channel[4 : 4 + length])
            del self.channel[: 4 + length]
            try:
                found = json.loads(text)
            except (ValueError, RecursionError):
                found = None
            if isinstance(found, dict):
                return found
        elif self.end is None and not self.gone:
            self.late = not self.too_much
        if self.end is None and not self.gone:
            self.kill()
        return None

    def _whole(self) -> bool:
        """Tell whether the channel holds a whole message."""
        if len(self.channel) < 4:
            return False
        length = int.from_bytes(self.channel[:4], "big")
        self.too_much = self.too_much or length > ANSWER
        return not self.too_much and len(self.channel) >= 4 + length

    def _send(self, kind: bytes, payload: bytes, seconds: float) -> None:
        try:
            self.box.send(kind + len(payload).to_bytes(4, "big") + payload, seconds)
        except OSError:
            self.gone = True

    def _until(self, met: Callable[[], bool], deadline: float) -> None:
        """Take in frames until a condition holds, the line ends, or the deadline passes."""
        while not (met() or self.gone or self.too_much):
            left = deadline - time.monotonic()
            if left <= 0 or not self._poll.poll(1000 * left):
                return
            data = self.box.receive()
            self.gone = not data
            self._bytes += data
            while self._frame():
                pass

    def _frame(self) -> bool:
        """Take one frame off what was received; tell whether there was one."""
        if len(self._bytes) < 5:
            return False
        kind, length = self._bytes[:1], int.from_bytes(self._bytes[1:5], "big")
        if length > ANSWER:
            self.gone = True
            return False
        if len(self._bytes) < 5 + length:
            return False
        payload = bytes(self._bytes[5 : 5 + length])
        del self._bytes[: 5 + length]
        if kind == b"o":
            self.stdout += payload[: self.limits.output - len(self.stdout)]
        elif kind == b"e":
            self.stderr += payload[: self.limits.output - len(self.stderr)]
        elif kind == b"d":
            self.channel += payload
            self.too_much = self.too_much or len(self.channel) > 2 * ANSWER
        elif kind == b"r":
            self._ready = True
        elif kind == b"x":
            status, peak, cpu, fate = payload.decode().split()
            self.end = End(int(status), int(peak), int(cpu) / 1e6, fate)
        return True

    def verdict(self) -> Verdict:
        """Return how it ended."""
        if self.late:
            return "timeout"
        if self.too_much or (self.end is not None and self.end.fate == "flood"):
            return "output-limit"
        if self.end is not None and self.end.status == 0:
            return "ok"
        if self.box.starved() or (self.end is not None and self.end.fate == "oom"):
            return "memory"
        if self.end is None:
            return "error" if self.gone else "ok"
        if self.end.status < 0 and self.end.cpu > 0.95 * self.limits.cpu:
            return "timeout"
        last = self.stderr.rstrip().rpartition(b"\n")[2]
        return "memory" if last.startswith(b"MemoryError") else "error"

    def result(self, seconds: float, verdict: Verdict | None = None) -> Result:
        """Return what can be said now."""
        return Result(
            stdout=self.stdout.decode(errors="replace"),
            stderr=self.stderr.decode(errors="replace"),
            status=None if self.end is None else self.end.status,
            verdict=verdict or self.verdict(),
            seconds=seconds,
            peak_memory=0 if self.end is None else 1024 * self.end.peak_kib,
            isolation=self.box.isolation,
        )
