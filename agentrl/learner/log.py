"""The figures of one iteration of learning."""

from collections import defaultdict

from agentrl.learner.team import SOLO, Team
from agentrl.losses.correction import importance_ratio
from agentrl.table import TokenTable


class Log:
    """Means over an iteration's optimiser steps."""

    def __init__(self, team: Team = SOLO) -> None:
        self.team = team
        self.parts: dict[str, float] = defaultdict(float)
        """what each member of the team has its part of"""
        self.sums: dict[str, float] = defaultdict(float)
        self.once: dict[str, float] = {}
        self.steps = 0
        self.gap: dict[str, float] = defaultdict(float)
        """sums over tokens compared, for the mismatch of sampler and trainer"""
        self.compared, self.largest = False, 0.0

    def add(self, name: str, value: float) -> None:
        """Add a part of one optimiser step's value."""
        self.sums[name] += value

    def add_part(self, name: str, value: float) -> None:
        """Add a part of one optimiser step's value, of which other members of the team have others."""
        self.parts[name] += value

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

    def add_gap(self, part: TokenTable, counts: bool = True) -> None:
        """Note how far the sampler's log-probabilities are from the trainer's, before any weight moved."""
        self.compared = True
        if not counts:
            return
        gap = (part.logp.detach() - part.logp_behaviour).double()
        ratio = importance_ratio(part.logp, part.logp_behaviour, part.trajectory).double()
        self.largest = max(self.largest, float(gap.abs().max()))
        self.gap["tokens"] += len(gap)
        self.gap["size"] += float(gap.abs().sum())
        self.gap["ratio"] += float(ratio.sum())
        self.gap["square"] += float((ratio**2).sum())

    def means(self) -> dict[str, float]:
        """Return every figure by name; all members of the team ask."""
        sums = self.team.summed(self.parts) | self.sums
        return {name: total / max(1, self.steps) for name, total in sums.items()} | self.once | self._gaps()

    def _gaps(self) -> dict[str, float]:
        """Return the mismatch of sampler and trainer, where it was noted."""
        if not self.compared:
            return {}
        gap = self.team.summed({name: self.gap[name] for name in ("tokens", "size", "ratio", "square")})
        return {
            "logprob_gap_mean": gap["size"] / gap["tokens"],
            "logprob_gap_max": self.team.largest(self.largest),
            "correction_ess": gap["ratio"] ** 2 / (gap["tokens"] * gap["square"]),
            "correction_clipped": 0.0,
            "correction_rejected": 0.0,
        }
