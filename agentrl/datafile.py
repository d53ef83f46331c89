"""Files of collected data: a first line that says how it was made, then episodes, or pairs of them.

A pair is two episodes that are the same up to a turn: from there on one is preferred. Token ids mean what the
tokenizer says that the file was made with; its fingerprint stands in the header.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import msgspec

from agentrl.errors import DataError
from agentrl.trajectories import HEADER, of_plain, plain, read_lines, read_trajectories, write_lines
from agentrl.types import Trajectory

VERSION = 1
Kind = Literal["episodes", "pairs"]


@dataclass(frozen=True, slots=True)
class Header:
    """How a file was made."""

    kind: Kind
    env: str
    tokenizer: str
    """fingerprint of the tokenizer whose ids it holds"""
    model: str = ""
    """folder or hub id of the model that played; empty: a scripted player"""
    made: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """every word of the command that decides what is in it"""
    version: int = VERSION


@dataclass(frozen=True, slots=True)
class PlayedPair:
    """Two episodes, the better one first."""

    chosen: Trajectory
    rejected: Trajectory
    turn: int
    """turns before this one are the same"""
    whole: bool = False
    """everything from `turn` on is compared; else that turn alone"""
    weight: float = 1.0
    margin: float = 0.0
    """how much better, in score"""


def fingerprint(tokenizer: Any) -> str:
    """Return sixteen hex digits that tell apart tokenizers whose ids mean different things."""
    vocabulary = sorted(tokenizer.get_vocab().items(), key=lambda entry: entry[1])
    text = json.dumps([vocabulary, str(tokenizer.chat_template)])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def header_line(header: Header) -> str:
    """Return the first line of a file."""
    return json.dumps({"agentrl": msgspec.to_builtins(header)}, separators=(",", ":"))


def pair_line(pair: PlayedPair) -> str:
    """Return a pair as a line."""
    about = {"turn": pair.turn, "whole": pair.whole, "weight": pair.weight, "margin": pair.margin}
    sides = {"chosen": plain(pair.chosen), "rejected": plain(pair.rejected)}
    return json.dumps({"pair": about, **sides}, separators=(",", ":"))


def write_pairs(path: Path, header: Header, pairs: Iterable[PlayedPair]) -> int:
    """Write a file of pairs, whole or not at all; return how many there are."""
    return write_lines(path, [header_line(header), *map(pair_line, pairs)]) - 1


def read_header(path: Path) -> Header | None:
    """Return how a file was made; None where it does not say.

    Errors: DataError where the header is broken, or of a later version.
    """
    for _, line in read_lines(path):
        if not line.startswith(HEADER):
            return None
        try:
            header = msgspec.convert(json.loads(line)["agentrl"], Header)
        except ValueError as why:
            raise DataError(f"{path}, line 1: {why}") from why
        if header.version > VERSION:
            raise DataError(f"{path} is of version {header.version}; this agentrl reads up to {VERSION}")
        return header
    return None


def read_episodes(path: Path) -> list[Trajectory]:
    """Return the episodes of a file; of a file of pairs both sides of each."""
    header = read_header(path)
    if header is None or header.kind == "episodes":
        return list(read_trajectories(path))
    return [side for pair in read_pairs(path) for side in (pair.chosen, pair.rejected)]


def read_pairs(path: Path) -> Iterator[PlayedPair]:
    """Yield the pairs of a file, in order.

    Errors: DataError naming the line that is broken.
    """
    for number, line in read_lines(path):
        if number == 1 and line.startswith(HEADER):
            continue
        try:
            values = json.loads(line)
            about = msgspec.convert(values["pair"], _About)
            chosen, rejected = of_plain(values["chosen"]), of_plain(values["rejected"])
        except (KeyError, TypeError, ValueError) as why:
            raise DataError(f"{path}, line {number}: not a pair: {why}") from why
        if not about.turn < min(len(chosen.turns), len(rejected.turns)):
            raise DataError(f"{path}, line {number}: the sides have no turn {about.turn}")
        yield PlayedPair(chosen, rejected, about.turn, about.whole, about.weight, about.margin)


class _About(msgspec.Struct):
    turn: int
    whole: bool
    weight: float
    margin: float
