"""One problem, wherever it came from."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

FINAL = "####"
"""stands before the final answer in what players write, as in GSM8K's solutions"""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is asked and what is right."""

    id: str
    """unique among the problems of its source"""
    question: str
    answer: str
    kind: str
    """sort of problem, by which success is told apart"""
    steps: tuple[str, ...] = ()
    """the way to the answer, a result a step, where it is known"""
    extra: Mapping[str, Any] | None = None
    """what else the source needs to judge an answer; JSON values"""

    @property
    def data(self) -> dict[str, Any]:
        """The problem as a task's data."""
        found: dict[str, Any] = {"question": self.question, "answer": self.answer, "kind": self.kind}
        if self.steps:
            found["steps"] = list(self.steps)
        if self.extra is not None:
            found["extra"] = dict(self.extra)
        return found


def digest(text: str) -> int:
    """Return a number that stands for a text, the same in every process."""
    return int.from_bytes(hashlib.blake2b(text.encode(errors="replace"), digest_size=8).digest(), "little")


def worked(steps: Sequence[str], answer: str) -> str:
    """Return steps and final answer as one line of text.

    >>> worked(["2 * 3 = 6", "6 + 1 = 7"], "7")
    '2 * 3 = 6, 6 + 1 = 7 #### 7'
    """
    return f"{', '.join(steps)} {FINAL} {answer}".strip()
