"""Supervised fine-tuning on a demonstrator's episodes: the baseline that reinforcement has to beat."""

from dataclasses import dataclass
from typing import Literal

from agentrl.algo import Algorithm, AlgoState, Losses, Stored, above
from agentrl.batch import TokenTable
from agentrl.registry import algo


@algo("sft")
@dataclass(frozen=True, slots=True)
class SFT(Algorithm):
    """Raise the likelihood of the demonstrator's replies."""

    per_task: int = 8
    """demonstrations a training task, at least 1"""
    batch: int = 128
    """episodes an iteration, at least 1"""
    only: Literal["all", "success"] = "all"
    """success: leave out episodes that failed"""

    data = "demonstrations"
    paper = "behaviour cloning"

    @property
    def invariances(self) -> frozenset[str]:
        """Demonstrations are imitated, whatever they earned."""
        return frozenset({"shift", "scale"})

    def check(self) -> None:
        """Refuse empty batches."""
        above(self.per_task, 0, "per_task")
        above(self.batch, 0, "batch")

    def collect(self) -> Stored:
        """Return stored demonstrations."""
        return Stored("demonstrator", self.per_task, self.batch, self.only)

    def loss(self, table: TokenTable, state: AlgoState) -> Losses:
        """Return minus the log-probability of each token."""
        return Losses(policy=-table.logp)
