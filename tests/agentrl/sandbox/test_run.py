"""What a run hands back, in every sandbox."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agentrl.errors import ConfigError
from agentrl.sandbox import Backend, Limits, close_all, run

LIMITS = Limits(wall=20.0)


def test_output_errors_and_status_come_back_apart(backend: Backend) -> None:
    program = "import sys\nprint('out')\nprint('err', file=sys.stderr)\nsys.exit(3)"
    result = run(program, limits=LIMITS, backend=backend)
    assert (result.stdout, result.stderr, result.status, result.verdict) == ("out\n", "err\n", 3, "error")
    assert result.isolation == backend.name and result.seconds > 0 and result.peak_memory > 1 << 20


def test_standard_input_is_what_was_given(backend: Backend) -> None:
    big = "0123456789" * 300_000
    result = run("import sys\nprint(len(sys.stdin.read()))", big, limits=LIMITS, backend=backend)
    assert result.stdout == "3000000\n"


def test_files_lie_in_the_working_folder_and_can_be_imported(backend: Backend) -> None:
    files = {"data/numbers.bin": b"\x00\xff", "helper.py": "def twice(x): return 2 * x"}
    program = "import helper\nprint(helper.twice(21), open('data/numbers.bin', 'rb').read())"
    assert run(program, files=files, limits=LIMITS, backend=backend).stdout == "42 b'\\x00\\xff'\n"


def test_text_of_any_script_survives(backend: Backend) -> None:
    result = run("print(input(), 'ß漢😀')", "é漢😀\n", limits=LIMITS, backend=backend)
    assert result.stdout == "é漢😀 ß漢😀\n"


def test_a_traceback_shows_the_programs_own_lines_only(backend: Backend) -> None:
    said = run("def f():\n    return 1 // 0\nf()", limits=LIMITS, backend=backend).stderr
    assert "return 1 // 0" in said and said.count("File ") == 2 and "guest" not in said


@pytest.mark.parametrize(
    ("program", "stdout", "status"),
    [
        ("import atexit; atexit.register(print, 'late'); print('now')", "now\nlate\n", 0),
        ("import threading\nthreading.Timer(0.2, print, ['late']).start()\nprint('now')", "now\nlate\n", 0),
        ("print(__name__)\nif __name__ == '__main__': raise SystemExit", "__main__\n", 0),
        ("raise SystemExit('why')", "", 1),
        ("import os; os._exit(7)", "", 7),
        ("import os; os.kill(os.getpid(), 9)", "", -9),
        ("import sys; sys.excepthook = lambda *a: print('mine'); 1 / 0", "mine\n", 1),
        ("syntax error", "", 1),
        ("", "", 0),
        ("x = '\ud800'", "", 1),
        ("a\0b", "", 1),
    ],
)
def test_programs_end_as_an_interpreter_ends_them(
    program: str, stdout: str, status: int, bubblewrap: Backend
) -> None:
    result = run(program, limits=LIMITS, backend=bubblewrap)
    assert (result.stdout, result.status) == (stdout, status), result
    assert result.ok == (status == 0)


def test_processor_time_is_limited_too(bubblewrap: Backend) -> None:
    result = run("while True: pass", limits=Limits(wall=30.0, cpu=1), backend=bubblewrap)
    assert result.verdict == "timeout" and result.seconds < 25


def test_what_was_printed_before_the_end_of_time_is_kept(bubblewrap: Backend) -> None:
    result = run("print('so far', flush=True)\nwhile True: pass", limits=Limits(wall=0.5), backend=bubblewrap)
    assert (result.verdict, result.stdout) == ("timeout", "so far\n")


def test_many_runs_at_once_do_not_mix(bubblewrap: Backend) -> None:
    with ThreadPoolExecutor(8) as threads:
        ran = threads.map(lambda n: run(f"print({n})", limits=LIMITS, backend=bubblewrap), range(60))
        assert [result.stdout for result in ran] == [f"{n}\n" for n in range(60)]


@pytest.mark.parametrize("name", ["/etc/passwd", "../x", "a/../../x", "", "."])
def test_files_stay_below_the_working_folder(name: str) -> None:
    with pytest.raises(ConfigError, match="must be a path below the working folder"):
        run("", files={name: ""})


@pytest.mark.parametrize(
    ("field", "value"),
    [("wall", 0), ("wall", float("nan")), ("memory", -1), ("processes", 2.5), ("cpu", True)],
)
def test_limits_are_numbers_above_zero(field: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=rf"limits\.{field}="):
        replace(LIMITS, **{field: value})


def test_the_weak_sandbox_leaves_no_daemon_and_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    open_to_all(tmp_path)
    program = """
import os, time
open('left', 'w').write('x')
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execv('/bin/sleep', ['sleep', '98765.4321'])
    os._exit(0)
time.sleep(0.3)
"""
    assert run(program, limits=Limits(wall=20.0, memory=300 << 20), backend="weak").ok
    close_all()
    assert not list(tmp_path.iterdir())
    assert "98765.4321" not in commands()


def open_to_all(folder: Path) -> None:
    """Let strangers write there, as into a folder for temporary files."""
    folder.chmod(0o1777)
    for parent in folder.parents:
        if parent.name.startswith("pytest"):
            parent.chmod(0o755)


def commands() -> str:
    """Return the command lines of every process of the machine."""
    said = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            said.append(path.read_text(errors="replace"))
        except OSError:
            continue
    return "\n".join(said)
