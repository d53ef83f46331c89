"""Trajectories on disk: one JSON line each, in gzip'd files; ids and log-probabilities as base64.

Reading a line back gives the trajectory, and writing that one again gives the same bytes. Lines say their
version; those of version 1, which say none, hold no `final_state`.
"""

import base64
import gzip
import json
import sys
import zlib
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, get_type_hints

import msgspec

from agentrl.disk import replacing, said
from agentrl.errors import DataError
from agentrl.types import Trajectory, Turn

VERSION = 2
HEADER = b'{"agentrl":'
"""begins the first line of a file that says how it was made: see `datafile`"""


def dump(trajectory: Trajectory) -> str:
    """Return the trajectory as one line of JSON, without its line break.

    Edge: any text survives, lone surrogates and control characters included; numbers may be nan.
    """
    return json.dumps(plain(trajectory), separators=(",", ":"))


def plain(trajectory: Trajectory) -> dict[str, Any]:
    """Return the trajectory as JSON values."""
    return {"version": VERSION, **msgspec.to_builtins(trajectory, enc_hook=_packed)}


def parse(line: str | bytes) -> Trajectory:
    """Return the trajectory that `dump` wrote.

    Errors: DataError naming the field that is missing or of the wrong kind.
    """
    try:
        return of_plain(json.loads(line))
    except (ValueError, RecursionError) as why:
        raise DataError(f"not a trajectory: {why}") from why


def of_plain(values: Any) -> Trajectory:
    """Return the trajectory of what `plain` gave.

    Errors: DataError naming the field that is missing or of the wrong kind.
    """
    version = values.get("version", 1) if isinstance(values, dict) else 1
    if version not in range(1, VERSION + 1):
        raise DataError(f"a trajectory of version {version!r}; this agentrl reads up to {VERSION}")
    try:
        record = msgspec.convert(values, _TRAJECTORY)
        turns = tuple(_turn(number, turn) for number, turn in enumerate(record.turns))
    except (ValueError, RecursionError) as why:
        raise DataError(f"not a trajectory: {why}") from why
    rest = {field.name: getattr(record, field.name) for field in fields(Trajectory)}
    return Trajectory(**{**rest, "turns": turns})


def write_trajectories(path: Path, trajectories: Iterable[Trajectory]) -> int:
    """Write a `.jsonl.gz` file, whole or not at all; return how many were written.

    Edge: equal trajectories give equal files (no time is stored).
    """
    return write_lines(path, map(dump, trajectories))


def write_lines(path: Path, lines: Iterable[str]) -> int:
    """Write a gzip'd file of lines, whole or not at all; return how many were written.

    Edge: equal lines give equal files (no time is stored).
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    count = 0
    with (
        replacing(path) as part,
        said(path),
        part.open("wb") as raw,
        gzip.GzipFile("", "wb", compresslevel=5, fileobj=raw, mtime=0) as packed,
    ):
        for line in lines:
            packed.write(line.encode() + b"\n")
            count += 1
    return count


def read_trajectories(path: Path) -> Iterator[Trajectory]:
    """Yield the trajectories of a file, in order; a first line that is a header is passed over.

    Errors: DataError naming file and line where a line is broken or the file is cut off.
    """
    for number, line in read_lines(path):
        if number == 1 and line.startswith(HEADER):
            continue
        try:
            yield parse(line)
        except DataError as why:
            raise DataError(f"{path}, line {number}: {why}") from why


def read_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield (number from 1, line) of a gzip'd file.

    Errors: DataError naming file and line where it is cut off or no such file.
    """
    number = 0
    try:
        with gzip.open(path, "rb") as lines:
            for number, line in enumerate(lines, 1):
                yield number, line
    except (EOFError, gzip.BadGzipFile, zlib.error) as why:
        raise DataError(f"{path}, after line {number}: {why}") from why


def count_trajectories(path: Path) -> int:
    """Return how many trajectories a file holds, without reading them.

    Errors: DataError naming the file where it is cut off.
    """
    try:
        with gzip.open(path, "rb") as lines:
            return sum(1 for _ in lines)
    except (EOFError, gzip.BadGzipFile, zlib.error) as why:
        raise DataError(f"{path}: {why}") from why


def _packed(value: Any) -> str:
    """Return an array as base64 of its little-endian bytes."""
    if not isinstance(value, array):
        raise TypeError(f"{type(value).__name__} cannot be written as JSON")
    return base64.b64encode(_little(value).tobytes()).decode("ascii")


def _turn(number: int, record: Any) -> Turn:
    values = {field.name: getattr(record, field.name) for field in fields(Turn)}
    arrays = {name: _unpacked(values[name], code) for name, code in _CODES.items()}
    turn = Turn(**values | arrays)
    if len(turn.action_ids) != len(turn.logprobs):
        raise ValueError(
            f"turns[{number}] has {len(turn.action_ids)} tokens but {len(turn.logprobs)} logprobs"
        )
    return turn


def _unpacked(text: str, code: str) -> "array[Any]":
    """Return the array of a type code in a base64 text."""
    found = array(code)
    found.frombytes(base64.b64decode(text, validate=True))
    return _little(found)


def _little(values: "array[Any]") -> "array[Any]":
    """Return the values in little-endian byte order (or back from it)."""
    if sys.byteorder == "little":
        return values
    swapped = values[:]
    swapped.byteswap()
    return swapped


def _record(kind: Any, **changed: Any) -> Any:
    """Return a type with the fields of a dataclass, arrays as text, for checked reading.

    All are required but those that earlier versions did not write.
    """
    hints = get_type_hints(kind, localns={"array": {int: str, float: str}}) | changed
    named = [(field.name, hints[field.name]) for field in fields(kind)]
    return msgspec.defstruct(kind.__name__, [(*one, None) if one[0] in _LATER else one for one in named])


_LATER = ("final_state",)
_CODES = {"prompt_ids": "i", "action_ids": "i", "logprobs": "f"}
_TURN: Any = _record(Turn)
_TRAJECTORY = _record(Trajectory, turns=tuple[_TURN, ...])
