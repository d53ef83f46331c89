"""What programs try, and what they get: nothing of the machine, and no more than their limits."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from agentrl.sandbox import Backend, Limits, Result, run

MIB = 1 << 20
LIMITS = Limits(wall=20.0, memory=512 * MIB, processes=12, disk=4 * MIB)


def tried(program: str, strong: Backend) -> Result:
    return run(program, limits=LIMITS, backend=strong)


def test_a_fork_bomb_stops_at_the_limit(strong: Backend) -> None:
    program = """
import os, time
made = 0
try:
    while made < 300:
        if os.fork() == 0:
            time.sleep(100)
        made += 1
except BlockingIOError:
    pass
print(made)
"""
    assert 5 <= int(tried(program, strong).stdout) <= LIMITS.processes


def test_threads_count_as_processes(strong: Backend) -> None:
    program = """
import threading, time, os
made = 0
try:
    while made < 300:
        threading.Thread(target=time.sleep, args=(100,), daemon=True).start()
        made += 1
except RuntimeError:
    pass
print(made, flush=True)
os._exit(0)
"""
    assert int(tried(program, strong).stdout) <= LIMITS.processes


def test_one_process_gets_no_more_memory_than_the_limit(strong: Backend) -> None:
    result = tried("held = bytearray(2 << 30)", strong)
    assert result.verdict == "memory"


def test_many_processes_together_get_no_more_memory_than_the_limit(strong: Backend) -> None:
    if strong.name == "bubblewrap" and not os.access("/sys/fs/cgroup", os.W_OK):
        pytest.skip("control groups are not ours here: the limit holds for each process only")
    program = """
import os, time
for number in range(8):
    if os.fork() == 0:
        held = bytearray(b"x") * (300 << 20)
        os.write(1, b"held\\n")
        time.sleep(3)
        os._exit(0)
for number in range(8):
    os.wait()
"""
    assert tried(program, strong).stdout.count("held") <= 2


def test_memory_reported_is_what_was_held(strong: Backend) -> None:
    result = tried("held = bytearray(b'x') * (200 << 20)", strong)
    assert 200 * MIB <= result.peak_memory < 300 * MIB


@pytest.mark.parametrize("many", [False, True], ids=["one file", "many files"])
def test_no_more_is_written_than_the_disk_holds(many: bool, strong: Backend) -> None:
    program = f"""
written = 0
try:
    for number in range(200):
        with open(f"file{{number if {many} else 0}}", "ab", buffering=0) as file:
            written += file.write(bytes(1 << 18))
except OSError as why:
    print(why)
print(written)
"""
    assert MIB <= int(tried(program, strong).stdout.split()[-1]) <= LIMITS.disk


def test_nothing_can_be_written_but_to_the_working_folder_and_shared_memory(strong: Backend) -> None:
    program = """
import os
for folder in ("/", "/dev", "/usr", "/etc", "/var/tmp", "/proc", "/sys", "/run", "/home", "/root"):
    try:
        open(os.path.join(folder, "mark"), "w")
        print(folder)
    except OSError:
        pass
written = 0
try:
    with open("/dev/shm/mark", "wb", buffering=0) as file:
        while True:
            written += file.write(bytes(1 << 16))
except OSError:
    print(written)
"""
    lines = tried(program, strong).stdout.split()
    assert len(lines) == 1 and int(lines[0]) <= LIMITS.disk


def test_endless_output_is_cut(strong: Backend) -> None:
    for stream in ("stdout", "stderr"):
        result = tried(f"import sys\nwhile True: sys.{stream}.write('x' * 10000)", strong)
        assert result.verdict == "output-limit"
        assert len(getattr(result, stream)) == LIMITS.output


def test_there_is_no_network_not_even_the_machines_own(strong: Backend) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        result = tried(f"import socket; socket.create_connection(('127.0.0.1', {port}), 2)", strong)
    assert result.verdict == "error" and "Error" in result.stderr


def test_the_machines_files_and_variables_are_not_there(
    strong: Backend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("the secret of the machine")
    secret.chmod(0o644)
    monkeypatch.setenv("AGENTRL_TEST_KEY", "the secret of the machine")
    program = f"""
import os
for path in ({str(secret)!r}, "/etc/shadow", "/proc/1/environ", "/proc/1/root{secret}"):
    try:
        print(open(path).read())
    except OSError:
        pass
print(dict(os.environ))
"""
    said = tried(program, strong).stdout
    assert "secret of the machine" not in said and "root:" not in said


def test_symbolic_links_lead_nowhere_else(strong: Backend) -> None:
    program = f"""
import os
for number, target in enumerate(["/etc/shadow", "/proc/1/root/etc/shadow", "../../../../..{__file__}"]):
    os.symlink(target, str(number))
    try:
        print(open(str(number)).read())
    except OSError:
        pass
"""
    assert tried(program, strong).stdout == ""


def test_no_process_of_the_machine_can_be_seen_or_signalled(strong: Backend) -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)"]) as bystander:
        program = f"""
import os, signal
print(sorted(int(name) for name in os.listdir("/proc") if name.isdigit()))
for pid in ({bystander.pid}, {os.getpid()}):
    try:
        os.kill(pid, 0)
        print("seen")
    except ProcessLookupError:
        pass
try:
    os.kill(-1, signal.SIGTERM)
except ProcessLookupError:
    pass
"""
        result = tried(program, strong)
        alive = bystander.poll() is None
        bystander.kill()
    assert alive
    assert "seen" not in result.stdout
    if result.stdout:
        assert max(int(pid) for pid in result.stdout.strip("[]\n").split(", ")) < 100


def test_killing_the_supervisor_is_of_no_avail(strong: Backend) -> None:
    program = "import os\nfor s in (9, 15, 19): os.kill(os.getppid(), s)\nprint('went on')"
    result = tried(program, strong)
    assert (result.stdout, result.status) == ("went on\n", 0)


CALLS = {
    "ptrace": "libc.ptrace(16, os.getppid(), 0, 0)",
    "a user namespace": "libc.unshare(0x10000000)",
    "a user namespace by clone": "libc.syscall(56, 0x10000000 | 17, 0, 0, 0, 0)",
    "a mount": "libc.mount(b'none', b'/tmp', b'tmpfs', 0, None)",
    "chroot": "libc.chroot(b'/tmp')",
    "the host name": "libc.sethostname(b'x', 1)",
    "becoming root": "libc.setuid(0)",
    "raising a limit": "resource.prlimit(0, resource.RLIMIT_NPROC, (4000, 4000)) and 0",
    "a device": "libc.mknod(b'disk', 0o60666, 0xfe00)",
}


@pytest.mark.parametrize("call", CALLS)
def test_calls_that_lead_out_are_refused(call: str, strong: Backend) -> None:
    program = f"""
import ctypes, os, resource
libc = ctypes.CDLL(None, use_errno=True)
try:
    print({CALLS[call]}, flush=True)
except (OSError, ValueError):
    print(-1, flush=True)
os._exit(0)
"""
    result = tried(program, strong)
    assert result.stdout == "-1\n", result


def test_a_run_finds_nothing_of_the_one_before(strong: Backend) -> None:
    assert tried("open('left', 'w').write('x'); open('/dev/shm/left', 'w').write('x')", strong).ok
    assert (
        tried("import os; print(os.listdir('.'), os.listdir('/dev/shm'))", strong).stdout
        == "['main.py'] []\n"
    )


@pytest.mark.parametrize(
    ("program", "verdict"),
    [
        ("while True: pass", "timeout"),
        ("import time; time.sleep(1000)", "timeout"),
        (
            "import signal, time\nfor s in (1, 2, 3, 14, 15): signal.signal(s, 1)\ntime.sleep(99)",
            "timeout",
        ),
        ("import ctypes; ctypes.string_at(0)", "error"),
        ("import os; os.abort()", "error"),
        ("import os; os.kill(os.getpid(), 19); print('woken')", "timeout"),
        ("import os\nfor fd in range(300):\n  try: os.close(fd)\n  except OSError: pass", "ok"),
        ("import sys; sys.stdin.close(); sys.stdout.close()", "ok"),
        (
            "import os\nfor fd in range(3, 300):\n  try: os.write(fd, b'x' * 999)\n  except OSError: pass",
            "ok",
        ),
        ("(" * 100_000, "memory or error"),
    ],
)
def test_however_a_program_ends_there_is_a_verdict(program: str, verdict: str, strong: Backend) -> None:
    result = run(program, limits=Limits(wall=1.5), backend=strong)
    assert result.verdict in verdict
