"""CoPG (arXiv:2406.19185): pairs of episodes of a task, each worth its reward less its drift.

    R_b(y) = R(y) - beta log(policy(y) / reference(y))      over all tokens of an episode
    loss   = mean over pairs of (R_b(y) - R_b(y'))^2 / (2 beta)

Least where the policy is the best one for the regularised reward; right off-policy, without ratios. The scale
1 / (2 beta) is ours: the paper gives the gradient.
"""

from dataclasses import dataclass

from agentrl.algo import AlgoState, Losses, above
from agentrl.batch import TokenTable
from agentrl.losses.groupwise import contrast, regularised, trajectory_sum
from agentrl.registry import algo
from agentrl_algos.clipped import Clipped


@algo("copg")
@dataclass(frozen=True, slots=True)
class CoPG(Clipped):
    """Bring the regularised rewards of a task's episodes together, two by two."""

    beta: float = 0.1
    """strength of the pull to the reference, in reward units a nat, above 0 [value: ours]"""

    data = "pairs of episodes of a task"
    coupled = True
    unit = "group"
    extra = "reference"
    paper = "arXiv:2406.19185"

    @property
    def needs(self) -> frozenset[str]:
        """The reference's log-probabilities."""
        return frozenset({"logp_ref"})

    @property
    def invariances(self) -> frozenset[str]:
        """Only differences count; their size does."""
        return frozenset({"shift"})

    def check(self) -> None:
        """Refuse groups of one."""
        Clipped.check(self)
        above(self.beta, 0, "beta")

    def loss(self, table: TokenTable, state: AlgoState) -> Losses:
        """Return the mean over all pairs of one task, a scalar; 0 where there is none."""
        episodes = table.trajectories
        held = table.trajectory.unique()
        ratio = trajectory_sum(table.logp - table.logp_ref, table.trajectory, len(episodes))[held]
        group = episodes.group[held]
        value = regularised(self.score(table)[held], ratio, self.beta)
        first, second = (group[:, None] == group[None]).triu(1).nonzero().unbind(1)
        pairs = contrast(value[first], value[second], self.beta)
        metrics = {"log_ratio": ratio.detach(), "reward_regularised": value.detach()}
        return Losses(policy=pairs.sum() / max(len(pairs), 1), metrics=metrics)
