"""A run as the page reads it: its chunks on a shelf, its index beside them."""

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentrl.findings import Findings, read_findings
from agentrl.report_parts import changed
from agentrl.view.pack import Packer, columns_of, plain
from agentrl.view.parts import Source, chosen, read_part, sources
from agentrl.view.vocabulary import token_texts


class Chunks:
    """Chunks in a temporary file, by number; any thread may read."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 (goes with this object)
        self._ends = [0]

    def add(self, chunk: bytes) -> None:
        """Put one behind the others."""
        self._file.write(chunk)
        self._file.flush()
        self._ends.append(self._ends[-1] + len(chunk))

    def __len__(self) -> int:
        return len(self._ends) - 1

    def __getitem__(self, number: int) -> bytes:
        if not 0 <= number < len(self):
            raise IndexError(number)
        start, stop = self._ends[number : number + 2]
        return os.pread(self._file.fileno(), stop - start, start)


@dataclass(frozen=True, slots=True)
class Shelf:
    """A run, packed."""

    title: str
    index: Mapping[str, Any]
    chunks: Chunks
    episodes: int
    stored: int
    """episodes that the run keeps, those that were left out included"""


def packed(run: Path, iteration: int | None, most: int) -> Shelf:
    """Return a run packed: the episodes of one iteration, or at most `most` of all (0: as many as there are).

    Errors: ConfigError where there is no run, or no such episodes; DataError where a file is broken.
    """
    there = sources(run)
    shown = chosen(there, run, iteration, most)
    findings = read_findings(run)
    chunks = Chunks()
    packer = Packer(columns_of(shown), chunks.add)
    for source in shown:
        packer.add(read_part(source))
    packer.flush()
    texts = token_texts(run, packer.ids)
    index = packer.index() | {
        "name": run.resolve().name,
        "title": findings.title,
        "weights": plain(findings.config.get("reward", {})),
        "settings": [
            [key, str(value), "" if default is None else str(default)]
            for key, value, default in changed(findings.config)
            if key != "run.out"
        ],
        "notes": _notes(findings, there, shown, texts is not None),
        "vocabulary": {str(token): text for token, text in (texts or {}).items()},
        "chunks": len(chunks),
    }
    episodes = len(index["episodes"].get("task", ()))
    return Shelf(findings.title, index, chunks, episodes, sum(source.count for source in there))


def _notes(findings: Findings, there: Sequence[Source], shown: Sequence[Source], readable: bool) -> list[str]:
    """Return in sentences what the page does not show."""
    said = []
    if findings.summary is None:
        said.append("The run has not finished.")
    if len(shown) < len(there):
        said.append(
            f"{len(shown)} of {len(there)} stored iterations are shown: "
            f"{', '.join(str(source.iteration) for source in shown)}."
        )
    bare = [str(source.iteration) for source in shown if source.credit is None]
    if bare:
        said.append(
            f"No credit is kept for iteration{'s' if len(bare) > 1 else ''} {', '.join(bare)}: tokens are"
            " shown with the sampler's log-probabilities alone."
        )
    if not readable:
        said.append("The run has kept no tokenizer yet: tokens are shown as numbers.")
    return said
