"""The figures of one iteration of learning."""

from collections import defaultdict

from agentrl.losses.correction import importance_ratio
from agentrl.table import TokenTable


class Log:
    """Means over an iteration's optimiser steps."""

    def __init__(self) -> None:
        self.sums: dict[str, float] = defaultdict(float)
        self.once: dict[str, float] = {}
        self.steps = 0
        self.gap: dict[str, float] = defaultdict(float)
        """sums over tokens compared, for the mismatch of sampler and trainer"""

    def add(self, name: str, value: float) -> None:
        """Add a part of one optimiser step's value."""
        self.sums[name] += value

    def step(self) -> None:
        """Count an optimiser step."""
        self.steps += 1

    def add_table(self, table: TokenTable) -> None:
        """Note figures of the whole table."""
        self.once["tokens"] = float(len(table))
        if "credit" in table.columns:
            credit = table.credit
            self.once["credit_mean"] = float(credit.mean())
            self.once["credit_std"] = float(credit.std()) if len(credit) > 1 else 0.0
            self.once["credit_zero"] = float((credit == 0).float().mean())
        if {"returns", "values_old"} <= table.columns.keys():
            spread = table.returns.var()
            self.once["explained_variance"] = float(
                1 - (table.returns - table.values_old).var() / spread.clamp(min=1e-8)
            )

    def add_gap(self, part: TokenTable) -> None:
        """Note how far the sampler's log-probabilities are from the trainer's, before any weight moved."""
        gap = (part.logp.detach() - part.logp_behaviour).double()
        ratio = importance_ratio(part.logp, part.logp_behaviour, part.trajectory).double()
        largest = max(self.once.get("logprob_gap_max", 0.0), float(gap.abs().max()))
        self.gap["tokens"] += len(gap)
        self.gap["size"] += float(gap.abs().sum())
        self.gap["ratio"] += float(ratio.sum())
        self.gap["square"] += float((ratio**2).sum())
        self.once |= {
            "logprob_gap_mean": self.gap["size"] / self.gap["tokens"],
            "logprob_gap_max": largest,
            "correction_ess": self.gap["ratio"] ** 2 / (self.gap["tokens"] * self.gap["square"]),
            "correction_clipped": 0.0,
            "correction_rejected": 0.0,
        }

    def means(self) -> dict[str, float]:
        """Return every figure by name."""
        return {name: total / max(1, self.steps) for name, total in self.sums.items()} | self.once
