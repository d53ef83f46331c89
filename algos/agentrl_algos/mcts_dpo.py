"""Preferences from tree search: MCTS-DPO (arXiv:2405.00451), Agent Q (arXiv:2408.07199), pairs of Optima.

MCTS-DPO searches a tree for each task and goes along the most visited actions to an end. In every state on
that way the best action by the search is preferred to the worst, from the token on in which they differ:

    loss = (1 - a) softplus(-beta (rho_w - rho_l)) + a softplus(beta (rho_w - rho_l)),   a = N_l / (N_w + N_l)

with a at most 1/2, so that a pair counts little where the search saw both as often. The policy that samples
is the newest one in every iteration; the reference stays the policy that training began with.

Its ground-truth solutions, and the sorting out of near duplicates, are left out: an environment has no
solution to show, and actions that say the same to it are one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from agentrl.algo import Preference
from agentrl.batch import TokenTable
from agentrl.credit.trees import backed_up, preferences
from agentrl.errors import ConfigError
from agentrl.losses.pairwise import Knobs
from agentrl.losses.sides import Side
from agentrl.registry import algo
from agentrl.table import Pairs
from agentrl.types import Tree
from agentrl_algos.dpo import DPO, PairLoss, Rule
from agentrl_algos.searching import Searching


@algo("mcts_dpo")
@dataclass(frozen=True, slots=True)
class MCTSDPO(Searching):
    """Prefer, on the way a search went, its best action to its worst."""

    loss_kind: PairLoss = "cdpo"
    """loss of a pair; cdpo, dpo and ipo are those of the paper"""
    conservative: bool = True
    """cdpo, aot: the chance that a pair is wrong is that of its visits; false: `smoothing`"""
    power: float = 0.0
    """of an action's length, that its log-ratio is divided by; 0: not, but for ipo, which takes the mean"""
    rule: Rule = "way_worst"
    """which actions are compared; on the way: best against worst, next best or a random one"""
    margin: float = 0.0
    """least difference of search values (other rules: of scores) for a pair, at least 0 [ours]"""
    most: int = 8
    """pairs taken of a tree, at least 0: the first on the way; 0: all"""
    solved: bool = True
    """leave out trees whose way did not end in success"""

    extra = "reference"
    paper = "arXiv:2405.00451"

    def check(self) -> None:
        """Refuse a power below 0."""
        Searching.check(self)
        if self.power < 0:
            raise ConfigError(f"power={self.power}: must be at least 0")

    def compare(self, tree: Tree) -> Sequence[Preference]:
        """Return the pairs of a tree, none where it is to be left out."""
        if self.solved and tree.way and tree.nodes[tree.way[-1]].outcome != "success":
            return ()
        return Searching.compare(self, tree)

    def sides(self, table: TokenTable, pairs: Pairs) -> tuple[Side, Side]:
        """Return both sides, log-probabilities over a power of the length."""
        chosen, rejected = DPO.sides(self, table, pairs)
        if not self.power or self.loss_kind == "ipo":
            return chosen, rejected
        return _divided(chosen, self.power), _divided(rejected, self.power)

    def knobs(self, pairs: Pairs) -> Knobs:
        """Return DPO's, with the doubt in each pair and ipo's power of the length."""
        knobs = DPO.knobs(self, pairs)
        smoothing = pairs.smoothing if self.conservative and self.loss_kind in _DOUBTING else self.smoothing
        return replace(knobs, smoothing=smoothing, power=self.power or 1.0)


_DOUBTING = ("cdpo", "aot")
"""kinds whose smoothing may differ from pair to pair and be anything from 0 to 1/2"""


def _divided(one: Side, power: float) -> Side:
    length = one.length.to(one.logp.dtype) ** power
    return replace(one, logp=one.logp / length, ref=one.ref / length)


@algo("agent_q")
@dataclass(frozen=True, slots=True)
class AgentQ(Searching):
    """Prefer actions whose search value and self-evaluation are together the higher by a threshold."""

    rule: Rule = "valued"
    """which actions are compared; valued: each visited one with each visited sibling that is worth less"""
    select: Literal["puct", "ucb1"] = "ucb1"
    """mcts: where a walk goes: by value and likelihood, or by value and visits"""
    self_evaluation: bool = True
    """the policy is asked of every action whether it was right: its answer is the critic's score"""
    blend: float = 0.5
    """valued: share of the mean search value in an action's worth, the rest is the critic's; 0 to 1 [ours]"""
    margin: float = 0.1
    """least difference of worth that makes a preference, 0 to 1 [ours]"""
    reference: Literal["start", "behaviour"] = "behaviour"
    """what log-ratios are to: the policy that training began with, or the one that sampled"""

    extra = ""
    paper = "arXiv:2408.07199"

    def check(self) -> None:
        """Refuse shares that are none."""
        Searching.check(self)
        if not 0 <= self.blend <= 1:
            raise ConfigError(f"blend={self.blend}: a share of 0 to 1")

    def compare(self, tree: Tree) -> Sequence[Preference]:
        """Return the pairs whose worth differs by the threshold."""
        opinion = 1.0 - self.blend if self.self_evaluation else 0.0
        return self.taken(preferences(tree, self.rule, self.margin, opinion=opinion))


@algo("tree_pairs")
@dataclass(frozen=True, slots=True)
class TreePairs(Searching):
    """Prefer, wherever a searched tree branches, the best action to the worst where that is clear.

    `rule=path` is TP-LLaMA's (arXiv:2406.07115): on the way to success, each action against the siblings from
    which none was reached.
    """

    floor: float = 0.45
    """mean score that the preferred action must exceed, 0 to 1 (the paper's for examples) [ours]"""
    margin: float = 0.3
    """least difference of mean scores that makes a preference, 0 to 1"""
    half: bool = True
    """keep the half of a tree's pairs, rounded up, whose preferred actions are worth most"""

    extra = "reference"
    paper = "arXiv:2410.08115"

    def compare(self, tree: Tree) -> Sequence[Preference]:
        """Return the pairs of a tree that are clear, the better half of them."""
        worth = backed_up(tree).nodes
        pairs = preferences(tree, self.rule, self.margin)
        pairs = [one for one in pairs if worth[one.chosen].q > self.floor]
        if self.half:
            pairs.sort(key=lambda one: worth[one.chosen].q, reverse=True)
            pairs = pairs[: (len(pairs) + 1) // 2]
        return self.taken(pairs)
