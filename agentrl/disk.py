"""Whole files or none, and one writer a folder."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from agentrl.errors import ConfigError, RunError

LOCK = ".lock"


def write_whole(path: Path, data: bytes) -> None:
    """Replace the content of `path` by `data`: all of it or, whatever happens, nothing.

    Errors: RunError where the disk does not take it.
    """
    with replacing(path) as temporary, said(path):
        temporary.write_bytes(data)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a file name to write to; it takes the place of `path` once the block ends without an error.

    Errors: RunError where the disk does not take it; the old file is then untouched.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield temporary
        with said(path):
            _sync(temporary)
            os.replace(temporary, path)
            _sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    """Have the disk hold what was written: without it, a power cut can leave a renamed but empty file."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def said(path: Path) -> Iterator[None]:
    """Turn a disk error into a RunError that says what could not be written and what is left."""
    try:
        yield
    except OSError as why:
        raise RunError(
            f"could not write {path}: {why.strerror or why}; the last checkpoint is whole, so once that is"
            " put right 'agentrl resume' continues the run"
        ) from why


class Lock:
    """A lock that the system gives back when its process ends, however it ends, so none is ever stale."""

    def __init__(self, folder: Path) -> None:
        try:
            self._descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as why:
            raise ConfigError(f"{folder} cannot be written to: {why.strerror}") from why
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.read(self._descriptor, 100).decode(errors="replace").strip() or "unknown"
            os.close(self._descriptor)
            raise ConfigError(
                f"{folder} is being written to by process {owner}: wait for it or stop it"
            ) from None
        os.ftruncate(self._descriptor, 0)
        os.write(self._descriptor, f"{os.getpid()} on {os.uname().nodename}\n".encode())

    def release(self) -> None:
        """Give the lock back."""
        os.close(self._descriptor)
