"""Trajectories on disk: one JSON line each, in gzip'd files; ids and log-probabilities as base64.

Reading a line back gives the trajectory, and writing that one again gives the same bytes.
"""

import base64
import binascii
import gzip
import json
import os
import sys
from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from zlib import error as ZlibError

import msgspec

from agentrl.errors import DataError
from agentrl.types import Trajectory


def dump(trajectory: Trajectory) -> str:
    """Return the trajectory as one line of JSON, without its line break.

    Edge: any text survives, lone surrogates and control characters included; numbers may be nan.
    """
    return json.dumps(msgspec.to_builtins(trajectory, enc_hook=_packed), separators=(",", ":"))


def parse(line: str | bytes) -> Trajectory:
    """Return the trajectory that `dump` wrote.

    Errors: DataError naming the field that is missing or of the wrong kind.
    """
    try:
        return msgspec.convert(json.loads(line), Trajectory, dec_hook=_unpacked)
    except (ValueError, binascii.Error, RecursionError) as why:
        raise DataError(f"not a trajectory: {why}") from why


def write_trajectories(path: Path, trajectories: Iterable[Trajectory]) -> int:
    """Write a `.jsonl.gz` file, whole or not at all; return how many were written.

    Edge: equal trajectories give equal files (no time is stored).
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    count = 0
    try:
        with part.open("wb") as raw, gzip.GzipFile("", "wb", compresslevel=5, fileobj=raw, mtime=0) as packed:
            for trajectory in trajectories:
                packed.write(dump(trajectory).encode() + b"\n")
                count += 1
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return count


def read_trajectories(path: Path) -> Iterator[Trajectory]:
    """Yield the trajectories of a file, in order.

    Errors: DataError naming file and line where a line is broken or the file is cut off.
    """
    number = 0
    try:
        with gzip.open(path, "rb") as lines:
            for number, line in enumerate(lines, 1):
                try:
                    yield parse(line)
                except DataError as why:
                    raise DataError(f"{path}, line {number}: {why}") from why
    except (EOFError, gzip.BadGzipFile, ZlibError) as why:
        raise DataError(f"{path}, after line {number}: {why}") from why


def _packed(value: Any) -> str:
    """Return an array as base64 of its little-endian bytes."""
    if not isinstance(value, array):
        raise TypeError(f"{type(value).__name__} cannot be written as JSON")
    return base64.b64encode(_little(value).tobytes()).decode("ascii")


def _unpacked(kind: Any, value: Any) -> Any:
    """Return the array in a base64 text."""
    code = "i" if kind.__args__ == (int,) else "f"
    if not isinstance(value, str):
        raise ValueError(f"expected base64 text, found {type(value).__name__}")
    found = array(code)
    found.frombytes(base64.b64decode(value, validate=True))
    return _little(found)


def _little(values: "array[Any]") -> "array[Any]":
    """Return the values in little-endian byte order (or back from it)."""
    if sys.byteorder == "little":
        return values
    swapped = values[:]
    swapped.byteswap()
    return swapped
