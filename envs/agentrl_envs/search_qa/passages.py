"""Passages, questions about them, and a search over the passages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agentrl_envs.bm25 import Index


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of text that a search can return."""

    id: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and what is right."""

    id: str
    text: str
    answers: tuple[str, ...]
    """any of which is right"""
    kind: str = ""
    """sort of question; empty: not told"""
    titles: tuple[str, ...] = ()
    """of the passages that it takes; empty: not known"""
    plan: tuple[str, ...] | None = None
    """queries of the shortest way to the answer; none: not known"""
    passages: tuple[Passage, ...] = field(default=(), repr=False)
    """that come with it"""

    @property
    def data(self) -> dict[str, Any]:
        """What a task holds."""
        told: dict[str, Any] = {"question": self.text, "answer": list(self.answers)}
        told |= {"kind": self.kind} if self.kind else {}
        told |= {"titles": list(self.titles)} if self.titles else {}
        if self.plan is not None:
            told |= {"min_calls": len(self.plan), "plan": list(self.plan)}
        return told


class Corpus:
    """Passages behind a search."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        """Take passages whose ids differ."""
        self.passages: Mapping[str, Passage] = {one.id: one for one in passages}
        self._index = Index((one.id, f"{one.title} {one.text}") for one in passages)

    def found(self, query: str, top: int) -> tuple[Passage, ...]:
        """Return the best passages for a query, best first."""
        return tuple(self.passages[name] for name in self._index.hits(query)[:top])
