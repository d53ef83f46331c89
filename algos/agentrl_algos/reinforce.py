"""Policy gradients without a critic: REINFORCE, RLOO (arXiv:2402.14740), REINFORCE++ (arXiv:2501.03262).

REINFORCE     A[t] = G[t] - mean over the batch, G the discounted return from turn t
RLOO          A = R - mean of the other episodes of the task
REINFORCE++   A[t] = whitened G[t] over all tokens of the batch; baseline: R - the task's mean, whitened
"""

from dataclasses import dataclass
from typing import Literal

from agentrl.algo import Losses, TokenCredit, TurnCredit, above
from agentrl.batch import TokenTable
from agentrl.credit.groups import group_relative, leave_one_out
from agentrl.credit.returns import discounted, whiten
from agentrl.losses.policy import clip_metrics
from agentrl.registry import algo
from agentrl_algos.clipped import Clipped


@dataclass(frozen=True, slots=True)
class Plain(Clipped):
    """Base of those whose loss may do without a ratio."""

    ratio: Literal["clipped", "plain"] = "clipped"
    """clipped: PPO's surrogate; plain: -A log p, right for one optimiser step an iteration
    [plain: Williams 1992; clipped: arXiv:1707.06347]"""

    def surrogate(self, table: TokenTable) -> Losses:
        """Return the clipped surrogate, or -A log p, a token."""
        if self.ratio == "clipped":
            return Clipped.surrogate(self, table)
        return Losses(
            -table.credit * table.logp, metrics=clip_metrics(table.logp, table.logp_old, table.credit)
        )


@algo("reinforce")
@dataclass(frozen=True, slots=True)
class REINFORCE(Plain):
    """Credit a turn with what was earned from it on, less what is usual in the batch."""

    ratio: Literal["clipped", "plain"] = "plain"
    group_size: int = 8
    """episodes of one task, at least 1; tasks are not compared [ours]"""
    gamma: float = 1.0
    """discount a turn, 0 to 1"""
    baseline: Literal["batch", "none"] = "batch"
    """what is taken from the return: its mean over the batch's turns, or nothing"""

    data = "fresh episodes"
    aggregate = "seq-mean-token-sum"
    paper = "Williams 1992"

    @property
    def invariances(self) -> frozenset[str]:
        """The same amount on every return goes with the mean, where nothing discounts it."""
        return frozenset({"shift"} if self.gamma == 1 and self.baseline == "batch" else ())

    def check(self) -> None:
        """Refuse empty groups."""
        above(self.group_size, 0, "group_size")

    def credit(self, table: TokenTable) -> TurnCredit:
        """Return the return from each turn on, less the batch's mean."""
        reward = self.turn_reward(table).index_add(0, table.turn, -self.divergence_price(table))
        returns = discounted(reward, table.turns.trajectory, self.gamma)
        return TurnCredit(returns - returns.mean() if self.baseline == "batch" else returns)


@algo("rloo")
@dataclass(frozen=True, slots=True)
class RLOO(Plain):
    """Credit an episode by comparison with the mean of the others of its task."""

    kl_kind: Literal["k1", "abs", "k2", "k3", "k1+", "abs+", "k3+"] = "k1"
    kl_in: Literal["loss", "reward"] = "reward"
    """where the divergence enters, once kl is above 0 (published: 0.05, in the reward)"""

    aggregate = "seq-mean-token-sum"
    paper = "arXiv:2402.14740"

    @property
    def invariances(self) -> frozenset[str]:
        """Only differences count."""
        return frozenset({"shift"})

    def credit(self, table: TokenTable) -> TurnCredit:
        """Return the episode's advantage for each turn."""
        episode = leave_one_out(self.score(table), table.trajectories.group)
        return TurnCredit(episode[table.turns.trajectory])


@algo("reinforce_pp")
@dataclass(frozen=True, slots=True)
class REINFORCEpp(Plain):
    """Credit a token with what was earned from it on, whitened over the batch."""

    variant: Literal["global", "baseline"] = "global"
    """global: returns as they are; baseline: less the task's mean, one number an episode"""
    gamma: float = 1.0
    """discount a token, 0 to 1"""
    reset: bool = False
    """returns end with their turn, as in published code, which loses what is earned in later turns
    (published: true)"""
    kl_kind: Literal["k1", "abs", "k2", "k3", "k1+", "abs+", "k3+"] = "k1"
    kl_in: Literal["loss", "reward"] = "reward"
    """where the divergence enters, once kl is above 0 (published: in the reward)"""

    data = "fresh episodes, or groups of a task"
    paper = "arXiv:2501.03262"

    @property
    def invariances(self) -> frozenset[str]:
        """Whitening takes away what reaches all tokens alike; the size it takes away but for penalties."""
        shift = self.variant == "baseline" or (self.gamma == 1 and not self.reset)
        return frozenset(({"shift"} if shift else set()) | (set() if self.invalid_penalty else {"scale"}))

    def credit(self, table: TokenTable) -> TokenCredit:
        """Return whitened returns, or whitened differences from the task's mean."""
        if self.variant == "baseline":
            episode = group_relative(self.score(table), table.trajectories.group, scale="none")
            return TokenCredit(whiten(episode[table.trajectory]))
        run = table.turn if self.reset else table.trajectory
        return TokenCredit(whiten(discounted(self.token_reward(table), run, self.gamma)))
