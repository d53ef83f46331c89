"""GRPO on several rewards that the environment names, each compared for itself before they are added.

    normalize_then_sum   z-score of each reward inside its task, weighted sum, z-score over the batch
    sum_then_normalize   weighted sum, z-score inside its task: plain GRPO

Weights are those of the run, `reward.NAME=`. A reward of small spread next to one of large spread is drowned
by the sum and heard by the z-scores.
"""

from dataclasses import dataclass
from typing import Literal

import torch

from agentrl.algo import TurnCredit
from agentrl.batch import TokenTable
from agentrl.credit.objectives import combined
from agentrl.registry import algo
from agentrl_algos.clipped import Clipped


@algo("multi_objective")
@dataclass(frozen=True, slots=True)
class MultiObjective(Clipped):
    """Credit an episode by comparison with the others of its task, reward by reward."""

    order: Literal["normalize_then_sum", "sum_then_normalize"] = "normalize_then_sum"
    """whether rewards are compared before they are added, or after"""

    data = "groups of episodes of a task, and each of their rewards by name"
    paper = "arXiv:2601.05242"
    aggregate = "seq-mean-token-mean"

    @property
    def invariances(self) -> frozenset[str]:
        """Only differences count, and only their order of size, but where a fixed penalty joins the sum."""
        free = self.order == "normalize_then_sum" or not self.invalid_penalty
        return frozenset({"shift"} | ({"scale"} if free else set()))

    def credit(self, table: TokenTable) -> TurnCredit:
        """Return the combined advantage of an episode for each turn; useless actions are one more reward."""
        episodes = table.trajectories
        price = self.score(table) - episodes.ret
        rewards = torch.stack([*episodes.parts.values(), price], dim=1)
        weights = torch.tensor([*(episodes.weights[name] for name in episodes.parts), 1.0])
        if not self.invalid_penalty and not self.kl:
            rewards, weights = rewards[:, :-1], weights[:-1]
        value = combined(rewards, weights, episodes.group, self.order)
        return TurnCredit(value[table.turns.trajectory])
