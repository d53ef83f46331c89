"""The answers of one contender on disk: a header that says to what, then a line for each question.

Answers are added in pieces of `PIECE` questions, always the same ones. What a kill leaves of a piece is
dropped and played again, so a row that was stopped ends like one that was not.
"""

import hashlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from agentrl.disk import said, write_whole
from agentrl.errors import ConfigError
from agentrl.toolstats import Answered, answered
from agentrl.types import Trajectory

PIECE = 64
"""questions that are asked together"""


@dataclass(frozen=True, slots=True)
class Header:
    """The first line of a file: what its answers depend on."""

    env: str
    options: Mapping[str, str]
    panel: str
    """hash of the questions"""
    tasks: int
    who: str
    decoding: str
    """none for players"""
    seed: int
    asked: Mapping[str, str]
    weights: str
    version: int = 1

    def flat(self) -> dict[str, str]:
        """Return everything by key, in words."""
        plain = {key: str(found) for key, found in msgspec.to_builtins(self).items()}
        del plain["options"], plain["asked"]
        return plain | {f"env.{key}": text for key, text in self.options.items()} | dict(self.asked)


@dataclass(frozen=True, slots=True)
class Line:
    """One question, answered."""

    number: int
    """in the panel"""
    task: str
    outcome: str
    seconds: float
    """its share of the wall time of its piece"""
    error: bool
    counted: bool
    """the episode told of tool calls"""
    answered: Answered


def line(number: int, episode: Trajectory, seconds: float, *, written: bool) -> Line:
    """Return what is kept of an episode; `written`: by a model, whose tokens count."""
    found = answered(episode)
    return Line(
        number=number,
        task=episode.task.id,
        outcome=episode.outcome,
        seconds=seconds,
        error=not episode.scorable,
        counted="calls" in episode.metrics or found.calls > 0,
        answered=found if written else replace(found, tokens=None),
    )


class Answers:
    """The file of one contender, in the folder `rows` of the benchmark's."""

    def __init__(self, out: Path, header: Header) -> None:
        """Read what is there; nothing is made yet.

        Errors: ConfigError where the file holds answers to something else.
        """
        # Players that no model stands behind may be in two places of one command, under other options.
        mark = repr((header.env, header.who, sorted(header.options.items()) if not header.asked else ""))
        digest = hashlib.blake2b(mark.encode(errors="replace"), digest_size=4).hexdigest()
        named = re.sub(r"[^\w.-]+", "-", f"{Path(header.env).stem}-{header.who}", flags=re.ASCII)
        self.path = out / "rows" / f"{named.strip('-.')[-80:]}-{digest}.jsonl"
        self.header = header
        self.lines: list[Line] = self._kept() if self.path.is_file() else []
        self._begun = False

    @property
    def complete(self) -> bool:
        """Every question is answered."""
        return len(self.lines) == self.header.tasks

    def add(self, piece: Sequence[Line]) -> None:
        """Write the answers of a piece."""
        if not self._begun:  # what a torn piece left is gone then
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(self.path, _text([self.header, *self.lines]))
            self._begun = True
        with said(self.path), self.path.open("ab") as file:
            file.write(_text(piece))
            file.flush()
            os.fsync(file.fileno())
        self.lines += piece

    def _kept(self) -> list[Line]:
        """Return the answers of whole pieces."""
        head, *rest = self.path.read_bytes().split(b"\n")[:-1] or [b""]
        try:
            there = msgspec.convert(json.loads(head), Header).flat()
        except ValueError as why:
            raise ConfigError(f"{self.path} holds no answers of a benchmark; remove it ({why})") from None
        now = self.header.flat()
        other = [key for key in {**there, **now} if there.get(key) != now.get(key)]
        if other:
            shown = ", ".join(f"{key}={there.get(key)} (now {now.get(key)})" for key in other[:4])
            more = f" and {len(other) - 4} more" if len(other) > 4 else ""
            raise ConfigError(
                f"{self.path} was begun with other settings: {shown}{more}; choose another out=, or remove"
                " that file to ask again"
            )
        lines: list[Line] = []
        for text in rest:
            try:
                lines.append(msgspec.convert(json.loads(text), Line))
            except ValueError:  # torn by a power cut
                break
        whole = len(lines) if len(lines) == self.header.tasks else len(lines) // PIECE * PIECE
        if [one.number for one in lines[:whole]] != list(range(whole)):
            raise ConfigError(f"{self.path}: its lines are not in order; remove it to ask again")
        return lines[:whole]


def _text(records: Sequence[Header | Line]) -> bytes:
    return b"".join(json.dumps(msgspec.to_builtins(one)).encode() + b"\n" for one in records)
