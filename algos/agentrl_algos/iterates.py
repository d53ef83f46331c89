"""Preferences against the policy's own last iterate: SPIN and DNO, whose reference is the policy that played.

With rho the log-ratio of an episode to the iterate that played it, and h = beta (rho_w - rho_l):

    spin  softplus(-h), the demonstration preferred to each own episode of its task
    dno   softplus(-h) on pairs of a task, its demonstration among them, whose scores are far apart; ideally
          -q log sigmoid(h) - (1 - q) log sigmoid(-h), q = sigmoid of the difference of win rates

An iteration is a round: the episodes are new, and so is the reference.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from agentrl.algo import AlgoState, Groups, Losses, above
from agentrl.batch import TokenTable
from agentrl.errors import ConfigError
from agentrl.losses.pairwise import Knobs, pairwise
from agentrl.registry import algo
from agentrl_algos.answers import Answers, answers
from agentrl_algos.self_play import Compared, SelfPlay, of_pairs


def demonstrated(table: TokenTable) -> Tensor:
    """Return which of the episodes that hold tokens a demonstrator played, [B] bool."""
    held = torch.unique(table.trajectory)
    marks = table.trajectories.measures.get("demonstration")
    return torch.zeros(len(held), dtype=torch.bool) if marks is None else marks[held] == 1


def one_of_each(found: Answers, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Return the pairs of a task whose one episode is among `first` and whose other is among `second`."""
    pairs = [
        (i, j)
        for own in found.groups()
        for i in own[first[own]].tolist()
        for j in own[second[own]].tolist()
        if i != j
    ]
    return torch.tensor(pairs, dtype=torch.long).reshape(-1, 2).unbind(1)  # type: ignore[return-value]


@algo("spin")
@dataclass(frozen=True, slots=True)
class SPIN(Compared):
    """Tell the demonstrator's episodes from what the policy itself last played."""

    group_size: int = 2
    """own episodes of one task, at least 1 (published: 1) [ours]"""
    shown: int = 1
    """demonstrations of one task, at least 1"""
    beta: float = 0.1
    """strength of a log-ratio, in reward units a nat"""

    data = "demonstrations, and own episodes of the same tasks"
    paper = "arXiv:2401.01335"
    recompute = True

    def check(self) -> None:
        """Refuse to compare with nothing."""
        above(self.group_size, 0, "group_size")
        above(self.shown, 0, "shown")
        above(self.beta, 0, "beta")

    def collect(self) -> Groups:
        """Return own episodes and demonstrations of each task."""
        return Groups(self.group_size, shown=self.shown)

    def loss(self, table: TokenTable, state: AlgoState) -> Losses:
        """Return the mean pair loss, a scalar."""
        found, shown = answers(table, table.logp_old), demonstrated(table)
        first, second = one_of_each(found, shown, ~shown)
        one, other = found.take(first), found.take(second)
        return of_pairs(pairwise(one, other, "dpo", Knobs(self.beta)), (one, other), self.beta)


@algo("dno")
@dataclass(frozen=True, slots=True)
class DNO(SelfPlay):
    """Prefer good episodes, own ones or the demonstrator's, to ones that did clearly worse."""

    group_size: int = 5
    """own episodes of one task, at least 2"""
    shown: int = 1
    """demonstrations of one task, 0 or more"""
    form: Literal["practical", "ideal"] = "practical"
    """practical: pairs by the thresholds below; ideal: every pair, by win rates"""
    good: float = 0.8
    """practical: least score of the better one, 0 to 1 (published: 5 of 6 points)"""
    gap: float = 0.33
    """practical: least difference of scores where the better one is a demonstration, 0 to 1 (published: 2 of
    6 points)"""
    gap_own: float = 0.16
    """practical: the same where it is the policy's own, 0 to 1 (published: 1 of 6 points)"""

    data = "groups of episodes of a task, demonstrations among them"
    paper = "arXiv:2404.03715"
    recompute = True

    def check(self) -> None:
        """Refuse another reference, and thresholds that nothing passes."""
        SelfPlay.check(self)
        if self.reference != "iterate":
            raise ConfigError(f"reference={self.reference}: that of dno is the iterate that played")
        for name in ("good", "gap", "gap_own"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"{name}={getattr(self, name)}: scores are from 0 to 1")
        above(self.shown, -1, "shown")

    def collect(self) -> Groups:
        """Return own episodes and demonstrations of each task."""
        return Groups(self.group_size, shown=self.shown)

    def loss(self, table: TokenTable, state: AlgoState) -> Losses:
        """Return the mean pair loss, a scalar."""
        found = self.answers(table)
        everything = torch.ones(len(found), dtype=torch.bool)
        first, second = one_of_each(found, everything, everything)
        doubt: Tensor | float = 0.0
        if self.form == "practical":
            score, shown = table.trajectories.score[torch.unique(table.trajectory)], demonstrated(table)
            least = torch.where(shown[first], self.gap, self.gap_own)
            apart = score[first] - score[second]
            kept = (score[first] >= self.good) & (apart >= least) & (apart > 0)
            first, second = first[kept], second[kept]
        else:
            win = self.win_rate(found)
            kept = (win[first] > win[second]) | ((win[first] == win[second]) & (first < second))
            first, second = first[kept], second[kept]
            doubt = (win[second] - win[first]).sigmoid()  # 1 - q
        one, other = found.take(first), found.take(second)
        loss = pairwise(one, other, "cdpo", Knobs(self.beta, smoothing=doubt))
        return of_pairs(loss, (one, other), self.beta)
