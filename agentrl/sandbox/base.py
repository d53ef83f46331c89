"""What goes into a sandbox and what comes out."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import PurePosixPath
from typing import Any, Literal, Protocol

from agentrl.errors import ConfigError

Verdict = Literal["ok", "error", "timeout", "memory", "output-limit", "sandbox-error"]
"""how a program ended; the last says nothing about the program"""
MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """What a program may use. Each holds for the whole life of a session, but for `wall` and `output`."""

    wall: float = 10.0
    """seconds on the clock that a run, or one call of a session, may take"""
    cpu: int = 60
    """seconds of processor time of each process"""
    memory: int = 1024 * MIB
    """bytes of address space of each process; with control groups, also bytes of memory of all together"""
    processes: int = 16
    """processes and threads alive at once"""
    disk: int = 16 * MIB
    """bytes that can be written, all files together"""
    output: int = 1_000_000
    """bytes of standard output, and as many of standard error; per call in a session"""
    descriptors: int = 128
    """open files of each process"""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
                raise ConfigError(f"limits.{field.name}={value!r}: must be a number above 0")
            if field.name != "wall" and value != int(value):
                raise ConfigError(f"limits.{field.name}={value!r}: must be a whole number")


@dataclass(frozen=True, slots=True)
class Result:
    """What a run left."""

    stdout: str
    """undecodable bytes replaced; cut at the limit"""
    stderr: str
    status: int | None
    """exit status; minus the signal's number where one killed it; None where it is not known"""
    verdict: Verdict
    seconds: float
    """wall time from handing the program over to its end"""
    peak_memory: int
    """bytes the largest process held at most; 0 where it is not known"""
    isolation: str
    """what stood between program and host: `bubblewrap`, `docker` or `weak`"""

    @property
    def ok(self) -> bool:
        """It ended by itself with status 0."""
        return self.verdict == "ok"


class Box(Protocol):
    """One started sandbox with an interpreter waiting inside. Used once."""

    isolation: str

    def fileno(self) -> int:
        """Return what `select` can wait on."""
        ...

    def settle(self) -> None:
        """Put the last limits in place: the job comes next."""
        ...

    def send(self, data: bytes, seconds: float) -> None:
        """Write to the interpreter; OSError where it is gone or does not read for so long."""
        ...

    def receive(self) -> bytes:
        """Return what it wrote; b"" where nothing more will come."""
        ...

    def starved(self) -> bool:
        """Tell whether the kernel killed something for memory."""
        ...

    def complaint(self) -> str:
        """Return what the sandbox itself said on standard error."""
        ...

    def discard(self) -> None:
        """Kill everything inside; return when it is gone, with its files."""
        ...


class Backend(Protocol):
    """A way to isolate."""

    name: str

    def start(self, limits: Limits) -> Box:
        """Return a new sandbox, whose interpreter may still be starting."""
        ...


def checked_files(files: Mapping[str, str | bytes] | None) -> list[tuple[str, bytes]]:
    """Return files as (path, content), paths relative to the working folder.

    Errors: ConfigError for a path that is absolute or leaves the folder.
    """
    found = []
    for name, content in (files or {}).items():
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or not path.parts or "\0" in name:
            raise ConfigError(f"files: '{name}' must be a path below the working folder")
        data = content.encode(errors="surrogatepass") if isinstance(content, str) else bytes(content)
        found.append((str(path), data))
    return found


def job(
    limits: Limits,
    *,
    program: str = "",
    stdin: str | bytes = b"",
    files: Mapping[str, str | bytes] | None = None,
    serve: str = "",
    module: str = "__main__",
) -> dict[str, Any]:
    """Return what the guest is told to do: run a program or, with `serve`, answer requests."""
    source = program.encode(errors="surrogatepass")
    own = [] if serve else [("main.py", source)]  # beside its files, so that tracebacks show its lines
    rlimits = [
        ("RLIMIT_AS", limits.memory),
        ("RLIMIT_CPU", limits.cpu),
        ("RLIMIT_NPROC", limits.processes + 1),  # the supervisor is one
        ("RLIMIT_FSIZE", limits.disk),
        ("RLIMIT_NOFILE", limits.descriptors),
        ("RLIMIT_CORE", 0),
    ]
    return {
        "program": source,
        "stdin": stdin.encode(errors="surrogatepass") if isinstance(stdin, str) else stdin,
        "files": [*own, *checked_files(files)],
        "serve": serve,
        "module": module,
        "output": limits.output,
        "rlimits": rlimits,
    }
