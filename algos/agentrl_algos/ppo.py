"""PPO (arXiv:1707.06347) with token-level generalised advantage estimation (arXiv:1506.02438) and a critic.

A turn's reward sits on its last token; the critic's value of the state before each token carries over the
text between turns, so that credit flows across turns in either rollout mode. Advantages are whitened.
"""

from dataclasses import dataclass

import torch

from agentrl.algo import Algorithm, AlgoState, Groups, Losses, TokenCredit, above
from agentrl.batch import TokenTable
from agentrl.credit.gae import gae
from agentrl.credit.returns import whiten
from agentrl.losses.surrogate import Surrogate
from agentrl.losses.value import clipped_value
from agentrl.registry import algo


@algo("ppo")
@dataclass(frozen=True, slots=True)
class PPO(Algorithm):
    """Credit a token by how much better things went than the critic expected."""

    group_size: int = 8
    """episodes of one task; 1 is fine, nothing is compared"""
    gamma: float = 1.0
    """discount a token, 0 to 1"""
    lam: float = 1.0
    """how far credit reaches back past the critic's word: 0 one token, 1 the whole episode"""
    value_weight: float = 1.0
    """weight of the critic's loss"""
    value_clip: float = 0.5
    """how far a value may move in one iteration, in reward units"""
    invalid_penalty: float = 0.1
    """taken from the reward of a turn whose action was of no use, in reward units"""
    clip_low: float = 0.2
    clip_high: float = 0.2
    dual_clip: float = 3.0
    """bound on the loss of a bad action that became likely, in multiples of its credit"""
    kl: float = 0.0
    """weight of the k3 penalty to the warm start, in nats"""
    entropy: float = 0.0
    """weight of an entropy bonus, in nats"""

    extra = "critic"

    @property
    def needs(self) -> frozenset[str]:
        """Columns of the clipped surrogate, and values."""
        return self._surrogate.columns | {"values", "values_old"}

    @property
    def invariances(self) -> frozenset[str]:
        """Without discount a shift reaches every token alike, and whitening takes it away."""
        return frozenset({"shift"} if self.gamma == self.lam == 1 else ())

    def check(self) -> None:
        """Refuse empty groups and nonsense discounts."""
        above(self.group_size, 0, "group_size")
        above(self.clip_low, 0, "clip_low")

    def collect(self) -> Groups:
        """Return fresh episodes."""
        return Groups(self.group_size)

    def credit(self, table: TokenTable) -> TokenCredit:
        """Return whitened advantages, and the returns the critic is to predict, for each token.

        Edge: an episode ended by the turn limit is taken as over (its last state is worth 0): the limit is
              part of the task.
        """
        turns = table.turns
        reward = turns.reward - self.invalid_penalty * (~turns.valid).to(turns.reward.dtype)
        last = torch.ones(len(table), dtype=torch.bool)
        last[:-1] = table.turn[:-1] != table.turn[1:]
        by_token = torch.where(last, reward[table.turn], 0.0)
        values = table.values_old.to(by_token.dtype)
        advantage, returns = gae(by_token, values, table.trajectory, gamma=self.gamma, lam=self.lam)
        return TokenCredit(whiten(advantage), returns=returns)

    def loss(self, table: TokenTable, state: AlgoState) -> Losses:
        """Return the clipped surrogate and the clipped value loss a token."""
        losses = self._surrogate(table)
        critic = clipped_value(table.values, table.values_old, table.returns, clip=self.value_clip)
        return Losses(policy=losses.policy, critic=self.value_weight * critic, metrics=losses.metrics)

    @property
    def _surrogate(self) -> Surrogate:
        return Surrogate(self.clip_low, self.clip_high, self.dual_clip, self.kl, self.entropy)
