"""DPO on trees that were searched: what mcts_dpo, agent_q, tree_pairs and step_apo share.

A tree grows from each task's start by sampled actions, an environment's turn each. A state is valued by the
outcome of the episode where that ends (2 score - 1), and by the policy's own word on the way to it, 1 where
it is not asked (`self_evaluation`); `credit/search.py` has the searches, `credit/trees.py` the rules.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from agentrl.algo import Branches, Groups, Preference, Searched, above
from agentrl.errors import ConfigError
from agentrl.types import Tree
from agentrl_algos.dpo import DPO


@dataclass(frozen=True, slots=True)
class Searching(DPO):
    """Base of preferences that may be drawn from searched trees."""

    trees: Literal["searched", "branched"] = "searched"
    """turns: searched, or as in dpo an episode and alternatives from states on its way [ours]"""
    search: Literal["mcts", "best_first", "beam"] = "mcts"
    """mcts: move by move; best_first: the state of the highest value; beam: by depth [arXiv:2405.00451]"""
    walks: int = 8
    """mcts: iterations a move, four times that at the first (published: 64); best_first: states [ours]"""
    depth: int = 3
    """turns a search looks ahead, at least 1; best_first, beam: of the whole tree [arXiv:2405.00451: 3, 4]"""
    actions_root: int = 4
    """actions sampled in a task's first state [arXiv:2405.00451: 2 and 4]"""
    actions: int = 2
    """actions sampled in every other state [arXiv:2405.00451]"""
    select: Literal["puct", "ucb1"] = "puct"
    """mcts: where a walk goes: by value and likelihood, or value and visits [arXiv:2405.00451, 2408.07199]"""
    exploration: float = 1.0
    """mcts: weight of what is little known, in units of value, at least 0 [arXiv:2405.00451]"""
    self_evaluation: bool = False
    """the policy is asked of every action whether it was right [arXiv:2405.00451: on, with a solution]"""
    width: int = 4
    """beam: states kept of a depth; branched: actions compared in a state; at least 2 [ours]"""
    most: int = 0
    """pairs taken of a tree, at least 0: the largest margins (way_*: the first ones); 0: all [ours]"""
    reference: Literal["start", "behaviour"] = "start"
    """what log-ratios are to: the policy that training began with, or the one that sampled [ours]"""

    data = "trees of turns, grown by search"

    @property
    def needs(self) -> frozenset[str]:
        """DPO's, the reference's log-probabilities only where it is the start."""
        behaviour = {"logp_ref"} if self.reference == "behaviour" else set()
        return DPO.needs.fget(self) - behaviour  # type: ignore[attr-defined,no-any-return]

    def check(self) -> None:
        """Refuse searches that can compare nothing."""
        DPO.check(self)
        for name in ("walks", "depth", "actions_root", "actions"):
            above(getattr(self, name), 0, name)
        if max(self.actions_root, self.actions) < 2:
            raise ConfigError(f"actions={self.actions}, actions_root={self.actions_root}: one of them must"
                              " be at least 2, or nothing can be compared")  # fmt: skip
        if self.exploration < 0:
            raise ConfigError(f"exploration={self.exploration}: must be at least 0")
        if self.reference == "behaviour" and self.loss_kind in ("tdpo1", "tdpo2"):
            raise ConfigError(f"loss_kind={self.loss_kind} reads the whole distribution: reference=start")

    def collect(self) -> Branches | Groups | Searched:
        """Return how trees are searched, or what dpo collects."""
        if self.of == "episodes" or self.trees == "branched":
            return DPO.collect(self)
        return Searched(
            self.search,
            self.walks,
            self.depth,
            self.actions_root,
            self.actions,
            self.select,
            self.exploration,
            self.width,
            self_evaluation=self.self_evaluation,
        )

    def compare(self, tree: Tree) -> Sequence[Preference]:
        """Return the pairs that the rule draws from a tree, `most` of them."""
        return self.taken(DPO.compare(self, tree))

    def taken(self, pairs: Sequence[Preference]) -> Sequence[Preference]:
        """Return those of a tree's pairs that are learnt from."""
        if not self.most:
            return pairs
        if not self.rule.startswith("way_"):
            pairs = sorted(pairs, key=lambda pair: pair.margin, reverse=True)
        return pairs[: self.most]
