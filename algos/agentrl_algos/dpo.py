"""DPO: Direct Preference Optimization (arXiv:2305.18290), on pairs of actions from one restored state.

    loss = -log sigmoid(beta * (rho_chosen - rho_rejected)),   rho = sum over the action of (logp - logp_ref)

Actions compared were taken in the same state of a tree; each was played to the end, and the better mean score
below it is preferred.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch

from agentrl.algo import Algorithm, AlgoState, Branches, Losses, Preference, above
from agentrl.batch import TokenTable
from agentrl.credit.trees import backed_up
from agentrl.errors import ConfigError
from agentrl.losses.pairwise import Knobs, pairwise
from agentrl.losses.sides import side
from agentrl.registry import algo
from agentrl.types import Tree


@algo("dpo")
@dataclass(frozen=True, slots=True)
class DPO(Algorithm):
    """Prefer the action after which things went better."""

    loss_kind: Literal["dpo", "ipo_sum"] = "dpo"
    """dpo: logistic; ipo_sum: squared distance to 1 / (2 beta)"""
    beta: float = 0.1
    """strength of the pull to the reference"""
    width: int = 4
    """actions compared in a state, at least 2"""
    points: int = 2
    """states of an episode that are branched"""
    margin: float = 0.05
    """least difference of scores that makes a preference, 0 to 1"""

    coupled = True
    unit = "pair"
    extra = "reference"
    paper = "arXiv:2305.18290"

    @property
    def needs(self) -> frozenset[str]:
        """The reference's log-probabilities."""
        return frozenset({"logp_ref"})

    def check(self) -> None:
        """Refuse comparisons of one."""
        above(self.beta, 0, "beta")
        above(self.points, 0, "points")
        if self.width < 2:
            raise ConfigError(
                f"width={self.width}: actions are compared with each other, so it must be at least 2"
            )

    def collect(self) -> Branches:
        """Return trees of restored states."""
        return Branches(self.width, self.points)

    def compare(self, tree: Tree) -> Sequence[Preference]:
        """Return the best action of each branched state against its worst."""
        tree = backed_up(tree)
        found: list[Preference] = []
        for parent in range(-1, len(tree.nodes)):
            # An action below which nothing could be scored is neither good nor bad.
            scored = [i for i in tree.children(parent) if tree.nodes[i].visits]
            siblings = sorted(scored, key=lambda i: tree.nodes[i].q)
            if len(siblings) > 1 and tree.nodes[siblings[-1]].q - tree.nodes[siblings[0]].q >= self.margin:
                found.append(Preference(siblings[-1], siblings[0]))
        return found

    def loss(self, table: TokenTable, state: AlgoState) -> Losses:
        """Return the mean pair loss, a scalar."""
        pairs = table.pairs
        assert pairs is not None
        one, other = (side(table.logp, table.logp_ref, spans) for spans in (pairs.chosen, pairs.rejected))
        loss = pairwise(one, other, self.loss_kind, Knobs(self.beta))
        chosen, rejected = one.ratio, other.ratio
        margin = (chosen - rejected).detach()
        metrics = {
            "reward_accuracy": (margin > 0).float().mean(),
            "reward_margin": self.beta * margin.mean(),
            "logp_ratio_chosen": chosen.detach().mean(),
            "logp_ratio_rejected": rejected.detach().mean(),
            "pairs": torch.tensor(float(len(pairs))),
        }
        return Losses(policy=(pairs.weight.to(loss.dtype) * loss).mean(), metrics=metrics)
