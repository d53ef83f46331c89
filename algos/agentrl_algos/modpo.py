"""MODPO (arXiv:2310.03708): preferences by one reward, with a margin for all the others.

    loss = softplus(-(r_w - r_l)),   r = (beta rho - sum over other rewards k of w_k m_k) / w_0

rho is the log-ratio of an episode to the reference, m_k what the episode earned in component k. Where only
the main reward has weight (w_0 = 1) it is DPO.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from agentrl.algo import AlgoState, Losses, above
from agentrl.batch import TokenTable
from agentrl.credit.selection import comparisons
from agentrl.errors import ConfigError, RunError, nearest
from agentrl.losses.pairwise import Knobs, pairwise
from agentrl.registry import algo
from agentrl_algos.answers import Grouped, answers
from agentrl_algos.self_play import of_pairs


@algo("modpo")
@dataclass(frozen=True, slots=True)
class MODPO(Grouped):
    """Prefer by one reward, and let what the others say take part of the work."""

    main: str = "task"
    """reward component that episodes are compared by [ours]"""
    weight: float = 0.5
    """w_0, share of the main reward, above 0 and at most 1; the rest is split evenly among the others"""
    beta: float = 0.1
    """strength of a log-ratio, in reward units a nat"""
    gap: float = 0.05
    """least difference of the main reward in a pair, in reward units [ours]"""

    data = "groups of episodes of a task, rewards by name"
    extra = "reference"
    paper = "arXiv:2310.03708"

    @property
    def needs(self) -> frozenset[str]:
        """The reference's log-probabilities."""
        return frozenset({"logp_ref"})

    @property
    def invariances(self) -> frozenset[str]:
        """Which episode is better does not change with a constant; how much the others say would."""
        return frozenset({"shift"})

    def check(self) -> None:
        """Refuse a main reward without weight."""
        Grouped.check(self)
        above(self.beta, 0, "beta")
        if not 0 < self.weight <= 1:
            raise ConfigError(f"weight={self.weight}: a share above 0 and at most 1")

    def loss(self, table: TokenTable, state: AlgoState) -> Losses:
        """Return the mean pair loss, a scalar."""
        held, parts = torch.unique(table.trajectory), table.trajectories.parts
        if self.main not in parts:
            raise RunError(
                f"main={self.main}: no such reward component{nearest(self.main, parts)} (there are:"
                f" {', '.join(parts)})"
            )
        found = answers(table, table.logp_ref)
        first, second = comparisons(parts[self.main][held], found.group, "best_worst", self.gap)
        one, other = found.take(first), found.take(second)
        margin = (1.0 - self.weight) * (self.others(table, held[first]) - self.others(table, held[second]))
        knobs = Knobs(self.beta / self.weight, margin=margin.to(one.logp.dtype) / self.weight)
        return of_pairs(pairwise(one, other, "dpo", knobs), (one, other), self.beta)

    def others(self, table: TokenTable, which: Tensor) -> Tensor:
        """Return the mean of the other components of these episodes; 0 where there is none."""
        rest = [part[which] for name, part in table.trajectories.parts.items() if name != self.main]
        return torch.stack(rest).mean(0) if rest else torch.zeros(len(which), dtype=torch.float64)
