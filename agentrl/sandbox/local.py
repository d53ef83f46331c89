"""Sandboxes of this machine: bubblewrap, and what it shares with the weak one."""

import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from functools import cache
from importlib import resources
from itertools import count
from pathlib import Path

from agentrl.errors import ConfigError
from agentrl.sandbox import cgroup, syscalls
from agentrl.sandbox.base import Limits

SYSTEM_PYTHON = "/usr/bin/python3"
BOOT = (
    "import os,marshal\n"
    "n=int.from_bytes(os.read(0,4),'big');s=b''\n"
    "while len(s)<n:s+=os.read(0,n-len(s))\n"
    "exec(marshal.loads(s))"
)
"""reads the guest, whole, before anything else"""
UIDS = (61184, 65519)
"""users that nobody is: the range systemd keeps for passing services"""
SHM = 1 << 20
"""bytes of shared memory beside `limits.disk`"""
LINE = 1 << 17
FUTURE = "from __future__ import annotations\n"
"""allowed only at the top of a text"""
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/tmp", "LANG": "C.UTF-8", "TMPDIR": "/tmp"}

_uids = count(os.getpid())


def guest_source() -> str:
    """Return the text of the program that waits inside."""
    return FUTURE + text_of("child", "shelter", "guest").replace(FUTURE, "")


def text_of(*modules: str) -> str:
    """Return the text of this package's modules, one behind the other."""
    folder = resources.files("agentrl.sandbox")
    return "\n".join(folder.joinpath(f"{name}.py").read_text(encoding="utf-8") for name in modules)


def framed(data: bytes) -> bytes:
    """Return data behind its length."""
    return len(data).to_bytes(4, "big") + data


@cache
def compiled_guest(python: str) -> bytes:
    """Return the guest compiled by the interpreter that will run it.

    Errors: ConfigError where that interpreter cannot.
    """
    script = (
        "import marshal,sys;assert sys.version_info>=(3,10),'Python 3.10 or newer is needed';"
        "sys.stdout.buffer.write(marshal.dumps(compile(sys.stdin.read(),'<guest>','exec')))"
    )
    try:
        done = subprocess.run(
            [python, "-I", "-c", script], input=guest_source().encode(), capture_output=True, check=False
        )
    except OSError as why:
        raise ConfigError(f"sandbox interpreter {python} cannot be started: {why.strerror}") from None
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines() or ["no message"]
        raise ConfigError(f"sandbox interpreter {python}: {said[-1]}")
    return framed(done.stdout)


def interpreter(python: str) -> str:
    """Return the interpreter to use: the one named, else the system's, else the one running this.

    Errors: ConfigError where there is no such file.
    """
    if not python:
        return SYSTEM_PYTHON if os.access(SYSTEM_PYTHON, os.X_OK) else sys.executable
    found = shutil.which(python)
    if found is None:
        raise ConfigError(f"sandbox interpreter {python}: there is no such program")
    return found


def stranger() -> tuple[list[str], int | None]:
    """Return a command prefix that runs the rest as a user nobody is, and the user; root alone can do that.

    The kernel counts processes by user, and root is never counted.
    """
    if os.geteuid() != 0:
        return [], None
    uid = UIDS[0] + next(_uids) % (UIDS[1] - UIDS[0])
    # A program rather than Popen(user=): a big process is not copied just to start a small one.
    return ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--"], uid


class LocalBox:
    """A process on this machine, spoken to over a socket."""

    def __init__(self, command: list[str], guest: bytes, pass_fds: tuple[int, ...], isolation: str) -> None:
        self.isolation = isolation
        self._line, theirs = socket.socketpair()
        self._line.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, LINE)
        with theirs:
            self._process = subprocess.Popen(
                command,
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=subprocess.PIPE,
                pass_fds=pass_fds,
                env=ENVIRONMENT,
                start_new_session=True,
            )
        with suppress(OSError):  # it ended at once; the first reading will say so
            self._line.sendall(guest)

    def fileno(self) -> int:
        """Return the socket."""
        return self._line.fileno()

    def send(self, data: bytes, seconds: float) -> None:
        """Write to the guest."""
        self._line.settimeout(max(seconds, 0.001))
        self._line.sendall(data)

    def receive(self) -> bytes:
        """Return what there is."""
        self._line.settimeout(None)
        try:
            return self._line.recv(LINE)
        except ConnectionResetError:
            return b""

    def complaint(self) -> str:
        """Return what the sandbox said on standard error so far."""
        assert self._process.stderr is not None
        ready, _, _ = select.select([self._process.stderr], (), (), 0)
        return os.read(self._process.stderr.fileno(), 4096).decode(errors="replace") if ready else ""

    def _close(self) -> None:
        self._line.close()
        if self._process.stderr is not None:
            self._process.stderr.close()


class BubbleBox(LocalBox):
    """A process in namespaces of its own."""

    def __init__(self, limits: Limits, python: str) -> None:
        self._info, info = os.pipe()
        self._pidfd = -1
        self._group = cgroup.made(limits.memory + limits.disk)
        rules = os.memfd_create("filter")  # one a start: it is read from a position that copies share
        try:
            os.write(rules, syscalls.program())
            os.lseek(rules, 0, os.SEEK_SET)
            command = [*stranger()[0], *bubblewrap(limits, python, rules, info)]
            if self._group is not None:
                command = self._group.joined(command)
            super().__init__(command, compiled_guest(python), (rules, info), "bubblewrap")
        except BaseException:
            os.close(self._info)
            if self._group is not None:
                self._group.remove()
            raise
        finally:
            os.close(rules)
            os.close(info)

    def settle(self) -> None:
        """Take hold of the first process inside."""
        said = b""
        while b"}" not in said:
            more = os.read(self._info, 4096)
            if not more:
                return
            said += more
        pid = int(json.loads(said)["child-pid"])
        self._pidfd = os.pidfd_open(pid)
        if _parent_of(pid) != self._process.pid:  # gone already, and the number given to somebody else
            os.close(self._pidfd)
            self._pidfd = -1

    def starved(self) -> bool:
        """Tell what the group counted."""
        return self._group is not None and self._group.starved()

    def discard(self) -> None:
        """Kill the first process inside, and with it its namespace."""
        if self._pidfd < 0 and self._process.poll() is None:
            with suppress(OSError):
                self.settle()
        if self._pidfd >= 0:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
            os.close(self._pidfd)
        else:
            self._process.kill()
        # The outer process ends when the inner one has, and that waits for all others of the namespace.
        self._process.wait()
        self._close()
        os.close(self._info)
        if self._group is not None:
            self._group.remove()


def _parent_of(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return -1


@cache
def _places(python: str) -> tuple[str, ...]:
    """Return the bubblewrap words that bring in the system's programs and the interpreter, read-only."""
    words = ["--ro-bind", "/usr", "/usr"]
    for name in ("bin", "sbin", "lib", "lib32", "lib64"):
        path = Path("/", name)
        if path.is_symlink():
            words += ["--symlink", os.readlink(path), str(path)]
        elif path.is_dir():
            words += ["--ro-bind", str(path), str(path)]
    words += ["--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache"]
    words += ["--ro-bind-try", "/etc/alternatives", "/etc/alternatives"]
    script = "import sys;print(sys.prefix,sys.base_prefix,sep='\\n')"
    said = subprocess.run([python, "-I", "-c", script], capture_output=True, text=True, check=True).stdout
    for prefix in dict.fromkeys(said.split("\n")):
        if prefix and not Path(prefix).is_relative_to("/usr"):
            words += ["--ro-bind", prefix, prefix]
    return tuple(words)


def bubblewrap(limits: Limits, python: str, rules: int, info: int) -> list[str]:
    """Return the command that starts an interpreter in a sandbox."""
    return [
        "bwrap",
        *("--unshare-all", "--unshare-user", "--disable-userns", "--uid", "1000", "--gid", "1000"),
        *("--die-with-parent", "--new-session", "--as-pid-1", "--info-fd", str(info)),
        *_places(python),
        *("--proc", "/proc", "--dev", "/dev"),
        *("--size", str(limits.disk), "--tmpfs", "/tmp", "--size", str(SHM), "--tmpfs", "/dev/shm"),
        *("--remount-ro", "/dev", "--remount-ro", "/"),
        *("--chdir", "/tmp", "--hostname", "sandbox", "--cap-drop", "ALL", "--seccomp", str(rules)),
        *(python, "-I", "-c", BOOT),
    ]


class Bubblewrap:
    """Namespaces, no network, a private file system, a system call filter; no daemon, no root."""

    name = "bubblewrap"

    def __init__(self, python: str = "") -> None:
        if shutil.which("bwrap") is None:
            raise ConfigError("bubblewrap is not installed (apt-get install bubblewrap)")
        if os.geteuid() == 0 and shutil.which("setpriv") is None:
            raise ConfigError("setpriv is not installed (apt-get install util-linux)")
        self.python = interpreter(python)

    def start(self, limits: Limits) -> BubbleBox:
        """Return a new sandbox."""
        return BubbleBox(limits, self.python)
