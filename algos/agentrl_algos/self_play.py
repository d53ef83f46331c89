"""Self-play: the policy's own episodes of a task are judged against each other.

P(i beats j) is 1, 1/2 or 0 by their returns, or sigma((R_i - R_j) / judge); a win rate is the mean over the
episodes of the task. With rho the log-ratio of an episode to the reference:

    sppo        (rho - (P - 1/2) / beta)^2 / 2, the best and the worst of a task
    online_ipo  (rho_i - rho_j - (P_i - P_j) / beta)^2, all pairs of a task
    egpo        the same by extra-gradient: a step, then again from where that began, with what it played
    inpo        (D - tau/eta D_ref - (eta - tau)/eta D_old - 1/(2 eta))^2, D the gap of log-probabilities
    xpo         DPO on pairs, and alpha times the log-probability of one side: optimism
    nash_md     policy gradient on P - 1/2 with the divergence from the reference

The reference is the policy that played (an iterate of self-play), or the one that training started from;
xpo's is the first, egpo's the second, inpo has both.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from agentrl.algo import AlgoState, Losses, above
from agentrl.batch import TokenTable
from agentrl.credit.selection import comparisons
from agentrl.errors import ConfigError
from agentrl.losses.selfplay import inpo, nash_md, online_ipo, sppo, xpo
from agentrl.losses.sides import Side
from agentrl.registry import algo
from agentrl_algos.answers import Answers, Grouped, answers
from agentrl_algos.pairs import pair_metrics


@dataclass(frozen=True, slots=True)
class Compared(Grouped):
    """Base of algorithms that ask which of two own episodes a judge prefers."""

    data = "groups of episodes of a task, judged against each other"

    @property
    def needs(self) -> frozenset[str]:
        """The policy that played."""
        return frozenset({"logp_old"})


def of_pairs(loss: Tensor, sides: tuple[Side, Side], beta: float) -> Losses:
    """Return the mean over pairs, 0 where there is none, with what is logged of them."""
    if not len(loss):
        return Losses(0.0 * loss.sum(), metrics={"pairs": torch.zeros(())})
    return Losses(loss.mean(), metrics=pair_metrics(*sides, beta))


@dataclass(frozen=True, slots=True)
class SelfPlay(Compared):
    """Base of algorithms on win rates."""

    beta: float = 0.1
    """strength of a log-ratio, in reward units a nat [ours]"""
    judge: float = 0.0
    """difference of returns that makes a win likely, in reward units; 0: the higher one wins [ours]"""
    reference: Literal["iterate", "start"] = "iterate"
    """the policy that played this iteration's episodes, or the one before the first iteration [ours]"""

    @property
    def needs(self) -> frozenset[str]:
        """The reference's log-probabilities."""
        return frozenset({"logp_old" if self.reference == "iterate" else "logp_ref"})

    @property
    def invariances(self) -> frozenset[str]:
        """A higher return wins by any margin, unless the judge looks at it."""
        return frozenset({"shift"} if self.judge else {"shift", "scale"})

    def check(self) -> None:
        """Refuse groups of one and a strength of nothing."""
        Compared.check(self)
        above(self.beta, 0, "beta")
        if self.judge < 0:
            raise ConfigError(f"judge={self.judge}: must be 0 or more")

    def answers(self, table: TokenTable) -> Answers:
        """Return the episodes against the reference."""
        return answers(table, table.logp_old if self.reference == "iterate" else table.logp_ref)

    def win_rate(self, found: Answers) -> Tensor:
        """Return each episode's mean chance against its task's episodes, itself (1/2) included, [B]."""
        rate = torch.zeros_like(found.ret)
        for own in found.groups():
            gap = found.ret[own, None] - found.ret[own]
            chance = (gap / self.judge).sigmoid() if self.judge else (gap.sign() + 1.0) / 2.0
            rate[own] = chance.mean(1)
        return rate


@algo("sppo")
@dataclass(frozen=True, slots=True)
class SPPO(SelfPlay):
    """Move the best and the worst episode of a task to where their win rates say."""

    beta: float = 0.1
    """strength of a log-ratio (published: 0.001) [ours]"""

    paper = "arXiv:2405.00675"

    def loss(self, table: TokenTable, state: AlgoState) -> Losses:
        """Return the mean pair loss, a scalar."""
        found = self.answers(table)
        win = self.win_rate(found)
        first, second = comparisons(found.ret, found.group, "best_worst")
        one, other = found.take(first), found.take(second)
        loss = sppo(one, win[first], beta=self.beta) + sppo(other, win[second], beta=self.beta)
        return of_pairs(loss, (one, other), self.beta)


@algo("online_ipo")
@dataclass(frozen=True, slots=True)
class OnlineIPO(SelfPlay):
    """Bring the gap of two episodes to the gap of their win rates."""

    paper = "arXiv:2403.08635"

    def loss(self, table: TokenTable, state: AlgoState) -> Losses:
        """Return the mean pair loss, a scalar."""
        found = self.answers(table)
        win = self.win_rate(found)
        first, second = comparisons(found.ret, found.group, "all")
        one, other = found.take(first), found.take(second)
        loss = online_ipo(one, other, win[first], win[second], beta=self.beta)
        return of_pairs(loss, (one, other), self.beta)


@algo("egpo")
@dataclass(frozen=True, slots=True)
class EGPO(OnlineIPO):
    """Step, play with the policy that this gave, and step again from where the first step began.

    Iterations come in twos: the first is a half step, whose policy plays the second and is then let go;
    weights and optimiser go back to where it began. What wins is thereby asked of where the policy is
    heading, which keeps self-play from circling. A run of an odd number of iterations ends on a half step.
    Published code divides log-ratios by the length of an episode; here they are sums, as in the paper.
    """

    reference: Literal["iterate", "start"] = "start"
    """what log-ratios are taken to: the policy before iteration 1, no other"""

    extra = "reference"
    paper = "arXiv:2503.08942"
    extragradient = True

    def check(self) -> None:
        """Refuse another reference: the game is regularised by one and the same policy."""
        SelfPlay.check(self)
        if self.reference != "start":
            raise ConfigError(f"reference={self.reference}: that of egpo is the policy before iteration 1")


@algo("inpo")
@dataclass(frozen=True, slots=True)
class INPO(Compared):
    """IPO against a mixture of the last iterate and the policy that training started from."""

    eta: float = 0.0075
    """step of the mirror descent, a nat"""
    tau: float = 0.0025
    """pull to the start, in nats, above 0 and at most eta; at eta it is ipo_sum"""

    extra = "reference"
    paper = "arXiv:2407.00617"

    @property
    def needs(self) -> frozenset[str]:
        """Both references."""
        return frozenset({"logp_old", "logp_ref"})

    def check(self) -> None:
        """Refuse a mixture that is none."""
        Compared.check(self)
        if not 0 < self.tau <= self.eta:
            raise ConfigError(f"tau={self.tau}, eta={self.eta}: tau is above 0 and at most eta")

    def loss(self, table: TokenTable, state: AlgoState) -> Losses:
        """Return the mean pair loss, a scalar."""
        start, last = answers(table, table.logp_ref), answers(table, table.logp_old)
        first, second = comparisons(start.ret, start.group, "best_worst")
        one, other = start.take(first), start.take(second)
        before = last.side.ref[first] - last.side.ref[second]
        loss = inpo(one, other, before, eta=self.eta, tau=self.tau)
        return of_pairs(loss, (one, other), self.eta)


@algo("xpo")
@dataclass(frozen=True, slots=True)
class XPO(Compared):
    """DPO on own episodes with a bonus for what the reference would not have said.

    The reference is the iterate that played, so that both sides of a pair are samples of it, too.
    """

    beta: float = 0.1
    """strength of a log-ratio, in reward units a nat [ours]"""
    alpha: float = 1e-5
    """weight of the bonus, a nat"""

    paper = "arXiv:2405.21046"

    def check(self) -> None:
        """Refuse groups of one and a strength of nothing."""
        Compared.check(self)
        above(self.beta, 0, "beta")

    def loss(self, table: TokenTable, state: AlgoState) -> Losses:
        """Return the mean pair loss, a scalar; the second episode of a pair is taken as the reference's."""
        found = answers(table, table.logp_old)
        first, second = comparisons(found.ret, found.group, "all")
        later = torch.maximum(first, second)
        own, other = found.take(torch.minimum(first, second)), found.take(later)
        loss = xpo(own, other, first < second, beta=self.beta, alpha=self.alpha)
        return of_pairs(loss, (found.take(first), found.take(second)), self.beta)


@algo("nash_md")
@dataclass(frozen=True, slots=True)
class NashMD(SelfPlay):
    """Raise what wins against the policy's own episodes, near the reference."""

    reference: Literal["iterate", "start"] = "start"
    """what the divergence is from: the policy that played, or the one before iteration 1 [ours]"""

    extra = "reference"
    paper = "arXiv:2312.00886"

    def loss(self, table: TokenTable, state: AlgoState) -> Losses:
        """Return the mean loss of an episode, a scalar."""
        found = self.answers(table)
        win = self.win_rate(found)
        ref = table.logp_old if self.reference == "iterate" else table.logp_ref
        loss = nash_md(table.logp, ref, found.slot, win, beta=self.beta).mean()
        metrics = {"win_rate_spread": win.max() - win.min(), "log_ratio": found.side.ratio.detach()}
        return Losses(loss, metrics=metrics)
