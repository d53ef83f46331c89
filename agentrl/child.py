"""A function in a process of its own: called with a deadline, bounded in memory, started again when lost.

What runs in a child may be somebody else's code, a model's too, and may write anything to the pipe. So
requests are pickled (a child trusts its parent), answers are JSON of bounded length and nothing else: reading
them runs no code and fills no memory. A child cannot keep its parent waiting, whatever it does, and does not
outlive it.
"""

import contextlib
import functools
import json
import logging
import os
import pickle
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

from agentrl import errors
from agentrl.calls import LENGTH, MIB, left, read
from agentrl.errors import ConfigError, DeadlineError, LostError, RaisedError

log = logging.getLogger(__name__)

START = 120.0
"""seconds a process may take to start and to take in its function"""
FAREWELL = 2.0
"""seconds a process may take to end by itself when it is told that nobody will call any more"""
ANSWER = 64 << 20
"""bytes an answer may have, where nothing else is said"""


class Process(Protocol):
    """A process that can be ended."""

    pid: int

    def end(self, patience: float) -> int | None:
        """End it, after `patience` seconds in which it may end by itself; return its exit code, if known."""
        ...

    def abandon(self) -> None:
        """Let it end: nobody is there to call it any more."""
        ...


class Child:
    """A picklable function (or object with `__call__`, whose state then lives in the child), and its process.

    The process starts with the first call, and again with the first one after it was lost. Arguments are
    pickled; what comes back is what JSON makes of the function's answer. One call at a time; a thread that
    finds the child busy waits for its turn, and its deadline begins with its turn.
    """

    def __init__(
        self, function: Callable[..., Any], *, memory: float = 0.0, answer: int = ANSWER, start: float = START
    ) -> None:
        """Bound what the process may allocate to `memory` MiB (0: no bound) and an answer to `answer` bytes.

        Errors: ConfigError where the function cannot be sent to another process.
        """
        try:
            self._function = pickle.dumps(function)
        except Exception as why:
            raise ConfigError(f"{function!r} cannot be sent to another process: {why}") from why
        self._memory, self._most, self._start = int(memory * MIB), answer, start
        self._lock = threading.Lock()
        self._channel: socket.socket | None = None
        self._process: Process | None = None
        self._end: weakref.finalize[Any, Any] | None = None
        self.starts = 0
        """how often a process was started: another number means that what the child remembered is gone"""

    @property
    def pid(self) -> int | None:
        """Return the process that is there now, if one is."""
        return self._process.pid if self._process else None

    @property
    def resident(self) -> float:
        """Return the MiB that the process holds in memory; 0 where there is none, or it cannot be known."""
        try:
            with open(f"/proc/{self.pid}/statm", encoding="ascii") as file:
                return int(file.read().split()[1]) * resource.getpagesize() / MIB
        except OSError:
            return 0.0

    def call(self, *args: Any, deadline: float) -> Any:
        """Return the function's answer to these arguments, as JSON has it: lists for tuples, text for keys.

        Errors: DeadlineError where it takes longer than `deadline` seconds; LostError where the process ends
                or says what is no answer; RaisedError with the name and the text of what the function raised
                (errors of agentrl come back as themselves). After the first two the process is gone.
        """
        with self._lock:
            if self._process is None:
                self._begin()
            return self._asked(pickle.dumps(args, protocol=5), deadline)

    def close(self) -> None:
        """End the process, if there is one; the next call would start another."""
        with self._lock:
            self._gone(FAREWELL)

    def _begin(self) -> None:
        """Start a process that has the function."""
        ours, theirs = socket.socketpair()
        try:
            self._process = self._launched(theirs)
        finally:
            theirs.close()
        self._channel = ours
        self._end = weakref.finalize(self, _abandoned, self._process, ours)
        self.starts += 1
        try:
            self._introduce()
        except BaseException:
            self._gone()
            raise

    def _launched(self, theirs: socket.socket) -> Process:
        """Return a new process that reads calls from this end of a channel."""
        return started("from agentrl.calls import serve; serve()", theirs, self._memory)

    def _introduce(self) -> None:
        """Hand the function to a process that has none yet."""
        self._asked(self._function, self._start)

    def _asked(self, request: bytes, deadline: float) -> Any:
        assert self._channel is not None
        try:
            answer = exchanged(self._channel, request, self._most, time.monotonic() + deadline)
        except TimeoutError:
            self._gone()
            raise DeadlineError(f"no answer within {deadline:g} s") from None
        except OSError:
            raise LostError(self._gone()) from None
        except BaseException:  # an answer to come would be taken for that of the next call
            self._gone()
            raise
        if answer is None:
            self._gone()
            raise LostError("the process said what is no answer, and was ended")
        return said(answer)

    def _gone(self, patience: float = 0.0) -> str:
        """End the process; return how it ended, in words."""
        if self._process is None or self._channel is None or self._end is None:
            return "there is no process"
        self._end.detach()
        self._channel.close()
        code = self._process.end(patience)
        self._process = self._channel = self._end = None
        if code is None:
            return "the process ended, and nobody knows how"
        if code >= 0:
            return f"the process ended with exit code {code}"
        try:
            return f"the process was ended by {signal.Signals(-code).name}"
        except ValueError:
            return f"the process was ended by signal {-code}"


@functools.lru_cache(maxsize=1)
def _starter(pid: int) -> ThreadPoolExecutor:
    """Return the thread that starts children. They die with the thread that started them, so it must stay."""
    return ThreadPoolExecutor(1, thread_name_prefix="child-starter")


def started(code: str, theirs: socket.socket, *words: object) -> Process:
    """Return a new Python process that runs `code` with this end of a channel, our id and further words."""
    # The same path: the same plug-ins. The same hash seed: what one process did, the next one does again.
    surroundings = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONHASHSEED": "0"}

    def launched() -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [sys.executable, "-c", code, *map(str, (theirs.fileno(), os.getpid(), *words))],
            stdin=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
            env=surroundings,
            start_new_session=True,  # what it starts ends with it, and Ctrl-C is the parent's to handle
        )

    return _Own(_starter(os.getpid()).submit(launched).result())


class _Own:
    """A process that this one started."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process, self.pid = process, process.pid

    def end(self, patience: float) -> int | None:
        """End it and what it started; return its exit code, None where even the kernel cannot end it."""
        end_group(self.pid, patience)
        try:
            return self._process.wait(timeout=10.0)
        except subprocess.TimeoutExpired:
            log.warning("process %d does not end, not even by SIGKILL", self.pid)
            return None

    def abandon(self) -> None:
        """End it."""
        self.end(0.0)


def end_group(pid: int, patience: float) -> None:
    """Kill a child of this process and what it started, once it had `patience` seconds to end by itself."""
    deadline = time.monotonic() + patience
    # Without reaping it: its number must stay its own until the whole group was ended.
    while time.monotonic() < deadline:
        if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
            break
        time.sleep(0.002)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _abandoned(process: Process, channel: socket.socket) -> None:
    channel.close()
    process.abandon()


def exchanged(channel: socket.socket, request: bytes, most: int, until: float) -> Any:
    """Return what is said to a request, for `said`; None where that is no answer, or above `most` bytes.

    Errors: TimeoutError after the moment `until`, OSError where nobody is there any more.
    """
    channel.settimeout(left(until))
    channel.sendall(LENGTH.pack(len(request)) + request)
    (length,) = LENGTH.unpack(read(channel, LENGTH.size, until))
    if length > most:
        return None
    try:
        answer = json.loads(read(channel, length, until))
    except (ValueError, RecursionError):
        return None
    match answer:
        case {"answer": _} | {"raised": [str(), str()]}:
            return answer
    return None


def said(answer: Any) -> Any:
    """Return the value of an answer; raise what was raised."""
    if "answer" in answer:
        return answer["answer"]
    raise _raised(*answer["raised"])


def _raised(name: str, text: str) -> Exception:
    """Return what the function raised: an error of agentrl as itself, any other one by name."""
    own = getattr(errors, name, None)
    if isinstance(own, type) and issubclass(own, errors.AgentRLError):
        return own(text)
    return RaisedError(f"{name}: {text}" if text else name)
