"""OREO: Offline REasoning Optimization (arXiv:2412.16145): policy and critic from stored episodes.

Both are trained on the soft Bellman equation, telescoped to the end of the episode:

    V(s_t) = R - beta * sum_{i >= t} log(pi / ref)(a_i | s_i)

The critic moves V towards the right side, the policy moves its own log-ratio with V held fixed, both with the
values and log-probabilities from before the step. Levels say where states are: before every `token`, every
`step` (turn), once a `response`; `single` is the one-step form.
"""

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from agentrl.algo import Algorithm, AlgoState, Losses, Stored, above, check_rounds
from agentrl.batch import TokenTable
from agentrl.credit.bellman import (
    importance_weight,
    one_step_residual,
    policy_residual,
    states,
    value_residual,
)
from agentrl.losses.bellman import bellman
from agentrl.losses.distil import reverse_kl
from agentrl.losses.kl import kl
from agentrl.losses.reduce import weights
from agentrl.registry import algo


@algo("oreo")
@dataclass(frozen=True, slots=True)
class OREO(Algorithm):
    """Make policy and value agree on what stored episodes earned."""

    level: Literal["token", "step", "response", "single"] = "token"
    """where states are"""
    beta: float = 0.03
    """price of leaving the reference, in reward units per nat"""
    alpha: float = 0.01
    """weight of the divergence from the reference, in nats (published: 0.01 token, 0.1 step, 0.3 response)"""
    kl_form: Literal["k3", "full"] = "k3"
    """its estimate: from sampled tokens, mean over tokens; or over the vocabulary, mean over episodes"""
    clip_log: float = 0.0
    """bound on the log-ratio to the episode's end in the critic's loss, in nats; 0: none"""
    importance: bool = False
    """weigh each episode by exp(min(1, its log-ratio))"""
    source: Literal["policy", "demonstrator"] = "policy"
    """who plays the stored episodes [ours]"""
    per_task: int = 4
    """stored episodes a training task, at least 1 [ours]"""
    batch: int = 128
    """episodes an iteration, at least 1 [ours]"""
    rounds: int = 1
    """times that episodes are collected, by the policy as it then is, at least 1 (published: up to 3)"""

    data = "stored episodes"
    paper = "arXiv:2412.16145"
    coupled = True
    unit = "trajectory"
    extra = "reference and critic"

    @property
    def needs(self) -> frozenset[str]:
        """The reference's log-probabilities, over the whole vocabulary where asked for, and values."""
        whole = {"support_ref", "logp_support"} if self.kl_form == "full" else set()
        return frozenset({"logp_ref", "values"} | whole)

    def check(self) -> None:
        """Refuse a price of nothing and empty batches."""
        above(self.beta, 0, "beta")
        above(self.per_task, 0, "per_task")
        above(self.batch, 0, "batch")
        check_rounds(self.rounds, self.source)

    def collect(self) -> Stored:
        """Return stored episodes, good and bad."""
        return Stored(self.source, self.per_task, self.batch, rounds=self.rounds)

    def loss(self, table: TokenTable, state: AlgoState) -> Losses:
        """Return the two Bellman losses, scalars."""
        which = table.trajectory
        ratio = table.logp - table.logp_ref
        ret = table.trajectories.ret.to(ratio.dtype)
        mark = states(self.level, table.turn, which)
        weight = importance_weight(ratio, which, len(ret)) if self.importance else None
        value = value_residual(
            table.values, ratio, ret, which, beta=self.beta, clip_log=self.clip_log or None
        )
        if self.level == "single":
            policy = one_step_residual(table.values, ratio, ret, which, beta=self.beta)
        else:
            policy = policy_residual(table.values, ratio, ret, which, mark, beta=self.beta)
        penalty = self.penalty(table)
        return Losses(
            policy=bellman(policy, mark, which, weight=weight) + self.alpha * penalty,
            critic=bellman(value, mark, which, weight=weight),
            metrics={"kl_reference": penalty.detach(), "value_mean": table.values.detach().mean()},
        )

    def penalty(self, table: TokenTable) -> Tensor:
        """Return the divergence from the reference, a scalar."""
        if self.kl_form == "k3":
            return kl(table.logp, table.logp_ref, "k3").mean()
        apart = reverse_kl(table.get("logp_support"), table.get("support_ref"))
        return (weights("seq-mean-token-mean", table.trajectory).to(apart.dtype) * apart).sum()
