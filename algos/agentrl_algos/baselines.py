"""Scripted players under the same measurement: nothing is trained."""

from dataclasses import dataclass

from agentrl.algo import Algorithm, Play
from agentrl.registry import algo


@algo("random")
@dataclass(frozen=True, slots=True)
class Random(Algorithm):
    """Draw an admissible action, every one as likely."""

    data = "nothing: it is measured, not trained"

    def collect(self) -> Play:
        """Return the random player."""
        return Play("random")


@algo("expert")
@dataclass(frozen=True, slots=True)
class Expert(Algorithm):
    """Play as one who knows the answer: the ceiling."""

    data = "nothing: it is measured, not trained"

    def collect(self) -> Play:
        """Return the expert."""
        return Play("expert")
