"""Children that start within milliseconds: forks of one process that has a function and what it loads.

The mother runs nothing but the function's `prepare()`, so a call can neither stop nor damage her; what she
has loaded is shared by all her children until one of them writes to it.
"""

import contextlib
import gc
import os
import pickle
import socket
import struct
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any

from agentrl.calls import LENGTH, answer, answer_calls, die_with, limit, prepared, read, taken_in
from agentrl.child import ANSWER, Child, Process, end_group, exchanged, said, started
from agentrl.errors import LostError

START = 600.0
"""seconds a mother may take to start and to prepare; shops with millions of products are loaded here"""
FORK = 30.0
"""seconds a fork, or an end, may take"""
_WISH = struct.Struct("!qdQ")
"""a process to end (0: fork one), the seconds it may take to end by itself, its bound on memory in bytes"""
_SAID = struct.Struct("!qq")
"""process, exit code"""


class Mother:
    """A picklable function, whose `prepare()` is called once, and the process that forks children with it."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = pickle.dumps(function)
        self._lock = threading.Lock()
        self._channel: socket.socket | None = None
        self._end: weakref.finalize[Any, Any] | None = None

    def child(self, *, memory: float = 0.0) -> Child:
        """Return a child, forked with its first call, that may allocate `memory` MiB more than she has."""
        return _Fork(self, memory)

    def close(self) -> None:
        """End her, and with her all her children; the next child would start another."""
        with self._lock:
            self._gone()

    def fork(self, theirs: socket.socket, memory: int) -> Process:
        """Return a new process that answers calls at this end of a channel.

        Errors: LostError where she cannot; what the function raised while it prepared.
        """
        with self._lock:
            if self._channel is None:
                self._begin()
            pid, _ = self._told(0, 0.0, memory, theirs)
            return _Forked(self, pid)

    def end(self, pid: int, patience: float) -> int | None:
        """End a child and what it started; return its exit code, None where that died with her."""
        with self._lock:
            if self._channel is None:
                return None
            try:
                return self._told(pid, patience, 0)[1]
            except LostError:
                return None

    def _begin(self) -> None:
        ours, theirs = socket.socketpair()
        try:
            process = started("from agentrl.mother import nurse; nurse()", theirs)
        finally:
            theirs.close()
        self._channel, self._end = ours, weakref.finalize(self, _ended, process, ours)
        try:
            until = time.monotonic() + START
            for wish in (self._function, b""):
                said(exchanged(ours, wish, ANSWER, until))
        except OSError as why:
            self._gone()
            raise LostError(f"the process that starts others did not start: {why!r}") from None
        except BaseException:
            self._gone()
            raise

    def _told(
        self, pid: int, patience: float, memory: int, theirs: socket.socket | None = None
    ) -> tuple[int, int]:
        """Return the process and the exit code that she answers a wish with."""
        assert self._channel is not None
        until = time.monotonic() + FORK + patience
        try:
            self._channel.settimeout(FORK)
            fds = [theirs.fileno()] if theirs else []
            socket.send_fds(self._channel, [_WISH.pack(pid, patience, memory)], fds)
            pid, code = _SAID.unpack(read(self._channel, _SAID.size, until))
            return pid, code
        except OSError as why:
            self._gone()
            raise LostError(f"the process that starts others is gone: {why!r}") from None
        except BaseException:  # what she says now would be taken for the answer to the next wish
            self._gone()
            raise

    def _gone(self) -> None:
        if self._end is not None:
            self._end()
        self._channel = self._end = None


def _ended(process: Process, channel: socket.socket) -> None:
    channel.close()
    process.abandon()


class _Forked:
    """A process that a mother forked."""

    def __init__(self, mother: Mother, pid: int) -> None:
        self._mother, self.pid = mother, pid

    def end(self, patience: float) -> int | None:
        """End it; return its exit code, None where nobody knows."""
        return self._mother.end(self.pid, patience)

    def abandon(self) -> None:
        """Do nothing: it ends by itself, or with its mother. She may be busy with somebody else's wish."""


class _Fork(Child):
    """A child that its mother forks: it has its function from birth."""

    def __init__(self, mother: Mother, memory: float) -> None:
        super().__init__(_nothing, memory=memory)
        self._mother = mother

    def _launched(self, theirs: socket.socket) -> Process:
        return self._mother.fork(theirs, self._memory)

    def _introduce(self) -> None:
        """Say nothing: it has its function."""


def _nothing() -> None:
    """Stand for the function, which only the mother has."""


def nurse() -> None:
    """Take in a function, prepare it, fork and end children until nobody asks: the whole life of a mother."""
    channel, _ = prepared()
    with contextlib.suppress(ConnectionError):
        function = taken_in(channel)
        if function is not None:
            read(channel, LENGTH.unpack(read(channel, LENGTH.size))[0])
            answer(channel, getattr(function, "prepare", _nothing))
            gc.collect()
            gc.freeze()  # a collection in a child would write to, and so copy, all that is shared
            while True:
                _nursed(channel, function)
    os._exit(0)


def _nursed(channel: socket.socket, function: Callable[..., Any]) -> None:
    """Fork or end one child, as asked."""
    data, fds, _, _ = socket.recv_fds(channel, _WISH.size, 1)
    if not data:
        raise ConnectionError("nobody asks any more")
    data += read(channel, _WISH.size - len(data))
    pid, patience, memory = _WISH.unpack(data)
    if not fds:
        channel.sendall(_SAID.pack(pid, _reaped(pid, patience)))
        return
    mother = os.getpid()
    pid = os.fork()
    if pid == 0:
        channel.close()
        os.setsid()
        die_with(mother)
        limit(memory, beyond=True)
        answer_calls(socket.socket(fileno=fds[0]), function)
        os._exit(0)
    os.close(fds[0])
    channel.sendall(_SAID.pack(pid, 0))


def _reaped(pid: int, patience: float) -> int:
    end_group(pid, patience)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
