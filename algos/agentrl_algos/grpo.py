"""GRPO: Group Relative Policy Optimization (arXiv:2402.03300), on multi-turn episodes.

    A = (R - mean) / (std + eps)   over the episodes of one task

Every token of an episode gets its episode's number. The penalty for useless actions enters an episode's
return as its mean over the episode's turns, which keeps one number an episode.
"""

from dataclasses import dataclass
from typing import Literal

import torch

from agentrl.algo import Algorithm, AlgoState, Groups, Losses, TurnCredit, above, check_group
from agentrl.batch import TokenTable
from agentrl.credit.groups import group_relative
from agentrl.losses.surrogate import Surrogate
from agentrl.registry import algo


@algo("grpo")
@dataclass(frozen=True, slots=True)
class GRPO(Algorithm):
    """Credit an episode by comparison with the others of its task."""

    group_size: int = 8
    """episodes of one task, at least 2"""
    scale: Literal["std", "none"] = "std"
    """divide by the group's standard deviation, or not (then it is Dr. GRPO's credit)"""
    invalid_penalty: float = 0.1
    """taken from the return for each useless action, averaged over the episode's turns, in reward units"""
    clip_low: float = 0.2
    """how far the probability ratio may fall below 1"""
    clip_high: float = 0.2
    """how far it may rise above 1"""
    dual_clip: float = 3.0
    """bound on the loss of a bad action that became likely, in multiples of its credit"""
    kl: float = 0.0
    """weight of the k3 penalty to the warm start, in nats (published: 0.04; now mostly 0 or 0.001)"""
    entropy: float = 0.0
    """weight of an entropy bonus, in nats"""

    @property
    def needs(self) -> frozenset[str]:
        """Columns of the clipped surrogate."""
        return self._surrogate.columns

    @property
    def invariances(self) -> frozenset[str]:
        """Only differences count; their size does not where it is divided out and no fixed penalty enters."""
        scaled = self.scale == "std" and not self.invalid_penalty
        return frozenset({"shift"} | ({"scale"} if scaled else set()))

    def check(self) -> None:
        """Refuse groups of one."""
        check_group(self.group_size)
        above(self.clip_low, 0, "clip_low")

    def collect(self) -> Groups:
        """Return groups of episodes from one start."""
        return Groups(self.group_size)

    def credit(self, table: TokenTable) -> TurnCredit:
        """Return the episode's advantage for each turn."""
        turns, episodes = table.turns, table.trajectories
        useless = torch.zeros_like(episodes.ret).index_add(
            0, turns.trajectory, (~turns.valid).to(episodes.ret.dtype)
        )
        score = episodes.ret - self.invalid_penalty * useless / episodes.length
        return TurnCredit(group_relative(score, episodes.group, scale=self.scale)[turns.trajectory])

    def loss(self, table: TokenTable, state: AlgoState) -> Losses:
        """Return the clipped surrogate a token."""
        return self._surrogate(table)

    @property
    def _surrogate(self) -> Surrogate:
        return Surrogate(self.clip_low, self.clip_high, self.dual_clip, self.kl, self.entropy)
