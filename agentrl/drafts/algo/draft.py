"""Credit an episode by how much better it went than the others of its task.

A[i] = R[i] - mean of R[j], j != i      over the episodes of one task
loss = -A log p                         a token
"""

from dataclasses import dataclass

from agentrl import algo
from agentrl.algo import Algorithm, AlgoState, Groups, Losses, TurnCredit, check_group
from agentrl.batch import TokenTable
from agentrl.credit.groups import leave_one_out


@algo("draft")
@dataclass(frozen=True, slots=True)
class Draft(Algorithm):
    """Credit an episode by comparison with the mean of the others of its task."""

    group_size: int = 8
    """episodes of one task, at least 2"""

    data = "groups of episodes of a task"

    @property
    def invariances(self) -> frozenset[str]:
        """The same amount on every return of a task changes nothing."""
        return frozenset({"shift"})

    def check(self) -> None:
        """Refuse groups of one: there is nothing to compare with."""
        check_group(self.group_size)

    def collect(self) -> Groups:
        """Return what is played each iteration: groups of episodes from one start."""
        return Groups(self.group_size)

    def credit(self, table: TokenTable) -> TurnCredit:
        """Return the episode's credit for each of its turns."""
        episode = leave_one_out(table.trajectories.ret, table.trajectories.group)
        return TurnCredit(episode[table.turns.trajectory])

    def loss(self, table: TokenTable, state: AlgoState) -> Losses:
        """Return the policy gradient's loss a token."""
        return Losses(policy=-table.credit * table.logp)
