"""A function in a process of its own: called with a deadline, bounded in memory, started again when lost.

What runs in a child may be somebody else's code, a model's too, and may write anything to the pipe. So
requests are pickled (a child trusts its parent), answers are JSON of bounded length and nothing else: reading
them runs no code and fills no memory. A child cannot keep its parent waiting, whatever it does, and does not
outlive it.
"""

import contextlib
import ctypes
import functools
import json
import logging
import os
import pickle
import resource
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from agentrl import errors
from agentrl.errors import ConfigError, DeadlineError, LostError, RaisedError

log = logging.getLogger(__name__)

START = 120.0
"""seconds a process may take to start and to take in its function"""
FAREWELL = 2.0
"""seconds a process may take to end by itself when it is told that nobody will call any more"""
ANSWER = 64 << 20
"""bytes an answer may have, where nothing else is said"""
MIB = 1 << 20
_LENGTH = struct.Struct("!Q")


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
        self._process: subprocess.Popen[bytes] | None = None
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
        return self._pages(1)

    @property
    def held(self) -> float:
        """Return the MiB that the process has allocated, which is what its memory bound counts."""
        return self._pages(5)

    def bound(self, memory: float) -> None:
        """Let this process and the next ones allocate up `memory` MiB; elsewhere than on Linux the next."""
        self._memory = int(memory * MIB)
        if self.pid is not None and sys.platform == "linux":
            with contextlib.suppress(ProcessLookupError):  # the next call will say how it ended
                _, hard = resource.prlimit(self.pid, resource.RLIMIT_DATA)
                resource.prlimit(self.pid, resource.RLIMIT_DATA, (self._memory, hard))

    def _pages(self, column: int) -> float:
        """Return what the system says of the process, in MiB."""
        try:
            with open(f"/proc/{self.pid}/statm", encoding="ascii") as file:
                return int(file.read().split()[column]) * resource.getpagesize() / MIB
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
        """Start a process and hand it the function."""
        ours, theirs = socket.socketpair()
        try:
            self._process = _starter(os.getpid()).submit(_started, theirs, self._memory).result()
        finally:
            theirs.close()
        self._channel = ours
        self._end = weakref.finalize(self, _ended, self._process, ours, 0.0)
        self.starts += 1
        self._asked(self._function, self._start)

    def _asked(self, request: bytes, deadline: float) -> Any:
        assert self._channel is not None
        try:
            answer = _exchanged(self._channel, request, self._most, time.monotonic() + deadline)
        except TimeoutError:
            self._gone()
            raise DeadlineError(f"no answer within {deadline:g} s") from None
        except OSError:
            raise LostError(self._gone()) from None
        except BaseException:  # an answer to come would be taken for that of the next call
            self._gone()
            raise
        match answer:
            case {"answer": found}:
                return found
            case {"raised": [str(name), str(text)]}:
                raise _raised(name, text)
        self._gone()
        raise LostError("the process said what is no answer, and was ended")

    def _gone(self, patience: float = 0.0) -> str:
        """End the process; return how it ended, in words."""
        if self._process is None or self._channel is None or self._end is None:
            return "there is no process"
        self._end.detach()
        code = _ended(self._process, self._channel, patience)
        self._process = self._channel = self._end = None
        if code is None or code >= 0:
            return f"the process ended with exit code {code}"
        try:
            return f"the process was ended by {signal.Signals(-code).name}"
        except ValueError:
            return f"the process was ended by signal {-code}"


@functools.lru_cache(maxsize=1)
def _starter(pid: int) -> ThreadPoolExecutor:
    """Return the thread that starts children. They die with the thread that started them, so it must stay."""
    return ThreadPoolExecutor(1, thread_name_prefix="child-starter")


def _started(theirs: socket.socket, memory: int) -> "subprocess.Popen[bytes]":
    # The same path: the same plug-ins. The same hash seed: what one process did, the next one does again.
    surroundings = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONHASHSEED": "0"}
    code = "from agentrl.child import serve; serve()"
    return subprocess.Popen(
        [sys.executable, "-c", code, str(theirs.fileno()), str(os.getpid()), str(memory)],
        stdin=subprocess.DEVNULL,
        pass_fds=[theirs.fileno()],
        env=surroundings,
        start_new_session=True,  # what it starts ends with it, and Ctrl-C is the parent's to handle
    )


def _ended(process: "subprocess.Popen[bytes]", channel: socket.socket, patience: float) -> int | None:
    """End a process and what it started; return its exit code, None where even the kernel cannot end it."""
    channel.close()
    if patience:
        deadline = time.monotonic() + patience
        # Without reaping it: its number must stay its own until the whole group was ended.
        while os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            if time.monotonic() > deadline:
                break
            time.sleep(0.005)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    try:
        return process.wait(timeout=10.0)
    except subprocess.TimeoutExpired:
        log.warning("process %d does not end, not even by SIGKILL", process.pid)
        return None


def _exchanged(channel: socket.socket, request: bytes, most: int, until: float) -> Any:
    """Return the answer to a request; None where it is no JSON, or longer than `most` bytes.

    Errors: TimeoutError, OSError (EOFError is none: an end of the stream is a ConnectionError here).
    """
    channel.settimeout(_left(until))
    channel.sendall(_LENGTH.pack(len(request)) + request)
    (length,) = _LENGTH.unpack(_read(channel, _LENGTH.size, until))
    if length > most:
        return None
    try:
        return json.loads(_read(channel, length, until))
    except (ValueError, RecursionError):
        return None


def _read(channel: socket.socket, length: int, until: float = float("inf")) -> bytes:
    found = bytearray()
    while len(found) < length:
        if until != float("inf"):
            channel.settimeout(_left(until))
        more = channel.recv(min(length - len(found), MIB))
        if not more:
            raise ConnectionError("the other end is gone")
        found += more
    return bytes(found)


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _raised(name: str, text: str) -> Exception:
    """Return what the function raised: an error of agentrl as itself, any other one by name."""
    own = getattr(errors, name, None)
    if isinstance(own, type) and issubclass(own, errors.AgentRLError):
        return own(text)
    return RaisedError(f"{name}: {text}" if text else name)


# In the child.


def serve() -> None:
    """Answer a parent's calls until it is gone: the whole life of a child."""
    fd, parent, memory = map(int, sys.argv[1:4])
    if sys.platform == "linux":  # elsewhere a call under way is finished first
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: also in the middle of a call
    if os.getppid() != parent:
        os._exit(0)
    if memory:
        # Against accidents; whoever wants more can lift it, so that the parent can, too.
        resource.setrlimit(resource.RLIMIT_DATA, (memory, resource.getrlimit(resource.RLIMIT_DATA)[1]))
    channel = socket.socket(fileno=fd)
    channel.set_inheritable(False)
    os.dup2(2, 1)  # what is printed is for people
    function: Callable[..., Any] | None = None
    with contextlib.suppress(ConnectionError):
        while True:
            request = _read(channel, _LENGTH.unpack(_read(channel, _LENGTH.size))[0])
            try:
                if function is None:
                    function, answer = pickle.loads(request), None
                else:
                    answer = function(*pickle.loads(request))
                data = json.dumps({"answer": answer}).encode()
            except Exception as why:
                text = " ".join(str(why).split())
                data = json.dumps({"raised": [type(why).__name__, text[:2000]]}).encode()
            channel.sendall(_LENGTH.pack(len(data)) + data)
    farewell = getattr(function, "close", None)
    if farewell is not None:
        farewell()
    sys.stdout.flush()
    os._exit(0)  # threads that it left behind are not waited for
