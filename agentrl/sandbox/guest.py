"""The supervisor inside every sandbox: an interpreter, started beforehand, that runs one job and ends.

It is sent to the sandbox as text, behind `child.py`, and imports as little as it can: every run pays for each
import. It needs Python 3.10. As process 1 it outlives whatever the program does to its own processes, and
takes all of them with it when it ends. Standard input and output are the line to the host, in frames: a kind
(1 byte), a length (4 bytes, big-endian), a payload.

| from the host | meaning |
|---|---|
| j | the job, marshalled: the host is trusted |
| d | bytes for the program's channel (sessions) |
| k | kill the program and report |

| to the host | meaning |
|---|---|
| r | ready |
| o, e | standard output, standard error |
| d | bytes from the program's channel |
| x | the end: status, peak memory in KiB, processor time in us, flood, oom or - |
"""

from __future__ import annotations

import marshal
import os
import select
import sys

TYPE_CHECKING = False  # the real one costs an import of 4 ms
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

    from agentrl.sandbox.child import become, lay_out
    from agentrl.sandbox.shelter import sheltered

    Job = dict[str, Any]

CHUNK = 65536


def exactly(count: int) -> bytes:
    """Return that many bytes from the host; the end of the line is the end of everything."""
    data = b""
    while len(data) < count:
        more = os.read(0, min(count - len(data), 1 << 20))
        if not more:
            leave()
        data += more
    return data


def received() -> tuple[bytes, bytes]:
    """Return the next frame from the host."""
    kind, length = exactly(1), int.from_bytes(exactly(4), "big")
    return kind, exactly(length)


def put(descriptor: int, data: bytes) -> None:
    """Write all of it."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def send(kind: bytes, payload: bytes) -> None:
    """Write a frame to the host."""
    put(1, kind + len(payload).to_bytes(4, "big") + payload)


def leave() -> NoReturn:
    """End, and with it everything the program started."""
    for clean in AT_END:
        clean()
    os._exit(0)


AT_END: list[Callable[[], None]] = []
"""what must be done before the end where this is not process 1"""


def starved() -> bool:
    """Tell whether the kernel killed something for memory, where a container shows its count."""
    if os.getpid() != 1:
        return False  # no container: the count is the machine's
    for path in ("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control"):
        try:
            with open(path) as file:
                if any(line.startswith("oom_kill ") and line.split()[1] != "0" for line in file):
                    return True
        except OSError:
            pass  # the other layout, or nothing to see
    return False


class Watch:
    """The program as its supervisor sees it."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.left: dict[int, int] = {}
        self.flood = False
        out, self.stdout = os.pipe()
        err, self.stderr = os.pipe()
        self.streams = {out: b"o", err: b"e"}
        pipes: list[tuple[int, int]] = [os.pipe(), os.pipe()] if job["serve"] else []
        self.theirs = (pipes[0][0], pipes[1][1]) if pipes else ()
        self.requests = pipes[0][1] if pipes else -1
        self.answers = pipes[1][0] if pipes else -1
        self.renew()

    def renew(self) -> None:
        """Give the program its output allowance anew."""
        self.left = {stream: self.job["output"] for stream in self.streams}

    def fork(self) -> bool:
        """Start the program; return True here, and False in the program once it is done."""
        stdin = os.memfd_create("stdin")
        put(stdin, self.job["stdin"])
        os.lseek(stdin, 0, 0)
        self.pid = os.fork()
        if self.pid == 0:
            become(self.job, stdin, self.stdout, self.stderr, self.theirs)
            return False
        for descriptor in (stdin, self.stdout, self.stderr, *self.theirs):
            os.close(descriptor)
        for descriptor in self.streams:
            os.set_blocking(descriptor, False)
        self.pidfd = os.pidfd_open(self.pid)
        return True

    def drain(self) -> None:
        """Pass on what the program has written so far."""
        for descriptor, kind in list(self.streams.items()):
            while True:
                try:
                    data = os.read(descriptor, CHUNK)
                except BlockingIOError:
                    break
                if not data:
                    os.close(descriptor)
                    del self.streams[descriptor]
                    break
                room = self.left[descriptor]
                if room > 0:
                    send(kind, data[:room])
                self.left[descriptor] = room - len(data)
                if room < len(data):
                    self.flood = True
                    self.kill()
                    break

    def kill(self) -> None:
        """Kill the program itself; what it started dies with this process."""
        if self.pid:  # reaped, its number may be somebody else's
            os.kill(self.pid, 9)

    def ended(self) -> str:
        """Reap whoever has ended; return how the program did, or "" while it runs."""
        while True:
            try:
                pid, status, used = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return ""
            if pid == 0:
                return ""
            if pid == self.pid:
                self.pid = 0
                cpu = int(1e6 * (used.ru_utime + used.ru_stime))
                code = os.waitstatus_to_exitcode(status)
                fate = "flood" if self.flood else "oom" if starved() else "-"
                return f"{code} {used.ru_maxrss} {cpu} {fate}"

    def until_the_end(self) -> str:
        """Carry bytes between host and program until the program ends."""
        while True:
            wanted = [0, self.pidfd, *self.streams, *([self.answers] if self.answers >= 0 else [])]
            ready = select.select(wanted, (), (), 0.2)[0]
            said = b""
            if self.answers in ready:
                said = os.read(self.answers, CHUNK)
                if not said:
                    self.answers = -1
            self.drain()  # what was printed before an answer arrives before it
            if said:
                send(b"d", said)
            if 0 in ready:
                self.obey(*received())
            report = self.ended()
            if report:
                self.drain()
                return report

    def obey(self, kind: bytes, payload: bytes) -> None:
        """Do what the host says."""
        if kind == b"k":
            self.kill()
        elif self.requests >= 0:
            self.renew()
            try:
                put(self.requests, payload)
            except BrokenPipeError:  # the program has closed its channel: there will be no answer
                self.kill()


def main() -> None:
    """Wait for a job, run it, report."""
    for folder in sys.argv[1:]:
        AT_END.append(sheltered(folder))
    send(b"r", b"")
    job = marshal.loads(received()[1])
    lay_out(job["files"])
    watch = Watch(job)
    if watch.fork():
        send(b"x", watch.until_the_end().encode())
        leave()


main()
