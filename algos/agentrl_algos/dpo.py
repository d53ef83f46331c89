"""DPO: Direct Preference Optimization (arXiv:2305.18290) and the losses that followed, on pairs of actions.

    loss = -log sigmoid(beta * (rho_chosen - rho_rejected)),   rho = sum over the action of (logp - logp_ref)

By turns, actions compared were taken in the same state of a tree; each was played to the end, and the better
mean score below it is preferred. By episodes, whole episodes of one task are compared by their returns.
`loss_kind` names the loss; `losses/pairwise.py` has their formulas and sources. step_dpo, step_apo and tgdpo
are settings of it under their own names.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from agentrl.algo import Branches, Groups, Preference, Searched, above, check_group
from agentrl.batch import TokenTable
from agentrl.credit.trees import preferences
from agentrl.errors import ConfigError
from agentrl.losses.distil import collision, forward_kl
from agentrl.losses.pairwise import REFERENCE_FREE, Knobs, guided, pairwise, trusted
from agentrl.losses.sides import Side, discounted_tail, side, sum_spans
from agentrl.registry import algo
from agentrl.table import Pairs
from agentrl.types import Tree
from agentrl_algos.pairs import Pairwise

PairLoss = Literal[
    "dpo", "cdpo", "robust", "hinge", "ipo", "ipo_sum", "sigmoid_norm", "exo_pair", "nca_pair", "bco_pair",
    "sppo_hard", "apo_zero", "apo_down", "aot", "discopop", "fdpo_forward_kl", "fdpo_js", "fdpo_alpha",
    "dpop", "simpo", "cpo", "orpo", "asft", "tdpo1", "tdpo2",
]  # fmt: skip
"""Names of the pair losses."""
Rule = Literal[
    "best_worst", "best_second", "best_rest", "positive_negative", "path", "first_error", "valued",
    "way_worst", "way_second", "way_random",
]  # fmt: skip
"""Which actions of a tree are compared; valued, way_*: of one that was searched."""


@algo("dpo")
@dataclass(frozen=True, slots=True)
class DPO(Pairwise):
    """Prefer the action after which things went better."""

    loss_kind: PairLoss = "dpo"
    """loss of a pair, by name [table in losses/pairwise.py of the code]"""
    smoothing: float = 0.0
    """cdpo, robust, exo_pair, aot: share of errors, below 1/2 (published: 0.1; exo_pair: 0.001) [ours]"""
    gamma: float = 0.0
    """dpo, cdpo, hinge, simpo: nats that beta times the gap must exceed (simpo: beta/2) [arXiv:2405.14734]"""
    penalty: float = 50.0
    """dpop: price of a chosen answer that became less likely, in nats a nat [arXiv:2402.13228]"""
    sft: float = 1.0
    """cpo: weight of the chosen answers' likelihood, in nats [arXiv:2401.08417]"""
    tau: float = 0.05
    """discopop: temperature that blends its two losses, in nats [arXiv:2406.08414]"""
    alpha: float = 0.5
    """fdpo_alpha: order of the divergence; tdpo2: share of the divergences' gap [f-DPO's, TDPO's papers]"""
    tail: float = 1.0
    """weight of the tokens past the length that both sides have, 0 to 1 [LD-DPO: arXiv:2409.06411]"""
    wpo: bool = False
    """weigh each pair by how likely the policy is to have written it [WPO: arXiv:2406.11827]"""
    of: Literal["turns", "episodes"] = "turns"
    """what is compared: actions from one restored state, or whole episodes of one task [ours]"""
    rule: Rule = "best_worst"
    """turns: which actions of a state are compared; see `credit/trees.py` [ours]"""
    width: int = 4
    """turns: actions compared in a state, at least 2 [ours]"""
    points: int = 2
    """turns: states of an episode that are branched, at least 1 [ours]"""
    group_size: int = 8
    """episodes: how many of a task, at least 2; the best is compared with the worst [ours]"""
    margin: float = 0.05
    """least difference of scores (episodes: of returns) that makes a preference [ours]"""
    stages: int = 1
    """of a file's pairs (run.store): parts of falling margin, one after the other, that the iterations are
    divided among (published: 3, each with the last one's policy for reference, which stays the start's here)
    [Curri-DPO: arXiv:2403.07230]"""

    data = "pairs of actions from one restored state, or of episodes of a task"
    paper = "arXiv:2305.18290"

    @property
    def needs(self) -> frozenset[str]:
        """The reference unless the loss reads none; its whole distribution for tdpo."""
        reference = {"logp_ref"} if self.loss_kind not in REFERENCE_FREE else set()
        whole = {"support_ref", "logp_support"} if self.diverges or self.wpo else set()
        return frozenset(reference | whole) | self.watched

    @property
    def diverges(self) -> bool:
        """Whether the loss reads the divergence of the reference from the policy."""
        return self.loss_kind in ("tdpo1", "tdpo2")

    @property
    def invariances(self) -> frozenset[str]:
        """Preferences are drawn from scores; what was paid does not enter."""
        return frozenset({"shift", "scale"})

    def check(self) -> None:
        """Refuse comparisons of one, and knobs that a loss cannot have."""
        Pairwise.check(self)
        if self.of == "episodes":
            check_group(self.group_size)
        above(self.points, 0, "points")
        above(self.stages, 0, "stages")
        if self.width < 2:
            raise ConfigError(
                f"width={self.width}: actions are compared with each other, so it must be at least 2"
            )
        if not 0 <= self.smoothing < 0.5:
            raise ConfigError(f"smoothing={self.smoothing}: a chance of 0 to below a half")
        if self.loss_kind == "exo_pair" and not self.smoothing:
            raise ConfigError("loss_kind=exo_pair needs smoothing above 0; 0.001 is published")
        if not 0 <= self.tail <= 1:
            raise ConfigError(f"tail={self.tail}: a weight of 0 to 1")
        searched = isinstance(self.collect(), Searched)
        if self.rule in ("valued", "way_worst", "way_second", "way_random") and not searched:
            raise ConfigError(f"rule={self.rule} reads what a search found, and no tree is searched")
        if self.rule == "first_error" and searched:
            raise ConfigError("rule=first_error reads an episode and its alternatives, not a searched tree")

    def collect(self) -> Branches | Groups | Searched:
        """Return trees of restored states, or groups of episodes in pairs."""
        if self.of == "episodes":
            return Groups(self.group_size, pairs="best_worst", gap=self.margin)
        return Branches(self.width, self.points)

    def compare(self, tree: Tree) -> Sequence[Preference]:
        """Return the pairs that the rule draws from a tree."""
        return preferences(tree, self.rule, self.margin)

    def sides(self, table: TokenTable, pairs: Pairs) -> tuple[Side, Side]:
        """Return both sides, their tokens weighed and divergences added where the loss asks for it."""
        ref = table.logp_ref if "logp_ref" in self.needs else table.logp_behaviour
        kl = None
        if self.diverges:
            kl = forward_kl(table.get("logp_support"), table.get("support_ref"))
        surplus = table.logp - collision(table.get("logp_support")) if self.wpo else None
        found = []
        for own, other in ((pairs.chosen, pairs.rejected), (pairs.rejected, pairs.chosen)):
            weight = self.token_weight(table, chosen=own is pairs.chosen)
            if self.tail < 1:
                weight = weight * discounted_tail(own, other, len(table), self.tail).to(weight.dtype)
            away = None if kl is None else self.divergence_weight(table, weight) * kl
            one = side(weight * table.logp, weight * ref, own, kl=away)
            if surplus is not None:
                one = replace(one, aligned=sum_spans(surplus, own) / one.length)
            found.append(one)
        return found[0], found[1]

    def token_weight(self, table: TokenTable, *, chosen: bool) -> Tensor:
        """Return how much each token's log-ratio counts, [N]."""
        return torch.ones_like(table.logp, requires_grad=False)

    def divergence_weight(self, table: TokenTable, weight: Tensor) -> Tensor:
        """Return how much each token's divergence counts, [N]; `weight`: how much its log-ratio does."""
        return torch.ones_like(weight)

    def compared(self, chosen: Side, rejected: Side, pairs: Pairs) -> Tensor:
        """Return the loss of each pair."""
        loss = pairwise(chosen, rejected, self.loss_kind, self.knobs(pairs))
        return loss * trusted(chosen, rejected) if self.wpo else loss

    def knobs(self, pairs: Pairs) -> Knobs:
        """Return what the loss is told."""
        return Knobs(
            self.beta, self.smoothing, self.gamma, self.penalty, self.sft, self.tau, self.alpha
        )  # fmt: skip


@algo("tgdpo")
@dataclass(frozen=True, slots=True)
class TGDPO(DPO):
    """DPO whose tokens count by what an already trained policy says of them."""

    teacher: str = ""
    """folder of a policy trained by dpo from the same start"""
    guidance: float = 0.5
    """how much its log-ratio moves a token's weight; 0: plain DPO"""

    extra = "reference and teacher"
    paper = "arXiv:2506.14574"

    @property
    def needs(self) -> frozenset[str]:
        """The reference and the trained policy."""
        return frozenset({"logp_ref", "logp_teacher"}) | self.watched

    def check(self) -> None:
        """Refuse to go without the trained policy."""
        DPO.check(self)
        if self.loss_kind in ("tdpo1", "tdpo2", "simpo", "cpo", "orpo", "asft"):
            raise ConfigError(f"loss_kind={self.loss_kind}: tgdpo weighs log-ratios to the reference")
        if not self.teacher:
            raise ConfigError("algo 'tgdpo' needs algo.teacher=FOLDER, a policy trained by algo=dpo")

    def token_weight(self, table: TokenTable, *, chosen: bool) -> Tensor:
        """Return 1 +- guidance beta r, r the trained policy's log-ratio to the reference."""
        reward = table.get("logp_teacher") - table.logp_ref
        return guided(reward, beta=self.beta, alpha=self.guidance, chosen=chosen)
