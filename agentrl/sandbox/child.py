"""The program's side of a fork inside a sandbox: it lays its files out, limits itself, runs, ends."""

from __future__ import annotations

import os
import resource
import sys

TYPE_CHECKING = False  # the real one costs an import of 4 ms
if TYPE_CHECKING:
    from typing import Any, NoReturn

    Job = dict[str, Any]

CHANNEL = (3, 4)
"""descriptors of a session's program: requests come in, answers go out"""


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
    with open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")  # the kernel, short of memory, takes this one and not the host's
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
