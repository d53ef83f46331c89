"""HGPO (arXiv:2602.22817): turns are compared where they share their last k states, for several k at once.

    A_k = (Q - mean) / (std + eps)   among the task's turns with the same last k states, std of all n
    A   = sum of w_k A_k / sum of w_k,   w_k = (k + 1)^alpha,   over k = 1 ... history + 1 with A_k != 0

No term for the episode as a whole, unless `whole_task` adds the task's turns as level 0.
"""

from dataclasses import dataclass
from typing import Literal

from agentrl.algo import TurnCredit, above
from agentrl.batch import TokenTable
from agentrl.credit.graph import hierarchical, history_codes
from agentrl.credit.returns import discounted
from agentrl.registry import algo
from agentrl_algos.clipped import Clipped


@algo("hgpo")
@dataclass(frozen=True, slots=True)
class HGPO(Clipped):
    """Credit a turn among turns that share its state and the states before it."""

    gamma: float = 0.95
    """discount a turn, 0 to 1"""
    history: int = 2
    """states before the present one that may have to be shared (published: 2, or 4)"""
    alpha: float = 1.0
    """how much more a longer shared history counts: exponent of its length, at least 0"""
    whole_task: bool = False
    """compare with all turns of the task too, as the lowest level (published: false)"""
    scale: Literal["std", "none"] = "std"
    """divide by the standard deviation, or not (published: std for ALFWorld, none for WebShop)"""

    data = "groups of episodes of a task, and the histories they share"
    paper = "arXiv:2602.22817"

    @property
    def invariances(self) -> frozenset[str]:
        """A shift is discounted differently at each distance from the end; scale may be divided out."""
        return frozenset({"scale"} if self.scale == "std" and not self.invalid_penalty else ())

    def check(self) -> None:
        """Refuse a negative history."""
        Clipped.check(self)
        above(self.history, -1, "history")

    def credit(self, table: TokenTable) -> TurnCredit:
        """Return the weighted mean over the levels for each turn."""
        turns = table.turns
        penalty = turns.reward - self.turn_reward(table)
        returns = discounted(turns.reward, turns.trajectory, self.gamma) - penalty
        levels = history_codes(turns.anchor, turns.trajectory, self.history + 1)
        ranks = list(range(1, len(levels) + 1))
        if self.whole_task:
            levels, ranks = [turns.group, *levels], [0, *ranks]
        credit = hierarchical(returns, levels, ranks=ranks, alpha=self.alpha, scale=self.scale)
        return TurnCredit(credit)
