"""TRPA: preferences between levels of outcome, inside a trust region.

    level   1 success, 2 a usable end that fails, 3 cut off without an end, 4 a last action of no use
    g       mean over an episode's tokens of log(policy / reference)
    loss    mean over pairs of a task with level_i < level_j of softplus(-a beta (g_i - g_j)) + tr KL

a is larger where the better one succeeded; KL is the k3 estimate from the policy that played. As published
code (Trust-Region-Preference-Approximation) has it; its levels are those of answers to a question.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from agentrl.algo import Algorithm, AlgoState, Groups, Losses, above, check_group
from agentrl.batch import TokenTable
from agentrl.losses.groupwise import levelled, trajectory_mean
from agentrl.losses.kl import kl
from agentrl.registry import algo


@algo("trpa")
@dataclass(frozen=True, slots=True)
class TRPA(Algorithm):
    """Prefer the episodes of a task that came to a better end."""

    group_size: int = 8
    """episodes of one task, at least 2 (published: 16)"""
    beta: float = 0.1
    """strength of a preference, a nat, above 0"""
    anisotropy: float = 2.5
    """how much more a pair counts whose better side succeeded, in multiples, at least 0"""
    trust: float = 0.001
    """weight of the divergence from the policy that played, in nats"""

    data = "groups of episodes of a task, by how they ended"
    coupled = True
    unit = "group"
    extra = "reference"
    paper = "code: Trust-Region-Preference-Approximation"

    @property
    def needs(self) -> frozenset[str]:
        """The reference and the policy that played."""
        return frozenset({"logp_old", "logp_ref"})

    @property
    def invariances(self) -> frozenset[str]:
        """Ends are put in order, whatever they paid."""
        return frozenset({"shift", "scale"})

    def check(self) -> None:
        """Refuse groups of one."""
        check_group(self.group_size)
        above(self.beta, 0, "beta")

    def collect(self) -> Groups:
        """Return groups of episodes from one start."""
        return Groups(self.group_size)

    def loss(self, table: TokenTable, state: AlgoState) -> Losses:
        """Return the pair loss and the trust region's, a scalar."""
        episodes = table.trajectories
        held = table.trajectory.unique()
        gap = trajectory_mean(table.logp - table.logp_ref, table.trajectory, len(episodes))[held]
        level, group = levels(table)[held], episodes.group[held]
        loss, pairs = levelled(gap, level, group, beta=self.beta, anisotropy=self.anisotropy)
        near = kl(table.logp, table.logp_old, "k3").mean()
        metrics = {"pairs": pairs.float(), "approx_kl": near.detach()}
        return Losses(policy=loss + self.trust * near, metrics=metrics)


def levels(table: TokenTable) -> Tensor:
    """Return how each episode ended: 1 success, 2 failure, 3 cut off, 4 a last action of no use; [B] int."""
    turns, episodes = table.turns, table.trajectories
    useless = torch.zeros(len(episodes), dtype=torch.bool)
    useless[turns.trajectory[turns.last]] = ~turns.valid[turns.last]
    worse = torch.where(useless, 4, torch.where(episodes.truncated, 3, 2))
    return torch.where(episodes.success, 1, worse)
