"""What runs inside every sandbox: one interpreter, started beforehand, that runs one job and ends.

It is sent to the sandbox as text and imports as little as it can: each import is paid for by every run. It
needs Python 3.10. As process 1 it outlives whatever the program does to its own processes, and takes all of
them with it when it ends. Standard input and output are the line to the host, in frames: a kind (1 byte), a
length (4 bytes, big-endian), a payload.

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
import resource
import select
import sys

TYPE_CHECKING = False  # the real one costs an import of 4 ms
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

    Job = dict[str, Any]

CHUNK = 65536
CHANNEL = (3, 4)
"""descriptors of a session's program: requests come in, answers go out"""


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


def lay_out(files: list[tuple[str, bytes]]) -> None:
    """Write the job's files below the working folder."""
    for name, content in files:
        folder = os.path.dirname(name)
        if folder:
            os.makedirs(folder, exist_ok=True)
        with open(name, "wb") as file:
            file.write(content)


def limit(job: Job) -> None:
    """Set what the program can never raise again."""
    for name, value in job["rlimits"]:
        number = getattr(resource, name)
        hard = resource.getrlimit(number)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(number, (value, value))


def become(job: Job, stdin: int, stdout: int, stderr: int, channel: tuple[int, ...]) -> None:
    """Turn this fork into the program and run it."""
    os.setsid()
    os.dup2(stdin, 0)
    os.dup2(stdout, 1)
    os.dup2(stderr, 2)
    for given, place in zip(channel, CHANNEL, strict=False):
        # Above every descriptor in use first: a pair may sit on the other's place.
        os.dup2(os.dup2(given, 200 + place), place)
    os.closerange(3 + len(channel), 1024)
    try:
        # The kernel, short of memory, takes this one and never the host's.
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("1000")
    except OSError:
        pass  # no /proc in this image: the limits below hold all the same
    limit(job)
    sys.path.insert(0, os.getcwd())
    sys.argv = ["main.py"]
    main = type(sys)(job["module"])
    main.__file__ = "main.py"
    sys.modules[job["module"]] = main
    if job["serve"]:
        session = type(sys)("session")
        sys.modules["session"] = session
        exec(compile(job["serve"], "<session>", "exec"), session.__dict__)
        session.__dict__["serve"](main.__dict__)
    status = 0
    try:
        exec(compile(job["program"], "main.py", "exec", dont_inherit=True), main.__dict__)
    except SystemExit as why:
        status = exit_status(why.code)
    except BaseException as why:
        trace = why.__traceback__.tb_next  # type: ignore[union-attr]  # without this file's own line
        sys.excepthook(type(why), why.with_traceback(trace), trace)
        status = 1
    finish(status)


def exit_status(code: object) -> int:
    """Return the status that `sys.exit(code)` ends with."""
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 255
    print(code, file=sys.stderr)
    return 1


def finish(status: int) -> NoReturn:
    """End as an interpreter does, threads, exit functions and buffers, but for 3 ms of tidying up."""
    import atexit

    if "threading" in sys.modules:
        sys.modules["threading"]._shutdown()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and not stream.closed:
            stream.flush()
    os._exit(status)


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
        self.left = dict.fromkeys(self.streams, self.job["output"])

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
        try:
            os.kill(self.pid, 9)
        except ProcessLookupError:
            pass  # it has just ended by itself

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
            except BrokenPipeError:
                pass  # the program has closed its channel: it will give no answer, and the host sees that


def shelter(folder: str) -> None:
    """Make up for a missing process namespace: adopt orphans, and clean up before the end."""
    import ctypes

    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
    os.mkdir(folder, 0o700)
    os.chdir(folder)

    def clean() -> None:
        me = str(os.getpid())
        while True:
            for name in filter(str.isdigit, os.listdir("/proc")):
                try:
                    with open("/proc/" + name + "/stat") as file:
                        parent = file.read().rpartition(")")[2].split()[1]
                    if parent == me:
                        os.kill(int(name), 9)
                except OSError:
                    pass  # it ended while it was looked at
            try:
                os.wait()
            except ChildProcessError:
                break
        import shutil

        os.chdir("/")
        shutil.rmtree(folder, ignore_errors=True)

    AT_END.append(clean)


def main() -> None:
    """Wait for a job, run it, report."""
    for folder in sys.argv[1:]:
        shelter(folder)
    send(b"r", b"")
    job = marshal.loads(received()[1])
    lay_out(job["files"])
    watch = Watch(job)
    if watch.fork():
        send(b"x", watch.until_the_end().encode())
        leave()


main()
