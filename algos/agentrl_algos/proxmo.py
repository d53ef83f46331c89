"""ProxMO (arXiv:2602.19225): turns are compared with turns from like states, episodes weigh by difficulty.

    A = w (R - mean) + omega (Q - baseline)
    w          up to 5 % more for a success in a hard task, less for a failure in an easy one
    baseline   mean of the task's Q, weighted by the softmax of how alike the texts are (TF-IDF, cosine)

Published code takes the mean reward, which success lifts to 10, for the success rate, so that it counts as 1
from one success in ten on; here successes are counted.
"""

from dataclasses import dataclass

from agentrl.algo import TurnCredit, above
from agentrl.batch import TokenTable
from agentrl.credit.graph import success_weight
from agentrl.credit.groups import group_mean, group_relative
from agentrl.credit.likeness import like_mean
from agentrl.credit.returns import discounted
from agentrl.registry import algo
from agentrl_algos.clipped import Clipped


@algo("proxmo")
@dataclass(frozen=True, slots=True)
class ProxMO(Clipped):
    """Credit a turn for its episode, by the task's difficulty, and among turns from like states."""

    gamma: float = 0.95
    """discount a turn, 0 to 1"""
    omega: float = 1.0
    """weight of the step term, at least 0"""
    temperature: float = 0.1
    """of the softmax over likenesses, above 0: the lower, the more only the very same state counts"""

    data = "groups of episodes of a task, and how alike their states read"
    paper = "arXiv:2602.19225"

    def check(self) -> None:
        """Refuse a softmax without temperature."""
        Clipped.check(self)
        above(self.temperature, 0, "temperature")

    def credit(self, table: TokenTable) -> TurnCredit:
        """Return the weighted episode term and the step term of each turn."""
        turns, episodes = table.turns, table.trajectories
        rate = group_mean(episodes.success.double(), episodes.group)
        weight = success_weight(episodes.success, rate)
        episode = (weight * group_relative(self.score(table), episodes.group, scale="none"))[turns.trajectory]
        penalty = turns.reward - self.turn_reward(table)
        returns = discounted(turns.reward, turns.trajectory, self.gamma) - penalty
        baseline = like_mean(returns, turns.text, turns.group, temperature=self.temperature)
        step = self.omega * (returns - baseline)
        return TurnCredit(episode + step, parts={"episode": episode, "step": step})
