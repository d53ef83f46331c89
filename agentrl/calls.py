"""What a child process does: takes in a function, answers calls, and ends with its parent (see `child`).

Requests are pickled, answers are JSON; each has its length in front.
"""

import contextlib
import ctypes
import json
import os
import pickle
import resource
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable
from typing import Any

LENGTH = struct.Struct("!Q")
"""of what follows, in bytes"""
MIB = 1 << 20


def serve() -> None:
    """Take in a function and answer a parent's calls until it is gone: the whole life of a child."""
    channel, (memory,) = prepared()
    limit(memory)
    with contextlib.suppress(ConnectionError):
        function = taken_in(channel)
        if function is not None:
            answer_calls(channel, function)
    os._exit(0)


def prepared() -> tuple[socket.socket, list[int]]:
    """Return the channel and further words of a process made by `started`; it dies with its parent now."""
    fd, parent, *words = map(int, sys.argv[1:])
    die_with(parent)
    channel = socket.socket(fileno=fd)
    channel.set_inheritable(False)
    os.dup2(2, 1)  # what is printed is for people
    return channel, words


def die_with(parent: int) -> None:
    """End this process when its parent ends, also in the middle of a call (on Linux; elsewhere after it)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    if os.getppid() != parent:
        os._exit(0)


def limit(memory: int, beyond: bool = False) -> None:
    """Bound what this process may allocate, in bytes, or what it may `beyond` what it holds; 0: no bound."""
    if not memory:
        return
    if beyond:
        try:
            with open("/proc/self/statm", encoding="ascii") as file:
                memory += int(file.read().split()[5]) * resource.getpagesize()
        except OSError:  # not Linux: what it holds is not known
            return
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    if hard != resource.RLIM_INFINITY:  # a child of a bounded process cannot have more than that
        memory = min(memory, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))


def taken_in(channel: socket.socket) -> Callable[..., Any] | None:
    """Return the function that the parent sends, once the parent knows whether it could be read."""
    found, request = list[Callable[..., Any]](), _request(channel)
    answer(channel, lambda: found.append(pickle.loads(request)))
    return found[0] if found else None


def answer_calls(channel: socket.socket, function: Callable[..., Any]) -> None:
    """Answer calls until nobody is there to make them, then let the function close itself."""
    with contextlib.suppress(ConnectionError):
        while True:
            request = _request(channel)
            answer(channel, lambda data=request: function(*pickle.loads(data)))  # type: ignore[misc]
    farewell = getattr(function, "close", None)
    if farewell is not None:
        farewell()
    sys.stdout.flush()


def _request(channel: socket.socket) -> bytes:
    return read(channel, LENGTH.unpack(read(channel, LENGTH.size))[0])


def answer(channel: socket.socket, work: Callable[[], Any]) -> None:
    """Say what becomes of some work."""
    try:
        data = json.dumps({"answer": work()}).encode()
    except Exception as why:
        text = " ".join(str(why).split())
        data = json.dumps({"raised": [type(why).__name__, text[:2000]]}).encode()
    channel.sendall(LENGTH.pack(len(data)) + data)


def read(channel: socket.socket, length: int, until: float = float("inf")) -> bytes:
    """Return the next bytes; TimeoutError where they are late, ConnectionError where there will be none."""
    found = bytearray()
    while len(found) < length:
        if until != float("inf"):
            channel.settimeout(left(until))
        more = channel.recv(min(length - len(found), MIB))
        if not more:
            raise ConnectionError("the other end is gone")
        found += more
    return bytes(found)


def left(until: float) -> float:
    """Return the seconds until a moment; TimeoutError where there are none."""
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
