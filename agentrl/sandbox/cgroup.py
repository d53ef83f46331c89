"""Control groups: what all processes of a sandbox may use together, where the kernel's folders are ours.

Both layouts are known: version 2 (one tree) and version 1 (a tree a resource). Without one of them the limits
of single processes hold all the same.
"""

import os
import subprocess
import threading
from contextlib import suppress
from functools import cache
from itertools import count
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
SLACK = 32 << 20
"""bytes that sandbox and supervisor themselves may take"""
NAMES = count()


class Group:
    """A group for one sandbox."""

    def __init__(self, path: Path, events: str) -> None:
        self.path, self._events = path, events

    def joined(self, command: list[str]) -> list[str]:
        """Return a command that joins the group and then is the one given, with whatever that starts.

        Moving a process takes the kernel milliseconds: so it is done while the sandbox starts, by itself.
        """
        return ["sh", "-c", 'echo 0 > "$0" && exec "$@"', str(self.path / "cgroup.procs"), *command]

    def starved(self) -> bool:
        """Tell whether the kernel killed a member for memory."""
        for line in (self.path / self._events).read_text().splitlines():
            name, _, number = line.partition(" ")
            if name == "oom_kill":
                return int(number) > 0
        return False

    def remove(self) -> None:
        """Remove it; its members are gone."""
        # A member that has just ended may still be counted for a moment; the janitor tries again at the end.
        with suppress(OSError):
            self.path.rmdir()


def made(memory: int, root: Path = ROOT) -> Group | None:
    """Return a new group of so many bytes, or None where this user or system has no groups to give."""
    parent = _parent(root, os.getpid())
    if parent is None:
        return None
    path = parent / f"{os.getpid()}-{next(NAMES)}"
    path.mkdir()
    if (root / "cgroup.controllers").exists():
        (path / "memory.max").write_text(str(memory + SLACK))
        with suppress(OSError):  # a kernel without swap accounting has no such file
            (path / "memory.swap.max").write_text("0")
        return Group(path, "memory.events")
    (path / "memory.limit_in_bytes").write_text(str(memory + SLACK))
    with suppress(OSError):
        (path / "memory.memsw.limit_in_bytes").write_text(str(memory + SLACK))
    return Group(path, "memory.oom_control")


@cache
def _parent(root: Path, pid: int) -> Path | None:
    """Return the folder of this process's groups: `agentrl` below the memory tree."""
    unified = (root / "cgroup.controllers").exists()
    parent = (root if unified else root / "memory") / "agentrl"
    try:
        if unified:
            (root / "cgroup.subtree_control").write_text("+memory")
        parent.mkdir(exist_ok=True)
        if unified:
            (parent / "cgroup.subtree_control").write_text("+memory")
    except OSError:
        return None
    if root == ROOT:
        threading.Thread(target=_janitor, args=(parent, pid), daemon=True).start()
    return parent


def _janitor(parent: Path, pid: int) -> None:
    """Start a process that removes this one's groups once it is gone, however that happened."""
    script = (
        'read line; for i in 1 2 3 4 5 6 7 8 9 10; do rmdir "$1/$2"-* 2>/dev/null;'
        ' ls -d "$1/$2"-* >/dev/null 2>&1 || break; sleep 0.3; done; rmdir "$1" 2>/dev/null'
    )
    subprocess.Popen(
        ["sh", "-c", script, "agentrl-janitor", str(parent), str(pid)],
        stdin=subprocess.PIPE,
        start_new_session=True,
    ).wait()
