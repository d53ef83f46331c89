"""`metrics.jsonl`: the journal of a run, one JSON object a line."""

import json
import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import msgspec

from agentrl.disk import said, write_whole
from agentrl.errors import DataError

log = logging.getLogger("agentrl")

Phase = Literal["warm", "rl", "eval"]


@dataclass(frozen=True, slots=True)
class MetricsLine:
    """One line of `metrics.jsonl`: phase, iteration and any number of named floats, flat in one object."""

    phase: Phase
    iteration: int
    """of its phase: optimiser steps in warm, rounds in rl and eval"""
    values: Mapping[str, float]
    """nan and the infinities are written as null and read as nan"""

    def to_json(self) -> str:
        """Return the line without its end."""
        taken = {"phase", "iteration"} & set(self.values)
        if taken:
            raise DataError(f"a metric may not be called {taken.pop()!r}: every line has that key already")
        numbers = {k: float(v) if math.isfinite(v) else None for k, v in self.values.items()}
        return json.dumps({"phase": self.phase, "iteration": self.iteration, **numbers}, allow_nan=False)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Return the record of one line.

        Errors: DataError where it is torn or of another form.
        """
        try:
            raw = msgspec.convert(json.loads(text), dict[str, Any])
            phase = msgspec.convert(raw.pop("phase"), Phase)
            iteration = msgspec.convert(raw.pop("iteration"), int)
            numbers = msgspec.convert(raw, dict[str, float | None])
        except (ValueError, KeyError) as why:
            raise DataError(f"not a line of metrics: {why}") from why
        return cls(phase, iteration, {k: math.nan if v is None else v for k, v in numbers.items()})


class Metrics:
    """The open journal: a line reaches the file at once; a torn last one is dropped on opening."""

    def __init__(self, path: Path) -> None:
        self.path = path
        held = path.read_bytes() if path.exists() else b""
        whole = held[: held.rfind(b"\n") + 1]
        if whole != held:
            log.warning("%s: dropped a torn last line of %d bytes", path, len(held) - len(whole))
            write_whole(path, whole)
        self._open()

    def _open(self) -> None:
        # Unbuffered: nothing is left to fail when the file is closed, and a kill loses no whole line.
        self._file = open(self.path, "ab", buffering=0)  # noqa: SIM115

    def add(self, line: MetricsLine) -> None:
        """Write one line.

        Errors: RunError where the disk does not take it.
        """
        rest = memoryview((line.to_json() + "\n").encode())
        with said(self.path):
            while rest:
                rest = rest[self._file.write(rest) :]

    def read(self) -> list[MetricsLine]:
        """Return every line.

        Errors: DataError naming the first broken one.
        """
        return read_metrics(self.path)

    def truncate(self, phase: Phase, iteration: int) -> None:
        """Keep what was known once `iteration` of `phase` was done; warm comes before rl and eval."""
        ends = {"warm": iteration if phase == "warm" else None, "rl": iteration, "eval": iteration}
        if phase == "warm":
            ends.update(rl=-1, eval=-1)
        kept = [x for x in self.read() if (end := ends[x.phase]) is None or x.iteration <= end]
        self.close()
        write_whole(self.path, "".join(line.to_json() + "\n" for line in kept).encode())
        self._open()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_metrics(path: Path) -> list[MetricsLine]:
    """Return every whole line of a `metrics.jsonl`; a torn last line is left out.

    Errors: DataError naming the first broken line.
    """
    lines = path.read_bytes().split(b"\n")[:-1]
    made: list[MetricsLine] = []
    for number, text in enumerate(lines, start=1):
        try:
            made.append(MetricsLine.from_json(text))
        except DataError as why:
            raise DataError(f"{path}, line {number}: {why}") from why
    return made
