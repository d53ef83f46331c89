"""COPO (arXiv:2508.04138): comparison among tasks where comparison inside a task says nothing.

    local    (R - mean) / (std + eps)    over the episodes of a task
    global   (V - mean) / (std + eps)    over the tasks, V = p (1 - lambda H), p the share of successes, H the
             entropy in bits of the last actions, lambda = (1 - 1/n) / log2 n
    loss     w clip(local) + (1 - w) clip(global),   w = sigmoid(k (H - b)), 0 where local says nothing

Published code divides by zero for groups of one and gives NaN for a single group; here these are 0.
"""

from dataclasses import dataclass

import torch

from agentrl.algo import AlgoState, Losses, TurnCredit
from agentrl.batch import TokenTable
from agentrl.credit.answers import among_groups, answer_entropy, consistency_value, local_weight
from agentrl.credit.groups import group_relative
from agentrl.losses.surrogate import clipped_surrogate
from agentrl.registry import algo
from agentrl_algos.clipped import Clipped


@algo("copo")
@dataclass(frozen=True, slots=True)
class COPO(Clipped):
    """Credit an episode inside its task, and its task among tasks, by how sure the answers are."""

    k: float = 5.0
    """how sharply the entropy decides between the two, a bit, at least 0
    (published: 5, and 20 with b = 0.5)"""
    b: float = 1.0
    """entropy, in bits, at which both count alike (published: 1, and 0.5 with k = 20)"""

    data = "groups of episodes of a task, and their last actions"
    aggregate = "seq-mean-token-mean"
    paper = "arXiv:2508.04138"

    @property
    def invariances(self) -> frozenset[str]:
        """The comparison inside a task is of returns, the one among tasks of successes."""
        return frozenset({"shift"} | (set() if self.invalid_penalty else {"scale"}))

    def credit(self, table: TokenTable) -> TurnCredit:
        """Return the local credit of each turn, with the global one and the weight as columns."""
        episodes, of = table.trajectories, table.trajectory
        local = group_relative(self.score(table), episodes.group)
        entropy = answer_entropy(episodes.answer, episodes.group)
        value = consistency_value(episodes.success.double(), entropy, episodes.group)
        speaks = (
            torch.zeros(int(episodes.group.max()) + 1).index_add(0, episodes.group, local.abs().float()) > 0
        )
        weight = torch.where(speaks[episodes.group], local_weight(entropy, self.k, self.b), 0.0)
        among = among_groups(value, episodes.group)
        columns = {"credit_global": among[of], "local_weight": weight[of]}
        return TurnCredit(local[table.turns.trajectory], columns=columns)

    def surrogate(self, table: TokenTable) -> Losses:
        """Return the two clipped surrogates a token, weighed."""
        weight, other = table.get("local_weight"), table.get("credit_global")
        clip = {"clip_low": self.clip_low, "clip_high": self.clip_high}
        local = clipped_surrogate(table, table.credit, **clip, dual=self.dual_clip)
        among = clipped_surrogate(table, other, **clip, dual=self.dual_clip)
        assert local.policy is not None and among.policy is not None
        loss = weight * local.policy + (1.0 - weight) * among.policy
        return Losses(loss, metrics={**local.metrics, "local_weight": weight})

    def loss(self, table: TokenTable, state: AlgoState) -> Losses:
        """Return the weighed surrogates with the optional terms."""
        return self.terms(table, state, self.surrogate(table))
