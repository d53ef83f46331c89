"""GraphGPO (arXiv:2605.26684): a turn is worth how near to the goal it leads, by the task's graph of states.

    q = goal_reward * gamma^d(next state),   d: turns to the goal on the shortest way any episode showed
    A = A_episode + omega * (q - mean) [/ (std + eps)]   over turns from the same state

Published code takes the last observation of a failed episode for a state of the graph; here the end of a
failed episode is a state from which no way was seen. Two edges between the same states earn the same credit,
in a failed episode as in one that succeeded: the episode's term tells those apart.
"""

from dataclasses import dataclass
from typing import Literal

from agentrl.algo import TurnCredit
from agentrl.batch import TokenTable
from agentrl.credit.anchors import anchor_relative
from agentrl.credit.graph import distances
from agentrl.registry import algo
from agentrl_algos.gigpo import GiGPO


@algo("graphgpo")
@dataclass(frozen=True, slots=True)
class GraphGPO(GiGPO):
    """Credit a turn for its episode, and for how near to the goal it leads."""

    gamma: float = 0.1
    """worth of a state one turn further from the goal, 0 to 1 (published: 0.1 ALFWorld, 0.2 WebShop)"""
    goal_reward: float = 10.0
    """worth of the goal itself, in reward units; it cancels where spreads are divided out"""
    distance: Literal["goal", "gain"] = "goal"
    """gamma to the power of: the turns left after this one, or how many it came nearer than it should"""

    data = "groups of episodes of a task, and the graph of their states"
    paper = "arXiv:2605.26684"

    @property
    def invariances(self) -> frozenset[str]:
        """Successes are counted, not returns; the episode's term compares these."""
        free = self.scale == "std" and not self.invalid_penalty
        return frozenset({"shift"} | ({"scale"} if free else set()))

    def credit(self, table: TokenTable) -> TurnCredit:
        """Return A_episode + omega * A_step for each turn."""
        turns = table.turns
        anchor = self.anchors(table)
        follows = anchor.roll(-1).masked_fill(turns.last, -1)
        goal = turns.last & table.trajectories.success[turns.trajectory]
        here, there = distances(anchor, follows, goal, turns.group)
        power = there if self.distance == "goal" else there - here + 1
        penalty = turns.reward - self.turn_reward(table)
        worth = self.goal_reward * self.gamma ** power.double() - penalty
        step = anchor_relative(worth, anchor, scale=self.scale)
        episode = self.episode(table)
        return TurnCredit(episode + self.omega * step, parts={"episode": episode, "step": self.omega * step})
