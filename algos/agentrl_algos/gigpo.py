"""GiGPO: Group-in-Group Policy Optimization (arXiv:2505.10978).

Episodes of one task form a group; turns of that group taken from the same state form a group inside it. A
turn is credited for its episode and for itself:

    A = A_episode + omega * A_step
    A_episode = (S - mean) [/ (std + eps)]   over the task's turns or trajectories, S the episode's return
    A_step    = (Q - mean) [/ (std + eps)]   over turns from the same state, Q the turn's discounted return

The order of operations (penalty after discounting, singletons) is the published code's; the paper's equation
numbers were not checked.
"""

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from agentrl.algo import TurnCredit
from agentrl.batch import TokenTable
from agentrl.credit.anchors import anchor_codes, anchor_relative
from agentrl.credit.groups import group_relative
from agentrl.credit.returns import discounted
from agentrl.registry import algo
from agentrl_algos.clipped import Clipped


@algo("gigpo")
@dataclass(frozen=True, slots=True)
class GiGPO(Clipped):
    """Credit a turn for its episode, and for itself among turns taken from the same state."""

    gamma: float = 0.95
    """discount a turn, 0 to 1"""
    omega: float = 1.0
    """weight of the step term, at least 0; 0 gives GRPO on turns"""
    scale: Literal["std", "none"] = "std"
    """divide by the group's standard deviation, or not (published: std for ALFWorld, none for WebShop)"""
    statistic: Literal["turn", "trajectory"] = "turn"
    """what enters the episode term's mean: every turn (long episodes count more) or each trajectory once"""
    similarity: float = 0.0
    """least likeness (0 to 1) of two texts that are one state; 0: states are told apart by the environment
    (published: 0, 0.9 for search)"""

    data = "groups of episodes of a task, and the states they share"
    paper = "arXiv:2505.10978"

    @property
    def invariances(self) -> frozenset[str]:
        """A shift of the return is discounted differently at each distance from the end, so it is felt."""
        return frozenset({"scale"} if self.scale == "std" and not self.invalid_penalty else ())

    def credit(self, table: TokenTable) -> TurnCredit:
        """Return A_episode + omega * A_step for each turn."""
        turns = table.turns
        penalty = turns.reward - self.turn_reward(table)
        step_return = discounted(turns.reward, turns.trajectory, self.gamma) - penalty
        episode = self.episode(table)
        step = anchor_relative(step_return, self.anchors(table), scale=self.scale)
        return TurnCredit(episode + self.omega * step, parts={"episode": episode, "step": self.omega * step})

    def episode(self, table: TokenTable) -> Tensor:
        """Return the episode term of each turn, [S]: the return, less the turn's own penalty, compared."""
        turns = table.turns
        penalty = turns.reward - self.turn_reward(table)
        unit = turns.trajectory if self.statistic == "trajectory" else None
        score = table.trajectories.ret[turns.trajectory] - penalty
        return group_relative(score, turns.group, unit=unit, scale=self.scale)

    def anchors(self, table: TokenTable) -> Tensor:
        """Return a number for the state of each turn, [S]."""
        turns = table.turns
        if not self.similarity:
            return turns.anchor
        return anchor_codes(turns.group.tolist(), turns.text, similarity=self.similarity)
