"""Losses on the whole list of a task's episodes: LiPO (arXiv:2402.01878) and PRO (arXiv:2306.17492).

    lipo   sum over ordered pairs of lambda_ij softplus(s_j - s_i),   s = beta * log-ratio to the reference
    pro    each rank against all that are worse, sharper the further apart; s = mean log-probability a token,
           and the likelihood of the best one

Labels are returns, rescaled to 0 to 1 inside a task. A task whose episodes all earned the same says nothing.
"""

from dataclasses import dataclass
from typing import Literal

import torch

from agentrl.algo import AlgoState, Losses, above
from agentrl.batch import TokenTable
from agentrl.losses.listwise import listwise, pro, rescaled
from agentrl.registry import algo
from agentrl_algos.answers import Grouped, answer_metrics, answers


@algo("lipo")
@dataclass(frozen=True, slots=True)
class LiPO(Grouped):
    """Put a task's episodes in order, those pairs first that matter most to the top of the list."""

    rank: Literal["lambda", "logistic", "pairwise", "hinge", "listnet", "plackett_luce"] = "lambda"
    """loss of a list, by name; see `losses/listwise.py`"""
    beta: float = 0.05
    """strength of a log-ratio"""

    extra = "reference"
    paper = "arXiv:2402.01878"

    @property
    def needs(self) -> frozenset[str]:
        """The reference's log-probabilities."""
        return frozenset({"logp_ref"})

    def check(self) -> None:
        """Refuse a strength of nothing."""
        Grouped.check(self)
        above(self.beta, 0, "beta")

    def loss(self, table: TokenTable, state: AlgoState) -> Losses:
        """Return the mean loss of a list that can be ordered, a scalar."""
        found = answers(table, table.logp_ref)
        ratio, total, lists = found.side.ratio, 0.0 * table.logp.sum(), 0
        good = torch.zeros(len(found), dtype=torch.bool)
        for own in found.groups():
            label = rescaled(found.ret[own])
            if len(own) > 1 and bool(label.any()):
                total = total + listwise(self.beta * ratio[own], label, self.rank)
                good[own] = label > 0.5
                lists += 1
        metrics = answer_metrics(ratio, good, self.beta) | {"lists": torch.tensor(float(lists))}
        return Losses(total / max(lists, 1), metrics=metrics)


@algo("pro")
@dataclass(frozen=True, slots=True)
class PRO(Grouped):
    """Set each of a task's episodes against all that are worse, and say the best one again."""

    sft: float = 0.05
    """weight of minus the mean log-probability of the best, in nats, times (list length - 1)^2"""

    paper = "arXiv:2306.17492"

    @property
    def invariances(self) -> frozenset[str]:
        """Differences of returns sharpen the loss."""
        return frozenset({"shift"})

    def loss(self, table: TokenTable, state: AlgoState) -> Losses:
        """Return the mean loss of a list that can be ordered, a scalar."""
        found = answers(table, table.logp_behaviour)
        mean, total, lists = found.side.mean, 0.0 * table.logp.sum(), 0
        for own in found.groups():
            label = found.ret[own]
            if len(own) > 1 and bool((label != label[0]).any()):
                best = mean[own[label.argmax()]]
                total = total + pro(mean[own], label) - self.sft * (len(own) - 1) ** 2 * best
                lists += 1
        return Losses(total / max(lists, 1), metrics={"lists": torch.tensor(float(lists))})
