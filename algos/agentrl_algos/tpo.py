"""TPO: Tree Preference Optimization (arXiv:2410.12854), on lists of episodes weighed step by step.

    s_i = beta * sum_k w_k (mean log-ratio of step k) / sum_k w_k,    w_k = 1 + cos(h_k, h_k of the best)

A step is a turn; h_k is the mean of its hidden states, held still. Steps past the shortest episode of a list
count as its last one. The list loss is that of LiPO, or the mean over pairs that published code means. That
code also wraps its loss so that minimising it turns the order round, reads log-probabilities a place off and
lets answers follow one another; none of that is done here.

Triple Preference Optimization and Test-time Preference Optimization share the name and are other methods.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from agentrl.algo import AlgoState, Losses, above
from agentrl.batch import TokenTable
from agentrl.credit.steps import merged_tail, step_weights, weighted_scores
from agentrl.errors import ConfigError
from agentrl.losses.listwise import listwise, rescaled
from agentrl.registry import algo
from agentrl_algos.answers import Grouped, answer_metrics, answers


@algo("tpo")
@dataclass(frozen=True, slots=True)
class TPO(Grouped):
    """Put a task's episodes in order, their steps weighed by likeness to the best one's."""

    rank: Literal["lambda", "pairwise"] = "lambda"
    """loss of a list: LiPO's, or the mean over pairs"""
    beta: float = 0.5
    """strength of a log-ratio"""
    step_weight: Literal["one_plus_cos", "one_minus_cos", "none"] = "one_plus_cos"
    """more for steps like the best episode's (published code), for those unlike it, or all alike"""
    method: str = "tree"
    """which of the methods called TPO; this one alone [ours]"""

    extra = "reference"
    paper = "arXiv:2410.12854"

    @property
    def needs(self) -> frozenset[str]:
        """The reference, and hidden states where steps are weighed."""
        return frozenset({"logp_ref"} | ({"hidden"} if self.step_weight != "none" else set()))

    def check(self) -> None:
        """Refuse lists of one, and other methods of that name."""
        Grouped.check(self)
        above(self.beta, 0, "beta")
        if self.method != "tree":
            raise ConfigError(
                f"method={self.method!r}: algo 'tpo' is Tree Preference Optimization (method=tree); Triple"
                " and Test-time Preference Optimization share the name and are not offered"
            )

    def loss(self, table: TokenTable, state: AlgoState) -> Losses:
        """Return the mean loss of a list that can be ordered, a scalar."""
        found = answers(table, table.logp_ref)
        total, lists = 0.0 * table.logp.sum(), 0
        good = torch.zeros(len(found), dtype=torch.bool)
        for own in found.groups():
            label = rescaled(found.ret[own])
            if len(own) > 1 and bool(label.any()):
                score = self.scores(table, found.slot, own, int(label.argmax()))
                total = total + listwise(self.beta * score, label, self.rank)
                good[own] = label > 0.5
                lists += 1
        metrics = answer_metrics(found.side.ratio, good, self.beta) | {"lists": torch.tensor(float(lists))}
        return Losses(total / max(lists, 1), metrics=metrics)

    def scores(self, table: TokenTable, slot: Tensor, own: Tensor, best: int) -> Tensor:
        """Return the score of each episode of a list, [L]; `best` is its place in the list."""
        mine = torch.isin(slot, own)
        answer = torch.searchsorted(own, slot[mine])
        step = merged_tail(table.turns.index[table.turn[mine]], answer)
        ratio = (table.logp - table.logp_ref)[mine]
        like = table.get("hidden")[mine] if self.step_weight != "none" else ratio.detach()[:, None]
        return weighted_scores(ratio, step, answer, step_weights(like, step, answer, best, self.step_weight))
