"""A plain process with limits: for programs one trusts, where nothing better is to be had."""

import os
import shutil
import signal
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

from agentrl.sandbox.base import Limits
from agentrl.sandbox.local import BOOT, LocalBox, compiled_guest, interpreter, stranger


class WeakBox(LocalBox):
    """A process with limits, a folder and, where root starts it, a user of its own."""

    def __init__(self, python: str) -> None:
        prefix, self._uid = stranger()
        self._folder = Path(tempfile.mkdtemp(prefix="agentrl-weak-"))
        if self._uid is not None:
            os.chown(self._folder, self._uid, self._uid)
        command = [*prefix, python, "-I", "-c", BOOT, str(self._folder / "work")]
        super().__init__(command, compiled_guest(python), (), "weak")

    def settle(self) -> None:
        """Do nothing: there is no more to limit."""

    def starved(self) -> bool:
        """Return False: nobody counts."""
        return False

    def discard(self) -> None:
        """Ask the supervisor to end, which kills what it can find; then kill by group and by user."""
        self._line.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(2.0)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        while self._uid is not None and (left := _processes_of(self._uid)):
            for pid in left:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        self._close()
        shutil.rmtree(self._folder, ignore_errors=True)


def _processes_of(uid: int) -> list[int]:
    """Return the living processes of a user."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError):
            if os.stat(f"/proc/{name}").st_uid != uid:
                continue
            if Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX":
                found.append(int(name))
    return found


class Weak:
    """Limits only: the program sees the machine's files and network. Never chosen by itself."""

    name = "weak"

    def __init__(self, python: str = "") -> None:
        self.python = interpreter(python)

    def start(self, limits: Limits) -> WeakBox:
        """Return a new process."""
        return WeakBox(self.python)
