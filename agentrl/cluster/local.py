"""Processes on this machine, each at the end of a socket.

They run this program's own code, so unlike in `agentrl.child` both directions are pickled. They die with the
driver: also when that is killed.
"""

import contextlib
import logging
import os
import pickle
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

from agentrl.calls import LENGTH, prepared, read
from agentrl.child import Process, started
from agentrl.cluster.base import ONE, Call, Need
from agentrl.errors import AgentRLError, ConfigError, LostError, RaisedError

log = logging.getLogger("agentrl")
FAREWELL = 5.0
"""seconds a process may take to end by itself when nobody calls it any more"""


@dataclass(frozen=True, slots=True)
class Shared:
    """A value that was pickled once, for many calls; whoever is called finds the value itself."""

    data: bytes

    def __reduce__(self) -> tuple[Any, ...]:
        return pickle.loads, (self.data,)


class LocalMember:
    """A process of this machine; a thread waits for its answers."""

    def __init__(self, name: str, make: Callable[[], Any]) -> None:
        """Start it. Errors: ConfigError where `make` cannot be sent."""
        self.name = name
        try:
            first = pickle.dumps((name, make), protocol=5)
        except Exception as why:
            raise ConfigError(f"what '{name}' holds cannot be sent to another process: {why}") from why
        self._lock = threading.Lock()
        self._calls: list[Call] = []
        self._alive = True
        self._channel, theirs = socket.socketpair()
        try:
            self._process: Process = started("from agentrl.cluster.local import serve; serve()", theirs)
        finally:
            theirs.close()
        # A process that does not read holds up nobody who calls it.
        self._outbox: SimpleQueue[bytes | None] = SimpleQueue()
        self._outbox.put(first)
        for work in (self._speak, self._listen):
            threading.Thread(target=work, name=f"{name}{work.__name__}", daemon=True).start()

    @property
    def pid(self) -> int:
        """Return the process."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it can still be called."""
        return self._alive

    def call(self, method: str, *args: Any, deadline: float) -> Call:
        """Call a method; see `Member.call`."""
        call, data = Call(self, method, deadline), pickle.dumps((method, args), protocol=5)
        with self._lock:
            if not self._alive:
                call.lost(LostError(f"{self.name}: the process has ended"))
                return call
            self._calls.append(call)
            self._outbox.put(data)
        return call

    def end(self) -> None:
        """End it and what it started."""
        self._gone(0.0)

    def close(self) -> None:
        """End it, once it had time to let go of what it holds."""
        self._gone(FAREWELL)

    def _speak(self) -> None:
        """Send what is called, until nothing will be."""
        with contextlib.suppress(OSError):  # whoever listens sees that it is gone
            while (data := self._outbox.get()) is not None:
                self._channel.sendall(LENGTH.pack(len(data)) + data)

    def _listen(self) -> None:
        """Hand answers to the calls they belong to, until there are no more."""
        try:
            while True:
                data = read(self._channel, LENGTH.unpack(read(self._channel, LENGTH.size))[0])
                kind, value = pickle.loads(data)
                with self._lock:
                    call = self._calls.pop(0)
                if kind == "answer":
                    call.answered(value)
                else:
                    call.lost(value if kind == "own" else RaisedError(value))
        except Exception as why:
            if not isinstance(why, OSError):
                log.warning("%s said what cannot be read: %s", self.name, why)
        self._gone(0.0)

    def _gone(self, patience: float) -> None:
        with self._lock:
            if not self._alive:
                return
            self._alive = False
            calls, self._calls = self._calls, []
        self._outbox.put(None)
        with contextlib.suppress(OSError):
            self._channel.shutdown(socket.SHUT_RDWR)
        code = self._process.end(patience)
        self._channel.close()
        ended = f"{self.name}: the process ended (exit code {code})"
        for call in calls:
            call.lost(LostError(f"{ended} before {call.what} was answered"))


class LocalHost:
    """Starts processes on this machine."""

    def __init__(self) -> None:
        self._members: list[LocalMember] = []

    def start(self, name: str, make: Callable[[], Any], need: Need = ONE) -> LocalMember:
        """Start a process that holds what `make` returns there; what it needs is there for all alike."""
        member = LocalMember(name, make)
        self._members = [*(other for other in self._members if other.alive), member]
        return member

    def share(self, value: Any) -> Shared:
        """Return what stands for a large value in several calls: it is pickled once."""
        return Shared(pickle.dumps(value, protocol=5))

    def close(self) -> None:
        """End all processes."""
        for member in self._members:
            member.close()


def serve() -> None:
    """Make the object and answer calls of its methods until nobody is there to make them: a whole life."""
    channel, _ = prepared()
    held: Any = None

    def request() -> bytes:
        return read(channel, LENGTH.unpack(read(channel, LENGTH.size))[0])

    def written(kind: str, value: Any) -> bytes:
        return pickle.dumps((kind, value), protocol=5)

    name = ""
    failed: Exception | None = None
    with contextlib.suppress(OSError):
        first = request()
        try:
            name, make = pickle.loads(first)
            threading.current_thread().name = name
            held = make()
        except Exception as why:  # the first call tells
            failed = why
        while True:
            method, args = pickle.loads(request())
            try:
                if failed is not None:
                    raise failed
                said = written("answer", getattr(held, method)(*args))
            except AgentRLError as why:
                said = written("own", why)
            except Exception as why:
                logging.getLogger("agentrl").warning("%s: %s", name, method, exc_info=True)
                said = written("other", f"{type(why).__name__}: {why}")
            channel.sendall(LENGTH.pack(len(said)) + said)
    close = getattr(held, "close", None)
    if close is not None:
        close()
    os._exit(0)
