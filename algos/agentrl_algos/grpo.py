"""GRPO: Group Relative Policy Optimization (arXiv:2402.03300), on multi-turn episodes, and its variants.

    A = (R - mean) / (std + eps)   over the episodes of one task

Every token of an episode gets its episode's number. The penalty for useless actions enters an episode's
return as its mean over the episode's turns, which keeps one number an episode.

Variants change one thing each: Dr. GRPO what is divided by, GSPO and CISPO what is done to the probability
ratio, GRPO-D the weight of the divergence over time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from agentrl.algo import AlgoState, Losses, TurnCredit, above
from agentrl.batch import TokenTable
from agentrl.credit.groups import group_relative
from agentrl.credit.kl import vee
from agentrl.errors import ConfigError
from agentrl.losses.policy import clip_metrics
from agentrl.losses.ratios import capped, sequence_clip_metrics, sequence_clipped
from agentrl.losses.reduce import weights
from agentrl.registry import algo
from agentrl_algos.clipped import Clipped


@algo("grpo")
@dataclass(frozen=True, slots=True)
class GRPO(Clipped):
    """Credit an episode by comparison with the others of its task."""

    scale: Literal["std", "none"] = "std"
    """divide by the group's standard deviation, or not (then it is Dr. GRPO's credit)"""

    paper = "arXiv:2402.03300"

    @property
    def invariances(self) -> frozenset[str]:
        """Only differences count; their size does not where it is divided out and no fixed penalty enters."""
        scaled = self.scale == "std" and not self.invalid_penalty
        return frozenset({"shift"} | ({"scale"} if scaled else set()))

    def credit(self, table: TokenTable) -> TurnCredit:
        """Return the episode's advantage for each turn."""
        episode = group_relative(self.score(table), table.trajectories.group, scale=self.scale)
        return TurnCredit(episode[table.turns.trajectory])


@algo("drgrpo")
@dataclass(frozen=True, slots=True)
class DrGRPO(GRPO):
    """GRPO without its two biases: no division by the group's spread, nor by an episode's length."""

    scale: Literal["std", "none"] = "none"

    aggregate = "constant"
    paper = "arXiv:2503.20783"


@algo("gspo")
@dataclass(frozen=True, slots=True)
class GSPO(GRPO):
    """GRPO on the likelihood ratio of whole sequences, clipped as a whole."""

    clip_low: float = 3e-4
    """how far a sequence's ratio (a mean over its tokens) may fall below 1, above 0"""
    clip_high: float = 4e-4
    """how far a sequence's ratio may rise above 1, at least 0"""
    sequence: Literal["trajectory", "turn"] = "trajectory"
    """what has one ratio: all that an episode's policy wrote, or each reply
    [ours: published sequences have one reply]"""

    aggregate = "seq-mean-token-mean"
    coupled = True
    unit = "trajectory"
    paper = "arXiv:2507.18071"

    def loss(self, table: TokenTable, state: AlgoState) -> Losses:
        """Return the mean over episodes of the mean over tokens, a scalar."""
        sequence = table.trajectory if self.sequence == "trajectory" else table.turn
        columns = table.logp, table.logp_old, table.credit, sequence
        low, high = self.clip_low, self.clip_high
        losses = Losses(
            sequence_clipped(*columns, clip_low=low, clip_high=high),
            metrics=sequence_clip_metrics(*columns, clip_low=low, clip_high=high),
        )
        return reduced(self.terms(table, state, losses), table, self.aggregate)


@algo("cispo")
@dataclass(frozen=True, slots=True)
class CISPO(GRPO):
    """GRPO with the ratio as a bounded weight on the log-probability: no token loses its gradient."""

    cap: float = 5.0
    """largest weight, in units of the probability ratio (published: 5) [arXiv:2510.13786]"""
    floor: float = 0.0
    """smallest weight, in units of the probability ratio"""

    paper = "arXiv:2506.13585"

    def check(self) -> None:
        """Refuse bounds that cross."""
        GRPO.check(self)
        if self.floor > self.cap:
            raise ConfigError(f"floor={self.floor} is above cap={self.cap}: weights lie between them")

    def surrogate(self, table: TokenTable) -> Losses:
        """Return the weighted log-probability a token."""
        loss = capped(table.logp, table.logp_old, table.credit, cap=self.cap, floor=self.floor)
        bound = {"clip_low": 1.0 - self.floor, "clip_high": self.cap - 1.0}
        return Losses(loss, metrics=clip_metrics(table.logp, table.logp_old, table.credit, **bound))


@algo("grpo_d")
@dataclass(frozen=True, slots=True)
class GRPOD(GRPO):
    """GRPO whose pull to the warm start first weakens, then grows."""

    kl_low: float = 0.0
    """smallest weight of the divergence, in reward units a nat
    (published: 0 for geometry, 0.04 for counting)"""
    kl_high: float = 0.02
    """largest weight of the divergence, in reward units a nat
    (published: 0.02 for geometry, 0.1 for counting)"""
    kl_span: int = 50
    """iterations the schedule takes: those of the run"""

    extra = "reference"
    paper = "arXiv:2503.16081"

    @property
    def referred(self) -> bool:
        """The schedule may start at any weight, so the reference is always kept."""
        return True

    def check(self) -> None:
        """Refuse a schedule without length, and a second rule for the same weight."""
        GRPO.check(self)
        above(self.kl_span, 0, "kl_span")
        if self.kl or self.kl_in != "loss":
            raise ConfigError(
                "kl and kl_in: grpo_d schedules the weight of a term of the loss (kl_low, kl_high)"
            )

    def start(self) -> AlgoState:
        """Return the weight at the start, and that nothing is done."""
        return {"kl": vee(0, self.kl_span, self.kl_low, self.kl_high), "step": 0}

    def after_step(self, state: AlgoState, metrics: Mapping[str, float]) -> AlgoState:
        """Return the weight of the next iteration."""
        step = state["step"] + 1
        return {"kl": vee(step, self.kl_span, self.kl_low, self.kl_high), "step": step}


def reduced(losses: Losses, table: TokenTable, how: str) -> Losses:
    """Return the losses with the policy's summed up, for a loss that is coupled."""
    assert losses.policy is not None
    share = weights(how, table.trajectory, max_tokens=table.max_tokens).to(losses.policy.dtype)
    return Losses((share * losses.policy).sum(), metrics=losses.metrics)
