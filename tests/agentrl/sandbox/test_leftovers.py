"""Nothing stays behind: not after a run, not after a crash, not after a kill -9."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agentrl.sandbox import Backend, Limits, Session, close_all, run
from agentrl.sandbox.docker import LABEL
from tests.agentrl.sandbox.test_run import commands, open_to_all

PARENT = """
import sys, threading, time
from agentrl.sandbox import Limits, Session, run
name, mark = sys.argv[1:]
session = Session(Limits(wall=600.0), name)
session.run(f"mark = '{mark}'")
program = f"import os\\nif os.fork() == 0: os.setsid()\\nos.execv('/bin/sleep', ['sleep', '{mark}'])"
if name == "docker":
    program = "import time; time.sleep(600)"
threading.Thread(target=run, args=(program,), kwargs=dict(limits=Limits(wall=600.0), backend=name)).start()
time.sleep(1.0)
print("ready", flush=True)
time.sleep(600)
"""


def gone(still: Callable[[], Any]) -> bool:
    """Tell whether something ends to be; the kernel takes a moment."""
    for _ in range(200):
        if not still():
            return True
        time.sleep(0.1)
    return False


def children(of: int) -> set[int]:
    """Return the processes below one."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found, new = set(), {of}
    while new:
        new = {pid for pid, parent in parents.items() if parent in new}
        found |= new
    return found


@pytest.fixture
def settled() -> Iterator[set[int]]:
    """The processes below this one while no sandbox waits."""
    close_all()
    yield children(os.getpid())
    close_all()


def test_a_daemon_dies_with_its_run(bubblewrap: Backend) -> None:
    program = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execv('/bin/sleep', ['sleep', '87654.3219'])
    os._exit(0)
time.sleep(0.2)
print('left one')
"""
    assert run(program, limits=Limits(wall=20.0), backend=bubblewrap).stdout == "left one\n"
    assert "87654.3219" not in commands()


def test_no_process_is_left_by_runs_sessions_and_closing(settled: set[int], bubblewrap: Backend) -> None:
    files = len(os.listdir("/proc/self/fd"))
    for program in ("print(1)", "while True: pass", "import os; os._exit(1)"):
        run(program, limits=Limits(wall=0.5), backend=bubblewrap)
    session = Session(Limits(wall=5.0), bubblewrap)
    session.run(
        "import os\nfor _ in range(3):\n  if os.fork() == 0: os.execv('/bin/sleep', ['sleep', '999'])"
    )
    session.close()
    close_all()
    left = {
        pid
        for pid in children(os.getpid()) - settled
        if "cgroup.procs" not in Path(f"/proc/{pid}/cmdline").read_text()
    }
    assert left == set()
    assert len(os.listdir("/proc/self/fd")) <= files + 2  # the janitor's line


def test_an_episode_that_is_dropped_takes_its_session_along(settled: set[int], bubblewrap: Backend) -> None:
    session = Session(Limits(wall=5.0), bubblewrap)
    assert session.run("1").ok
    del session
    close_all()
    assert all("bwrap" not in Path(f"/proc/{pid}/cmdline").read_text() for pid in children(os.getpid()))


@pytest.mark.parametrize("name", ["bubblewrap", "docker", "weak"])
def test_a_killed_parent_takes_everything_along(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    daemon = None
    if name == "docker":
        request.getfixturevalue("docker_backend")
        daemon = request.getfixturevalue("daemon")
    elif name == "bubblewrap":
        request.getfixturevalue("bubblewrap")
    mark = f"5{os.getpid()}.{time.time_ns()}"
    open_to_all(tmp_path)
    surroundings = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, name, mark], stdout=subprocess.PIPE, env=surroundings
    ) as parent:
        assert parent.stdout is not None and parent.stdout.readline() == b"ready\n"
        below = children(parent.pid)
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        pid = parent.pid
    if daemon is not None:
        label = {"label": f"{LABEL}.pid={pid}"}
        assert gone(lambda: daemon.api.containers(all=True, filters=label))
        return
    assert below
    assert gone(lambda: mark in commands())
    assert gone(lambda: [p for p in below if alive(p)])
    assert gone(lambda: list(Path("/sys/fs/cgroup").glob(f"**/agentrl-{pid}-*")))
    assert gone(lambda: list(tmp_path.iterdir()))


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_runs_leave_no_container(docker_backend: Backend, daemon: Any) -> None:
    run("import os; os.fork()", limits=Limits(wall=5.0), backend=docker_backend)
    close_all()
    assert daemon.api.containers(all=True, filters={"label": f"{LABEL}.pid={os.getpid()}"}) == []


def test_a_forked_child_gets_sandboxes_of_its_own(bubblewrap: Backend) -> None:
    limits = Limits(wall=20.0)
    assert run("print(1)", limits=limits, backend=bubblewrap).ok
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            status = 0 if run("print(2)", limits=limits, backend=bubblewrap).stdout == "2\n" else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert run("print(3)", limits=limits, backend=bubblewrap).stdout == "3\n"


@pytest.mark.parametrize("pause", [0.0, 0.002, 0.005, 0.01, 0.02, 0.04])
def test_a_parent_killed_while_sandboxes_start_takes_them_along(pause: float, bubblewrap: Backend) -> None:
    program = """
import os, time
from agentrl.sandbox import Limits, choose
from agentrl.sandbox.pool import Pool
backend = choose("bubblewrap")
pool = Pool(lambda: backend.start(Limits()), 6)
pool.take()
print("ready", flush=True)
time.sleep(600)
"""
    surroundings = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, env=surroundings
    ) as parent:
        assert parent.stdout is not None and parent.stdout.readline() == b"ready\n"
        time.sleep(pause)
        below = children(parent.pid)
        parent.send_signal(signal.SIGKILL)
    assert gone(lambda: [pid for pid in below if alive(pid)])
    assert gone(lambda: list(Path("/sys/fs/cgroup").glob(f"**/agentrl-{parent.pid}-*")))


def test_a_fork_of_this_process_does_no_harm_to_its_sessions(bubblewrap: Backend) -> None:
    with Session(Limits(wall=20.0), bubblewrap) as session:
        session.run("x = 1")
        pid = os.fork()
        if pid == 0:
            session.close()
            os._exit(0)
        os.waitpid(pid, 0)
        assert session.run("x").stdout == "1\n"
