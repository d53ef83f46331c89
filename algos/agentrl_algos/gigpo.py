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

from agentrl.algo import Algorithm, AlgoState, Groups, Losses, TurnCredit, above, check_group
from agentrl.batch import TokenTable
from agentrl.credit.anchors import anchor_relative
from agentrl.credit.groups import group_relative
from agentrl.credit.returns import discounted
from agentrl.losses.surrogate import Surrogate
from agentrl.registry import algo


@algo("gigpo")
@dataclass(frozen=True, slots=True)
class GiGPO(Algorithm):
    """Credit a turn for its episode, and for itself among turns taken from the same state."""

    group_size: int = 8
    """episodes of one task, at least 2"""
    gamma: float = 0.95
    """discount a turn, 0 to 1"""
    omega: float = 1.0
    """weight of the step term; 0 gives GRPO on turns"""
    scale: Literal["std", "none"] = "std"
    """divide by the group's standard deviation, or not"""
    statistic: Literal["turn", "trajectory"] = "turn"
    """what enters the episode term's mean: every turn (long episodes count more) or each trajectory once"""
    invalid_penalty: float = 0.1
    """taken from the return of a turn whose action was of no use, in reward units"""
    clip_low: float = 0.2
    """how far the probability ratio may fall below 1"""
    clip_high: float = 0.2
    """how far it may rise above 1"""
    dual_clip: float = 3.0
    """bound on the loss of a bad action that became likely, in multiples of its credit"""
    kl: float = 0.0
    """weight of the k3 penalty to the warm start, in nats (published: 0.01)"""
    entropy: float = 0.0
    """weight of an entropy bonus, in nats"""

    @property
    def needs(self) -> frozenset[str]:
        """The reference only where it is asked for, and the entropy likewise."""
        return self._surrogate.columns

    @property
    def invariances(self) -> frozenset[str]:
        """A shift of the return is discounted differently at each distance from the end, so it is felt."""
        return frozenset({"scale"} if self.scale == "std" and not self.invalid_penalty else ())

    def check(self) -> None:
        """Refuse groups of one: there is nothing to compare with."""
        check_group(self.group_size)
        above(self.clip_low, 0, "clip_low")

    def collect(self) -> Groups:
        """Return groups of episodes from one start."""
        return Groups(self.group_size)

    def credit(self, table: TokenTable) -> TurnCredit:
        """Return A_episode + omega * A_step for each turn."""
        turns = table.turns
        penalty = self.invalid_penalty * (~turns.valid).to(turns.reward.dtype)
        step_return = discounted(turns.reward, turns.trajectory, self.gamma) - penalty
        episode_return = table.trajectories.ret[turns.trajectory] - penalty
        unit = turns.trajectory if self.statistic == "trajectory" else None
        episode = group_relative(episode_return, turns.group, unit=unit, scale=self.scale)
        step = anchor_relative(step_return, turns.anchor, scale=self.scale)
        return TurnCredit(episode + self.omega * step, parts={"episode": episode, "step": self.omega * step})

    def loss(self, table: TokenTable, state: AlgoState) -> Losses:
        """Return the clipped surrogate a token, with the optional KL and entropy terms."""
        return self._surrogate(table)

    @property
    def _surrogate(self) -> Surrogate:
        return Surrogate(self.clip_low, self.clip_high, self.dual_clip, self.kl, self.entropy)
