"""PPO (arXiv:1707.06347) with generalised advantage estimation (arXiv:1506.02438) and a critic.

    delta[t] = r[t] + gamma V[t+1] - V[t];   A[t] = delta[t] + gamma lam A[t+1];   whitened over all tokens

By token, a turn's reward sits on its last token and the critic's value carries over the text between turns.
By turn, one value stands before each reply, discounts act by turn, and all tokens of a reply share its
advantage. Bi-level does turns first, on the values at their last tokens, and then tokens inside each turn
towards its turn's return.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from agentrl.algo import AlgoState, Losses, TokenCredit, above
from agentrl.batch import TokenTable
from agentrl.credit.gae import bilevel, gae
from agentrl.credit.returns import whiten
from agentrl.credit.selection import draw_weight
from agentrl.losses.value import clipped_value, value_metrics
from agentrl.registry import algo
from agentrl_algos.clipped import Clipped


@algo("ppo")
@dataclass(frozen=True, slots=True)
class PPO(Clipped):
    """Credit a token by how much better things went than the critic expected."""

    group_size: int = 8
    """episodes of one task, at least 1; nothing is compared [ours]"""
    level: Literal["token", "turn", "bilevel"] = "token"
    """what the critic judges: the state before each token, before each reply, or both
    [token: arXiv:1707.06347; turn: ours; bilevel: RAGEN's code]"""
    gamma: float = 1.0
    """discount a token (by turn: a turn), 0 to 1 [arXiv:1506.02438]"""
    lam: float = 1.0
    """how far credit reaches back past the critic's word, 0 to 1: one step, the whole episode
    [arXiv:1506.02438]"""
    turn_gamma: float = 0.95
    """bilevel: discount a turn, 0 to 1 [RAGEN's code]"""
    value_weight: float = 1.0
    """weight of the critic's loss, above 0"""
    value_clip: float = 0.5
    """how far a value may move in one iteration, in reward units [verl's code]"""

    data = "fresh episodes"
    extra = "critic"
    paper = "arXiv:1707.06347"

    @property
    def needs(self) -> frozenset[str]:
        """Columns of the clipped surrogate, and values."""
        return frozenset({"logp_old", "values", "values_old"}) | self.optional

    @property
    def invariances(self) -> frozenset[str]:
        """Without discount a shift reaches every token alike, and whitening takes it away."""
        undiscounted = self.gamma == self.lam == 1 and self.level != "bilevel"
        return frozenset({"shift"} if undiscounted else ())

    def check(self) -> None:
        """Refuse empty groups and clips that let nothing move."""
        above(self.group_size, 0, "group_size")
        above(self.clip_low, 0, "clip_low")

    def credit(self, table: TokenTable) -> TokenCredit:
        """Return whitened advantages, and the returns the critic is to predict, for each token.

        Edge: an episode ended by the turn limit is taken as over (its last state is worth 0): the limit is
              part of the task.
        """
        values = table.values_old.double()
        if self.level == "turn":
            return self._by_turn(table, values)
        reward = self.token_reward(table)
        if self.level == "token":
            advantage, returns = gae(reward, values, table.trajectory, gamma=self.gamma, lam=self.lam)
        else:
            advantage, returns = bilevel(
                reward, values, table.turn, table.trajectory,
                gamma=self.gamma, lam=self.lam, turn_gamma=self.turn_gamma,
            )  # fmt: skip
        return TokenCredit(whiten(advantage), returns=returns)

    def _by_turn(self, table: TokenTable, values: Tensor) -> TokenCredit:
        """Return the advantage of each token's turn; the critic learns before a turn's first token alone."""
        first = torch.ones(len(table), dtype=torch.bool)
        first[1:] = table.turn[1:] != table.turn[:-1]
        names, slot = torch.unique_consecutive(table.turn, return_inverse=True)
        reward = torch.zeros(len(names), dtype=torch.float64).index_add(0, slot, self.token_reward(table))
        owner = table.trajectory[first]
        advantage, returns = gae(reward, values[first], owner, gamma=self.gamma, lam=self.lam)
        learns = first.double() * len(table) / first.sum()
        return TokenCredit(whiten(advantage[slot]), returns=returns[slot], columns={"critic_weight": learns})

    def loss(self, table: TokenTable, state: AlgoState) -> Losses:
        """Return the clipped surrogate and the clipped value loss a token."""
        losses = self.terms(table, state, self.surrogate(table))
        columns = table.values, table.values_old, table.returns
        critic = self.value_weight * clipped_value(*columns, clip=self.value_clip)
        if "critic_weight" in table.columns:
            critic = critic * table.get("critic_weight")
        metrics = {**losses.metrics, **value_metrics(*columns, clip=self.value_clip)}
        return Losses(policy=losses.policy, critic=critic, metrics=metrics)


@algo("pf_ppo")
@dataclass(frozen=True, slots=True)
class PFPPO(PPO):
    """PPO on a batch that is drawn again, good and bad episodes more often than middling ones.

    Each episode counts as often as it would be drawn on average, which is what drawing with replacement does
    without its noise; published code draws. Extremes are those of a task's group, or of the whole batch.
    """

    filter: Literal["pow", "max_min", "max_random"] = "pow"
    """chance to be drawn: |score|^power; best and worst alone; 0.4 for the best and 0.1 for others
    [verl's code]"""
    power: float = 2.0
    """exponent of the score, where drawn by its size, at least 0 [verl's code]"""
    extremes: Literal["group", "batch"] = "group"
    """among what best and worst are found (published: batch) [ours]"""

    paper = "arXiv:2409.06957"

    @property
    def invariances(self) -> frozenset[str]:
        """Weights stand beside the advantages, which are those of PPO."""
        return frozenset()

    def credit(self, table: TokenTable) -> TokenCredit:
        """Return PPO's credit with the share of each token's episode."""
        credit = PPO.credit(self, table)
        group = table.trajectories.group if self.extremes == "group" else None
        weight = draw_weight(self.score(table), self.filter, power=self.power, group=group)
        count = weight * len(weight) / weight.sum()
        columns = {**credit.columns, "drawn": count[table.trajectory]}
        return TokenCredit(credit.value, credit.returns, columns=columns)

    def loss(self, table: TokenTable, state: AlgoState) -> Losses:
        """Return PPO's losses, each episode's as often as it is drawn."""
        losses, drawn = PPO.loss(self, table, state), table.get("drawn")
        assert losses.policy is not None and losses.critic is not None
        return Losses(drawn * losses.policy, drawn * losses.critic, losses.metrics)
