"""VETTA: a turn's advantage from one value, and each token's part in it from another.

    A_turn   GAE over turns on the turn value, gamma = lam = 0.95
    A_token  GAE inside a turn on the token value, gamma = lam = 1
    A = A_turn + alpha (A_token - mean of A_token over the turn's tokens)

Both values come from one critic with two outputs, trained towards V + A of their own level. Taking the mean
away keeps the turn's total; without it the two levels count the same reward twice, which cost the paper's
small model a third of its success. The published critic is two blocks of the model; ours is learner.critic's.
"""

from dataclasses import dataclass

import torch

from agentrl.algo import AlgoState, Losses, TokenCredit, above
from agentrl.batch import TokenTable
from agentrl.credit.gae import gae
from agentrl.credit.groups import group_mean
from agentrl.credit.returns import whiten
from agentrl.losses.value import clipped_value
from agentrl.registry import algo
from agentrl_algos.clipped import Clipped


@algo("vetta")
@dataclass(frozen=True, slots=True)
class VETTA(Clipped):
    """Credit a turn by one critic value, and share it out among its tokens by another."""

    gamma: float = 0.95
    """discount a turn, 0 to 1"""
    lam: float = 0.95
    """how far credit reaches back past the critic's word, a turn, 0 to 1: one step, to the end"""
    alpha: float = 1.0
    """weight of a token's part in its turn, at least 0 (published: 1 ALFWorld, 3 WebShop)"""
    value_weight: float = 1.0
    """weight of the critic's loss, above 0 [ours]"""
    value_clip: float = 0.5
    """how far a value may move in one iteration, in reward units [verl's code]"""

    data = "fresh episodes"
    extra = "critic"
    paper = "VETTA, the paper (identifier not known)"
    heads = 2

    @property
    def needs(self) -> frozenset[str]:
        """Columns of the clipped surrogate, and values."""
        return frozenset({"logp_old", "values", "values_old"}) | self.optional

    def check(self) -> None:
        """Refuse empty groups; nothing is compared inside one."""
        above(self.group_size, 0, "group_size")
        above(self.clip_low, 0, "clip_low")

    def credit(self, table: TokenTable) -> TokenCredit:
        """Return the centred two-level advantage of each token, and what the two values are to be, [N, 2].

        The turn value stands before a turn's first token and learns there alone.
        """
        turn_value, token_value = table.values_old.double().unbind(1)
        first = torch.ones(len(table), dtype=torch.bool)
        first[1:] = table.turn[1:] != table.turn[:-1]
        names, slot = torch.unique_consecutive(table.turn, return_inverse=True)
        reward = self.token_reward(table)
        by_turn = torch.zeros(len(names), dtype=torch.float64).index_add(0, slot, reward)
        owner = table.trajectory[first]
        coarse, aim = gae(by_turn, turn_value[first], owner, gamma=self.gamma, lam=self.lam)
        fine, own_aim = gae(reward, token_value, slot, gamma=1.0, lam=1.0)
        value = coarse[slot] + self.alpha * (fine - group_mean(fine, slot))
        learns = first.double() * len(table) / first.sum()
        returns = torch.stack([aim[slot], own_aim], dim=1)
        return TokenCredit(whiten(value), returns=returns, columns={"turn_weight": learns})

    def loss(self, table: TokenTable, state: AlgoState) -> Losses:
        """Return the clipped surrogate and the two clipped value losses a token."""
        losses = self.terms(table, state, self.surrogate(table))
        turn, token = (
            clipped_value(*pair, clip=self.value_clip)
            for pair in zip(
                table.values.unbind(1), table.values_old.unbind(1), table.returns.unbind(1), strict=True
            )
        )
        critic = self.value_weight * (table.get("turn_weight") * turn + token)
        return Losses(policy=losses.policy, critic=critic, metrics=losses.metrics)
