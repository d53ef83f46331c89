"""How far the sampler was from the trainer over an iteration's tokens, and the weights that put it right.

| metric | what |
|---|---|
| logprob_gap_mean, logprob_gap_max | nats between the two at a token, where the current weights sampled |
| correction_ess | effective sample size of the ratios, before any bound, as a share of the tokens |
| correction_clipped | share of tokens whose weight was cut down to the cap |
| correction_rejected | share of tokens without a say: weight 0, or out of the data |
"""

from dataclasses import dataclass
from typing import Literal, Self

import torch

from agentrl.losses.correction import (
    agreeing,
    effective_share,
    importance_ratio,
    masked,
    normalised,
    truncated,
)
from agentrl.settings import Criterion, Level, RolloutSettings
from agentrl.table import TokenTable

CAPS = {"none": float("inf"), "truncate": 2.0, "mask": 3.0}
"""largest weight where none is named, as published trainers have it"""


@dataclass(frozen=True, slots=True)
class Correction:
    """Which weights tokens get for the difference of sampler and trainer, and which tokens are left out."""

    how: Literal["none", "truncate", "mask"] = "none"
    level: Level = "token"
    cap: float | None = None
    """none: as published"""
    floor: float = 0.0
    normalize: bool = False
    reject: Criterion | None = None
    reject_at: float = 2.0

    @classmethod
    def of(cls, rollout: RolloutSettings) -> Self:
        """Return the correction that settings ask for, `auto` resolved."""
        return cls(
            rollout.weighted,
            rollout.correction_level,
            rollout.correction_cap,
            rollout.correction_floor,
            rollout.correction_normalize,
            rollout.reject,
            2.0 if rollout.reject_at is None else rollout.reject_at,
        )

    def weigh(self, table: TokenTable, *, fresh: bool = True) -> tuple[TokenTable, dict[str, float]]:
        """Return the table with its weights as column `correction`, rejected tokens gone, and the metrics.

        Tokens of weight 0 stay in the denominators of the loss, rejected ones do not. Credit was given
        before: an episode that is rejected still counts in what its group is compared with.

        Edge:   without `fresh` older weights sampled the table: the ratio corrects that too, and the gap is
                not the sampler's, so it is not told.
        """
        trainer, sampler, sequence = table.logp_old, table.logp_behaviour, table.trajectory
        ratio = importance_ratio(trainer, sampler, sequence, level=self.level)
        cap = CAPS[self.how] if self.cap is None else self.cap
        weight, clipped = torch.ones_like(ratio), torch.zeros_like(ratio, dtype=torch.bool)
        if self.how == "truncate":
            weight, clipped = truncated(ratio, cap), ratio > cap
        elif self.how == "mask":
            weight = masked(ratio, cap, self.floor)
        silent = weight == 0
        if self.normalize and self.how != "none":
            weight = normalised(weight, sequence, level=self.level)
        kept = torch.ones_like(silent)
        if self.reject is not None:
            kept = agreeing(trainer, sampler, sequence, criterion=self.reject, high=self.reject_at)
        metrics = {
            "correction_ess": effective_share(ratio),
            "correction_clipped": float(clipped.float().mean()),
            "correction_rejected": float((silent | ~kept).float().mean()),
        }
        if fresh:
            gap = (trainer - sampler).abs().double()
            metrics |= {"logprob_gap_mean": float(gap.mean()), "logprob_gap_max": float(gap.max())}
        table = table.with_columns(correction=weight)
        return table if bool(kept.all()) else table.take(kept), metrics
