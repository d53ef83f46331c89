"""Variants of GRPO whose published form is known in part only. Each says what is confirmed and what is ours.

SEED-GRPO   A = (R - mean) f(alpha SE / log G)     SE: entropy of the task's last actions
R2VPO       loss = weight (r - 1)^2 - r A          no clip
FiberPO     loss = -G A                            G: a bounded part of the episode times one of the token
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch

from agentrl.algo import AlgoState, Losses, TurnCredit, above
from agentrl.batch import TokenTable
from agentrl.credit.answers import answer_uncertainty
from agentrl.losses.groupwise import trajectory_mean
from agentrl.losses.policy import LOG_RATIO_LIMIT, clip_metrics
from agentrl.losses.ratios import fiber_ratio, ratio_variance
from agentrl.registry import algo
from agentrl_algos.grpo import GRPO, reduced


@algo("seed_grpo")
@dataclass(frozen=True, slots=True)
class SeedGRPO(GRPO):
    """GRPO with smaller steps where a task's answers disagree (experimental).

    Confirmed: the entropy over clusters of equal answers, its bound log G, no division by the spread, that
    more entropy means a smaller step. Not confirmed: f and alpha, which are a re-implementation's. Ours: an
    episode's answer is its last action; one that could not be read is a cluster of its own.
    """

    scale: Literal["std", "none"] = "none"
    alpha: float = 1.0 / 24.0
    """how much the entropy, as a share of its bound, shrinks the step, at least 0 [value: a
    re-implementation]"""
    f: Literal["reciprocal", "linear", "exp"] = "reciprocal"
    """1 / (1 + x), max(0, 1 - x), or exp(-x) (published: linear, exponential and focal were tried)
    [value: a re-implementation]"""
    se: Literal["rao", "mean_log"] = "rao"
    """entropy: -sum of p log p, or -mean of log p over answers"""

    data = "groups of episodes of a task, and their last actions"
    paper = "arXiv:2505.12346"

    def credit(self, table: TokenTable) -> TurnCredit:
        """Return GRPO's advantage times what the entropy leaves of it."""
        episodes = table.trajectories
        likelihood = trajectory_mean(table.logp_old.double(), table.trajectory, len(episodes))
        entropy = answer_uncertainty(likelihood, episodes.answer, episodes.group, how=self.se)
        size = torch.bincount(episodes.group)[episodes.group].double()
        x = self.alpha * entropy / size.clamp(min=2).log()
        left = {"reciprocal": 1 / (1 + x), "linear": (1 - x).clamp(min=0), "exp": (-x).exp()}[self.f]
        return TurnCredit(GRPO.credit(self, table).value * left[table.turns.trajectory])


@algo("r2vpo")
@dataclass(frozen=True, slots=True)
class R2VPO(GRPO):
    """GRPO with a price on the variance of the probability ratio in place of a clip (experimental).

    Confirmed by two re-implementations: the price and its weight at token level. Not confirmed: the paper's
    bound and how its multiplier is stepped; `dual_step` is our proposal, off by default.
    """

    variance_weight: float = 0.04
    """price of (ratio - 1)^2, in reward units; the multiplier's start where it is stepped
    [value: two re-implementations]"""
    variance_bound: float = 0.01
    """mean of (ratio - 1)^2 that the multiplier aims at, above 0 [value: ours]"""
    dual_step: float = 0.0
    """how far the multiplier moves a step, a unit of excess, at least 0; 0: it stays [ours]"""

    paper = "arXiv:2601.03320"

    def loss(self, table: TokenTable, state: AlgoState) -> Losses:
        """Return the priced surrogate a token; `far` is the share of tokens with |ratio - 1| > 0.2."""
        columns = table.logp, table.logp_old, table.credit
        weight = state.get("variance", self.variance_weight)
        off = (table.logp - table.logp_old).detach().exp() - 1.0
        metrics = {
            "approx_kl": clip_metrics(*columns)["approx_kl"],
            "ratio_variance": off**2,
            "far": (off.abs() > 0.2).to(off.dtype),
        }
        return self.terms(table, state, Losses(ratio_variance(*columns, weight=weight), metrics=metrics))

    def start(self) -> AlgoState:
        """Return the multiplier, where it is stepped."""
        return GRPO.start(self) | ({"variance": self.variance_weight} if self.dual_step else {})

    def after_step(self, state: AlgoState, metrics: Mapping[str, float]) -> AlgoState:
        """Return the multiplier raised where the variance was above its bound."""
        state = GRPO.after_step(self, state, metrics)
        if not self.dual_step or "ratio_variance" not in metrics:
            return state
        excess = metrics["ratio_variance"] - self.variance_bound
        return state | {"variance": max(0.0, state["variance"] + self.dual_step * excess)}


@algo("fiber")
@dataclass(frozen=True, slots=True)
class Fiber(GRPO):
    """GRPO on a ratio whose episode part and token part are bounded apart (experimental).

    Confirmed by the authors' later report: the formula on one trajectory. Not confirmed: its bounds, which
    are ours, and the levels above a trajectory (task, domain), which are left out.
    """

    high: float = 0.2
    """bound on an episode's mean rise, in nats a token [value: ours]"""
    low: float = 0.15
    """bound on an episode's mean fall, in nats a token; less than high [value: ours]"""
    eps: float = 0.05
    """bound on a token's own part, in nats [value: ours]"""

    aggregate = "seq-mean-token-mean"
    coupled = True
    unit = "trajectory"
    paper = "arXiv:2603.08239"

    def check(self) -> None:
        """Refuse bounds that let nothing move."""
        GRPO.check(self)
        for key in ("high", "low", "eps"):
            above(getattr(self, key), 0, key)

    def loss(self, table: TokenTable, state: AlgoState) -> Losses:
        """Return the mean over episodes of the mean over tokens of -G A, a scalar."""
        gap = (table.logp - table.logp_old).clamp(-LOG_RATIO_LIMIT, LOG_RATIO_LIMIT)
        gated = fiber_ratio(gap, table.trajectory, high=self.high, low=self.low, eps=self.eps)
        metrics = {"approx_kl": -gap.detach(), "gated": (gated.detach().log() - gap.detach()).abs()}
        losses = self.terms(table, state, Losses(-gated * table.credit, metrics=metrics))
        return reduced(losses, table, self.aggregate)
