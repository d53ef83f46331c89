"""DisCO (arXiv:2505.12366): good answers are to score higher than bad ones, inside a trust region.

    J = mean of good scores - tau log(mean of exp(bad scores / tau))     a task; tau 0: mean of bad scores
    loss = -mean of J + sg(max(0, beta (KL - delta))) KL

Nothing is clipped and there is no reference: KL is that from the policy that played, and what holds it is the
constraint. An episode is good where it succeeded. Groups may be of any sizes.
"""

from dataclasses import dataclass
from typing import Literal

from agentrl.algo import Algorithm, AlgoState, Groups, Losses, above, check_group
from agentrl.batch import TokenTable
from agentrl.losses.groupwise import constraint, discriminative, sequence_score
from agentrl.losses.kl import kl
from agentrl.registry import algo


@algo("disco")
@dataclass(frozen=True, slots=True)
class DisCO(Algorithm):
    """Raise the score of a task's successes above that of its failures."""

    group_size: int = 8
    """episodes of one task, at least 2"""
    score: Literal["logp", "ratio"] = "logp"
    """of an episode: mean over its tokens of the log-probability, or of the probability ratio"""
    tau: float = 10.0
    """how evenly bad episodes count, in units of the score; 0: all alike, DisCO-b (published: 10,
    1 for score=ratio)"""
    delta: float = 1e-4
    """divergence a token that is free, in nats"""
    beta: float = 1e3
    """pull back from further away, a nat"""
    kl_kind: Literal["k1", "k3"] = "k1"
    """estimate of that divergence; k1 may be negative, and then nothing pulls"""

    data = "groups of episodes of a task, successes and failures"
    coupled = True
    unit = "group"
    paper = "arXiv:2505.12366"

    @property
    def needs(self) -> frozenset[str]:
        """The log-probabilities before the first step."""
        return frozenset({"logp_old"})

    @property
    def invariances(self) -> frozenset[str]:
        """Successes are told apart from failures, whatever they paid."""
        return frozenset({"shift", "scale"})

    def check(self) -> None:
        """Refuse groups of one."""
        check_group(self.group_size)
        above(self.tau, -1e-12, "tau")

    def collect(self) -> Groups:
        """Return groups of episodes from one start."""
        return Groups(self.group_size)

    def loss(self, table: TokenTable, state: AlgoState) -> Losses:
        """Return the loss over the tasks, a scalar."""
        episodes = table.trajectories
        held = table.trajectory.unique()
        score = sequence_score(table.logp, table.logp_old, table.trajectory, len(episodes), self.score)
        gap = discriminative(score[held], episodes.success[held], episodes.group[held], tau=self.tau or None)
        estimate = -table.logp + table.logp_old
        if self.kl_kind == "k3":
            estimate = kl(table.logp, table.logp_old, "k3")
        divergence = estimate.mean()
        pull = constraint(divergence, delta=self.delta, beta=self.beta)
        metrics = {"score_gap": -gap.detach(), "approx_kl": divergence.detach(), "pull": pull.detach()}
        return Losses(policy=gap + pull, metrics=metrics)
