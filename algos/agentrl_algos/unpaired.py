"""Losses on single episodes that are known to be good or bad: KTO, BCO, REDI, rejection sampling.

With rho the log-ratio of a whole episode to the reference:

    kto        1 - sigma(beta (rho - z)) where good, 1 - sigma(beta (z - rho)) where bad
    bco        softplus(-(beta rho - delta)) where good, softplus(beta rho - delta) where bad
    redi       -(mean log-probability a token) where good, + rejected times it where bad; no reference
    rejection  -(log-probability of each token) where good, nothing where bad

z is the divergence from the reference, estimated on the policy's own episodes; delta is the running mean of
all beta rho seen. Good is what succeeded, or what earned more than its task's mean.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from agentrl.algo import Algorithm, AlgoState, Groups, Losses, Stored, above, check_rounds
from agentrl.batch import TokenTable
from agentrl.credit.groups import group_mean
from agentrl.errors import ConfigError
from agentrl.losses.groupwise import trajectory_mean
from agentrl.losses.unpaired import bco, kl_baseline, kto, redi, running_mean
from agentrl.registry import algo
from agentrl_algos.answers import Answers, answer_metrics, answers


@dataclass(frozen=True, slots=True)
class Unpaired(Algorithm):
    """Base of algorithms on single episodes."""

    group_size: int = 8
    """episodes of one task, played anew each iteration [ours]"""
    good_if: Literal["success", "above_mean"] = "success"
    """good episodes: those that succeeded, or that earned more than the mean of their task [ours]"""

    coupled = True
    unit = "group"
    data = "episodes that are good or bad"

    @property
    def invariances(self) -> frozenset[str]:
        """Good and bad are all that is told of an episode."""
        return frozenset({"shift", "scale"})

    def check(self) -> None:
        """Refuse empty groups, and a mean of one."""
        above(self.group_size, 1 if self.good_if == "above_mean" else 0, "group_size")

    def collect(self) -> Groups | Stored:
        """Return groups of episodes from one start."""
        return Groups(self.group_size)

    def good(self, found: Answers) -> Tensor:
        """Return which episodes are good, [B] bool."""
        if self.good_if == "success":
            return found.success
        return found.ret > group_mean(found.ret.double(), found.group)


@algo("kto")
@dataclass(frozen=True, slots=True)
class KTO(Unpaired):
    """Raise good episodes and lower bad ones, each the less the surer the policy is of it."""

    beta: float = 0.1
    """strength of a log-ratio"""
    desirable: float = 1.0
    """weight of good episodes; kept with the other so that both kinds weigh much the same"""
    undesirable: float = 1.0
    """weight of bad episodes"""
    baseline: Literal["kl", "none"] = "kl"
    """kl: z is the divergence from the reference; none: 0, as in APO-zero [none: arXiv:2408.06266]"""

    extra = "reference"
    paper = "arXiv:2402.01306"

    @property
    def needs(self) -> frozenset[str]:
        """The reference's log-probabilities."""
        return frozenset({"logp_ref"})

    def check(self) -> None:
        """Refuse a strength of nothing."""
        Unpaired.check(self)
        above(self.beta, 0, "beta")

    def loss(self, table: TokenTable, state: AlgoState) -> Losses:
        """Return the mean loss of an episode, a scalar."""
        found = answers(table, table.logp_ref)
        ratio, good = found.side.ratio, self.good(found)
        level = kl_baseline(ratio) if self.baseline == "kl" else torch.zeros(())
        weights = {"desirable": self.desirable, "undesirable": self.undesirable}
        loss = kto(ratio, good, level, beta=self.beta, **weights).mean()
        return Losses(loss, metrics=answer_metrics(ratio, good, self.beta) | {"kl_baseline": level})


@algo("bco")
@dataclass(frozen=True, slots=True)
class BCO(Unpaired):
    """Tell good episodes from bad ones by their implied reward, above or below the mean of all seen."""

    beta: float = 0.1
    """strength of a log-ratio"""

    extra = "reference"
    paper = "arXiv:2404.04656"

    @property
    def needs(self) -> frozenset[str]:
        """The reference's log-probabilities."""
        return frozenset({"logp_ref"})

    def check(self) -> None:
        """Refuse a strength of nothing."""
        Unpaired.check(self)
        above(self.beta, 0, "beta")

    def start(self) -> AlgoState:
        """Return the sum and count of no reward."""
        return {"total": 0.0, "count": 0.0}

    def loss(self, table: TokenTable, state: AlgoState) -> Losses:
        """Return the mean loss of an episode, a scalar."""
        found = answers(table, table.logp_ref)
        reward, good = self.beta * found.side.ratio, self.good(found)
        shift, _, _ = running_mean(reward, state["total"], state["count"])
        metrics = answer_metrics(found.side.ratio, good, self.beta)
        metrics |= {
            "implied_reward": reward.detach(),
            "answers": torch.tensor(float(len(found))),
            "shift": shift,
        }
        return Losses(bco(reward, good, shift).mean(), metrics=metrics)

    def after_step(self, state: AlgoState, metrics: Mapping[str, float]) -> AlgoState:
        """Return the sum and count with this iteration's added, as a minibatch of it had them on average."""
        count = metrics.get("answers", 0.0)
        total = state["total"] + count * metrics.get("implied_reward", 0.0)
        return {"total": total, "count": state["count"] + count}


@dataclass(frozen=True, slots=True)
class Kept(Unpaired):
    """Base of algorithms that may also learn from episodes played once, before the first iteration."""

    played: Literal["anew", "once"] = "once"
    """anew in each iteration, or once before the first [ours]"""
    source: Literal["policy", "demonstrator"] = "policy"
    """once: who plays [ours]"""
    per_task: int = 4
    """once: episodes a training task, at least 1 [ours]"""
    batch: int = 128
    """once: episodes an iteration, at least 1 [ours]"""
    rounds: int = 1
    """once: into how many rounds, each played once, the iterations are divided, at least 1 [ours]"""

    def check(self) -> None:
        """Refuse empty batches, and means of tasks that a batch holds in part."""
        Unpaired.check(self)
        above(self.per_task, 0, "per_task")
        above(self.batch, 0, "batch")
        check_rounds(self.rounds, self.source)
        if self.played == "once" and self.good_if == "above_mean":
            raise ConfigError("good_if=above_mean needs played=anew: a stored batch holds a task in part")

    def collect(self) -> Groups | Stored:
        """Return groups of fresh episodes, or stored ones."""
        if self.played == "anew":
            return Groups(self.group_size)
        return Stored(self.source, self.per_task, self.batch, rounds=self.rounds)


@algo("redi")
@dataclass(frozen=True, slots=True)
class REDI(Kept):
    """Raise good episodes, lower bad ones by less, without a reference. Stop early: nothing bounds it."""

    rejected: float = 0.8
    """weight of bad episodes; good ones have 1"""
    sharpness: float = 0.0
    """how fast a bad episode counts less as it becomes unlikely, a nat; 0: never, as published"""

    paper = "arXiv:2505.24850"

    def loss(self, table: TokenTable, state: AlgoState) -> Losses:
        """Return the mean loss of an episode, a scalar."""
        found = answers(table, table.logp_behaviour)
        good = self.good(found)
        mean = trajectory_mean(table.logp, found.slot, len(found))
        loss = redi(mean, good, rejected=self.rejected, sharpness=self.sharpness).mean()
        metrics = answer_metrics(found.side.ratio, good, 1.0)
        return Losses(loss, metrics=metrics)


@algo("rejection")
@dataclass(frozen=True, slots=True)
class Rejection(Kept):
    """Learn to say again what the policy itself said where it succeeded."""

    played: Literal["anew", "once"] = "anew"
    """anew in each iteration, or once before the first [ours]"""

    paper = "arXiv:2308.01825"

    def loss(self, table: TokenTable, state: AlgoState) -> Losses:
        """Return the mean of -logp over the tokens of good episodes, a scalar; 0 where there is none."""
        found = answers(table, table.logp_behaviour)
        good = self.good(found)
        told = good[found.slot]
        loss = -(table.logp * told).sum() / told.sum().clamp(min=1)
        return Losses(loss, metrics={"good": good.float().mean()})
