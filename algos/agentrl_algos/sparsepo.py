"""SparsePO (arXiv:2410.05102): TDPO whose tokens count by masks.

    loss = softplus(-beta (u - d)),   u = sum of m_u (logp - logp_ref),   d = minus the sum of m_d KL

chosen minus rejected each, KL the reference's divergence from the policy at a token. Masks of ones make it
tdpo1, no mask on the divergence (m_d = 0) then DPO. The masks here are those without parameters, from what
the reference makes of a token. Not here are the published ones that are learned beside the policy (of each
layer of the reference LayerNorm, Linear, ReLU and dropout 0.1, mixed by a Linear without bias and a ReLU; one
for both or two) with their price, lam_u |m_u| + lam_d |m_d|: masks that are fixed have nothing to pay for.
"""

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from agentrl.batch import TokenTable
from agentrl.credit.masks import rescaled_by
from agentrl.errors import ConfigError
from agentrl.registry import algo
from agentrl_algos.dpo import DPO, PairLoss


@algo("sparsepo")
@dataclass(frozen=True, slots=True)
class SparsePO(DPO):
    """Compare actions by the tokens that the reference is moved by."""

    beta: float = 0.1
    """strength of a log-ratio (published: 0.1 and 0.8, by task)"""
    loss_kind: PairLoss = "tdpo1"
    """tdpo1: sparsepo is a form of it"""
    mask: Literal["activation", "ones"] = "activation"
    """activation: the reference's mean activation over all layers, 0 to 1 in each turn; ones: tdpo1"""
    mask_kl: Literal["same", "ones", "none"] = "same"
    """of the divergences: the same mask, ones, or none of them [ones and none: ours]"""

    paper = "arXiv:2410.05102"

    @property
    def needs(self) -> frozenset[str]:
        """DPO's, and the reference's activations where they are the mask."""
        masks = {"activation_ref"} if self.mask == "activation" else set()
        return frozenset({"logp_ref", "support_ref", "logp_support"} | masks) | self.watched

    def check(self) -> None:
        """Refuse another loss."""
        DPO.check(self)
        if self.loss_kind != "tdpo1":
            raise ConfigError(
                f"loss_kind={self.loss_kind}: sparsepo is a form of tdpo1; use algo=dpo for others"
            )

    def token_weight(self, table: TokenTable, *, chosen: bool) -> Tensor:
        """Return the mask of log-ratios."""
        if self.mask == "ones":
            return DPO.token_weight(self, table, chosen=chosen)
        return rescaled_by(table.get("activation_ref"), table.turn)

    def divergence_weight(self, table: TokenTable, weight: Tensor) -> Tensor:
        """Return the mask of divergences."""
        if self.mask_kl == "same":
            return weight
        return DPO.divergence_weight(self, table, weight) * float(self.mask_kl == "ones")
