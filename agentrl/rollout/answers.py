"""Answers of an endpoint that were paid for, one JSON object a line: nothing is asked twice."""

import hashlib
import json
import logging
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec

from agentrl.errors import ConfigError, RunError

log = logging.getLogger("agentrl")


@dataclass(frozen=True, slots=True)
class Answered:
    """A reply of an endpoint."""

    text: str
    stop: Literal["stop", "length"]
    read: int
    """tokens of the prompt"""
    written: int
    """tokens of the reply"""
    estimated: bool = False
    """the endpoint did not say how many tokens: they are guessed from the characters"""


def name_of(key: tuple[int, ...], server: str, body: Mapping[str, Any]) -> str:
    """Return the name of an answer: of who asks (run seed, task, sample, turn), whom, and with what words."""
    asked = json.dumps([key, server, body], sort_keys=True)
    return hashlib.blake2b(asked.encode(errors="replace"), digest_size=16).hexdigest()


class Answers:
    """The file, held in memory and written to at once. Several processes may write to it.

    Edge:   a torn or foreign line is left out, and told in the log.
    Errors: ConfigError where the file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._held: dict[str, Answered] = {}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
            text = path.read_bytes()
        except OSError as why:
            raise ConfigError(f"{path}: answers cannot be kept there: {why.strerror}") from why
        if text and not text.endswith(b"\n"):
            self._write(b"\n")
        broken = 0
        for line in text.splitlines():
            try:
                record = json.loads(line)
                self._held[str(record.pop("name"))] = msgspec.convert(record, Answered)
            except (ValueError, KeyError, AttributeError, RecursionError):
                broken += 1
        if broken:
            log.warning("%s: left out %d torn or foreign lines", path, broken)

    def get(self, name: str) -> Answered | None:
        """Return what was answered under that name; None: nothing yet."""
        return self._held.get(name)

    def add(self, name: str, answer: Answered) -> None:
        """Keep an answer.

        Errors: RunError where the disk does not take it.
        """
        self._held[name] = answer
        self._write(json.dumps({"name": name, **asdict(answer)}).encode() + b"\n")

    def _write(self, line: bytes) -> None:
        try:
            os.write(self._file, line)  # one write: lines of other processes stay whole
        except OSError as why:
            raise RunError(f"could not write {self.path}: {why.strerror or why}") from why

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)
