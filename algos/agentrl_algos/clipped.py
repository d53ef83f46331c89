"""What online algorithms share: penalties on the reward, the clipped surrogate, the reference, entropy."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from agentrl.algo import Algorithm, AlgoState, Groups, Losses, above, check_group
from agentrl.batch import TokenTable
from agentrl.credit.implicit import step_reward
from agentrl.credit.kl import adapted
from agentrl.errors import ConfigError
from agentrl.losses.kl import kl as divergence
from agentrl.losses.surrogate import Terms, clipped_surrogate
from agentrl_algos.frugal import Against, Counted, frugal


@dataclass(frozen=True, slots=True)
class Clipped(Algorithm):
    """Base of algorithms that play groups and minimise a surrogate of the probability ratio."""

    group_size: int = 8
    """episodes of one task, at least 2 (published: 8 GiGPO and its kin, 16 DAPO, 64 GRPO, 6 COPO, 2 RLOO)
    [arXiv:2402.03300]"""
    invalid_penalty: float = 0.1
    """taken from the reward of a turn whose action was of no use, in reward units; 0: nothing
    (published: 0.1, 0.01 for search) [arXiv:2505.10978]"""
    clip_low: float = 0.2
    """how far the probability ratio may fall below 1, above 0 [arXiv:1707.06347]"""
    clip_high: float = 0.2
    """how far the probability ratio may rise above 1, at least 0 [arXiv:1707.06347]"""
    dual_clip: float = 3.0
    """bound on the loss of a bad action that became likely, in multiples of its credit [arXiv:1912.09729]"""
    kl: float = 0.0
    """weight of the divergence from the warm start, in reward units a nat; 0: no reference is kept
    (published: 0.01 GiGPO and its kin, 0.001 for search and COPO, 0.05 RLOO, 0 DAPO) [arXiv:2402.03300]"""
    kl_kind: Literal["k1", "abs", "k2", "k3", "k1+", "abs+", "k3+"] = "k3"
    """estimate of the divergence; + has the value of that one and the gradient of k2, the unbiased one
    [Schulman 2020, Approximating KL Divergence]"""
    kl_in: Literal["loss", "reward"] = "loss"
    """where the divergence enters: a term of the loss, or taken from every token's reward before credit
    [loss: arXiv:2402.03300; reward: arXiv:1909.08593]"""
    kl_target: float = 0.0
    """divergence a token, in nats, towards which the weight is adapted; 0: the weight stays
    [arXiv:1909.08593]"""
    kl_horizon: float = 10000.0
    """episodes over which an adapted weight moves by its own size, at most a fifth of that at a time
    [arXiv:1909.08593]"""
    entropy: float = 0.0
    """weight of an entropy bonus, in reward units a nat; 0: none [arXiv:1602.01783]"""
    tools: Against = "none"
    """scale rewards above 0 by how few tool calls were made, compared with the fewest of a success: of the
    task's group, or of the whole run so far (memory); alone: by the number of calls itself
    [arXiv:2504.14870]"""
    tools_by: Counted = "calls"
    """what is few: calls, or their summed cost [ours]"""
    tools_c: float = 0.0
    """calls over which the reward falls where the fewest are 0 or unknown, at least 0; 0: the
    world's limit, or 4 [arXiv:2504.14870]"""
    tools_alpha: float = 1.0
    """factor on every shaped reward, above 0 (published: 1; more than 1 is worse) [arXiv:2504.14870]"""

    data = "groups of episodes of a task"

    @property
    def needs(self) -> frozenset[str]:
        """The reference only where it is asked for, and the entropy likewise."""
        return frozenset({"logp_old"}) | self.optional

    @property
    def optional(self) -> frozenset[str]:
        """Columns of the terms that are asked for."""
        reference = {"logp_ref"} if self.referred else set()
        return frozenset(reference | ({"entropy"} if self.entropy else set()))

    @property
    def referred(self) -> bool:
        """Whether the warm start is kept to be compared with."""
        return self.kl > 0

    def check(self) -> None:
        """Refuse groups of one (there is nothing to compare with) and clips that let nothing move."""
        check_group(self.group_size)
        above(self.clip_low, 0, "clip_low")
        above(self.kl_horizon, 0, "kl_horizon")
        if self.kl_target and not self.kl:
            raise ConfigError(f"kl_target={self.kl_target}: an adapted weight starts from kl, which is 0")
        self.check_tools()

    def check_tools(self) -> None:
        """Refuse numbers that no reward could be scaled by."""
        above(self.tools_alpha, 0, "tools_alpha")
        if self.tools_c < 0:
            raise ConfigError(f"tools_c={self.tools_c:g}: must be at least 0")

    def collect(self) -> Groups:
        """Return groups of episodes from one start."""
        return Groups(self.group_size)

    def observe(self, table: TokenTable, state: AlgoState) -> tuple[TokenTable, AlgoState]:
        """Return the episodes with rewards shaped by their tool calls, where that is asked for."""
        return frugal(table, state, self.tools, counted=self.tools_by, c=self.tools_c, alpha=self.tools_alpha)

    def loss(self, table: TokenTable, state: AlgoState) -> Losses:
        """Return the surrogate a token, with the optional KL and entropy terms."""
        return self.terms(table, state, self.surrogate(table))

    def surrogate(self, table: TokenTable) -> Losses:
        """Return the clipped surrogate a token, without further terms."""
        return clipped_surrogate(
            table, table.credit, clip_low=self.clip_low, clip_high=self.clip_high, dual=self.dual_clip
        )

    def terms(self, table: TokenTable, state: AlgoState, losses: Losses) -> Losses:
        """Return the losses with what the reference and the entropy add."""
        weight = state.get("kl", self.kl) if self.kl_in == "loss" else 0.0
        return Terms(weight, self.kl_kind, self.entropy)(table, losses)

    def start(self) -> AlgoState:
        """Return the weight of the divergence, where it is adapted."""
        return {"kl": self.kl} if self.kl_target else {}

    def after_step(self, state: AlgoState, metrics: Mapping[str, float]) -> AlgoState:
        """Return the weight raised where the policy is further from the reference than the target."""
        if not self.kl_target or "kl_reference" not in metrics:
            return state
        share = metrics.get("episodes", 1.0) / self.kl_horizon
        return state | {"kl": adapted(state["kl"], metrics["kl_reference"], self.kl_target, share)}

    def divergence_price(self, table: TokenTable) -> Tensor:
        """Return what each token pays for being far from the reference, [N]; 0 where the loss holds it."""
        if not self.kl or self.kl_in != "reward":
            return torch.zeros(len(table), dtype=torch.float64)
        estimate = divergence(table.logp_old, table.logp_ref, self.kl_kind).double()
        weight: float = table.state.get("kl", self.kl)
        return weight * estimate

    def turn_reward(self, table: TokenTable) -> Tensor:
        """Return the reward of each turn less the penalty for a useless action, [S]."""
        turns = table.turns
        return turns.reward - self.invalid_penalty * (~turns.valid).to(turns.reward.dtype)

    def token_reward(self, table: TokenTable) -> Tensor:
        """Return rewards a token, [N]: a turn's on its last token, and the price of divergence on each."""
        last = torch.ones(len(table), dtype=torch.bool)
        last[:-1] = table.turn[:-1] != table.turn[1:]
        return torch.where(last, self.turn_reward(table)[table.turn], 0.0) - self.divergence_price(table)

    def score(self, table: TokenTable) -> Tensor:
        """Return one number an episode, [B]: its return, less its mean penalty a turn and its price."""
        turns, episodes = table.turns, table.trajectories
        count = len(episodes)
        useless = step_reward((~turns.valid).to(episodes.ret.dtype), turns.trajectory, count)
        price = step_reward(self.divergence_price(table), table.trajectory, count)
        return episodes.ret - self.invalid_penalty * useless / episodes.length - price
