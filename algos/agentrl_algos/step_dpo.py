"""Preferences on single steps of a tree: Step-DPO (arXiv:2406.18629) and Step-APO (arXiv:2409.08642).

Step-DPO finds where a failed episode went wrong and prefers there an action that still won. A judge finds the
step in the paper; here the world does: alternatives are played to the end from restored states, and the wrong
turn is the first before which one of them won and after which none did. Only that turn's tokens count.

Step-APO compares in every state the actions that mostly won with those that mostly lost, and asks for a
margin that grows with the difference of their values, q = 2 (mean score) - 1. The paper searches its trees;
so does `trees=searched`:

    loss = softplus(-(beta (rho_w - rho_l) - stretch (q_w - q_l)))
"""

from dataclasses import dataclass, replace
from typing import Literal

from agentrl.losses.pairwise import Knobs
from agentrl.registry import algo
from agentrl.table import Pairs
from agentrl_algos.dpo import DPO, Rule
from agentrl_algos.searching import Searching


@algo("step_dpo")
@dataclass(frozen=True, slots=True)
class StepDPO(DPO):
    """Prefer, where an episode went wrong, an action that still won."""

    beta: float = 0.4
    """strength of a log-ratio (published: 0.4 and 0.5, by size)"""
    rule: Rule = "first_error"
    """which actions are compared"""
    points: int = 6
    """states of an episode that are branched; as many as it has turns find the wrong one exactly [ours]"""

    paper = "arXiv:2406.18629"


@algo("step_apo")
@dataclass(frozen=True, slots=True)
class StepAPO(Searching):
    """Prefer actions that mostly won, by a margin that grows with how much more they won."""

    beta: float = 0.3
    """strength of a log-ratio"""
    rule: Rule = "positive_negative"
    """which actions are compared"""
    trees: Literal["searched", "branched"] = "branched"
    """turns: searched, as in the paper, or an episode and alternatives from states on its way [ours]"""
    stretch: float = 1.0
    """margin, in nats, for a unit of value; 0: plain DPO"""

    data = "pairs of actions from one restored state, or of a searched tree"
    paper = "arXiv:2409.08642"

    def knobs(self, pairs: Pairs) -> Knobs:
        """Return DPO's, the margin of each pair added; scores are of 0 to 1, values of -1 to 1."""
        gap = 2.0 * pairs.margin
        return replace(DPO.knobs(self, pairs), margin=self.gamma + self.stretch * gap)
