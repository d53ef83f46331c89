"""G2PO (arXiv:2606.22995): states are worth what their visits led to; turns are worth the difference.

    V(s) = mean over visits of gamma^(turns left) * R;   V(end) = R, what the episode returned
    A = A_episode + omega * (C1 + C2)
    C1 = (V(next) - penalty - mean) [/ (std + eps)]   over turns from the same state
    C2 = (V(next) - V(here) - mean) [/ (std + eps)]   over all turns of the task

Published code takes an episode for a success where its return is exactly 10, so that graded rewards are all
failures; here the end is worth what it paid, which is the same where success pays 10 and failure nothing.
"""

from dataclasses import dataclass

from agentrl.algo import TurnCredit
from agentrl.batch import TokenTable
from agentrl.credit.anchors import anchor_relative
from agentrl.credit.graph import visit_values
from agentrl.credit.groups import group_relative
from agentrl.credit.returns import following
from agentrl.registry import algo
from agentrl_algos.gigpo import GiGPO


@algo("g2po")
@dataclass(frozen=True, slots=True)
class G2PO(GiGPO):
    """Credit a turn for its episode, for the worth of where it leads, and for the rise in worth."""

    data = "groups of episodes of a task, and the graph of their states"
    paper = "arXiv:2606.22995"

    def credit(self, table: TokenTable) -> TurnCredit:
        """Return A_episode + omega * (C1 + C2) for each turn."""
        turns, episodes = table.turns, table.trajectories
        anchor, owner = self.anchors(table), turns.trajectory
        value = visit_values(episodes.ret[owner], episodes.length[owner] - turns.index, anchor, self.gamma)
        after = following(value, owner, episodes.ret)
        penalty = turns.reward - self.turn_reward(table)
        state = self.omega * anchor_relative(after - penalty, anchor, scale=self.scale)
        rise = self.omega * group_relative(after - value, turns.group, scale=self.scale)
        episode = self.episode(table)
        parts = {"episode": episode, "state": state, "rise": rise}
        return TurnCredit(episode + state + rise, parts=parts)
