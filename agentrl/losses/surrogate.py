"""The clipped surrogate with its optional terms, as the online algorithms put it together."""

from dataclasses import dataclass

from torch import Tensor

from agentrl.algo import Losses
from agentrl.batch import TokenTable
from agentrl.losses.kl import kl as divergence
from agentrl.losses.policy import clip_metrics, clipped


@dataclass(frozen=True, slots=True)
class Terms:
    """What is added to a policy loss: weight * divergence from the reference - entropy * H, a token."""

    kl: float
    kind: str
    """of the estimate, a name of losses/kl.py"""
    entropy: float

    def __call__(self, table: TokenTable, losses: Losses) -> Losses:
        """Return the losses with the terms added to the policy's, and what they came to."""
        loss, metrics = losses.policy, dict(losses.metrics)
        assert loss is not None
        if "logp_ref" in table.columns:
            penalty = divergence(table.logp, table.logp_ref, self.kind)
            metrics["kl_reference"] = penalty.detach()
            loss = loss + self.kl * penalty if self.kl else loss
        if self.entropy:
            loss = loss - self.entropy * table.entropy
            metrics["entropy"] = table.entropy.detach()
        return Losses(policy=loss, critic=losses.critic, metrics=metrics)


def clipped_surrogate(
    table: TokenTable, credit: Tensor, *, clip_low: float, clip_high: float, dual: float | None
) -> Losses:
    """Return the clipped surrogate [N] for a credit of each token, and what clipping did."""
    columns = table.logp, table.logp_old, credit
    loss = clipped(*columns, clip_low=clip_low, clip_high=clip_high, dual=dual)
    return Losses(loss, metrics=clip_metrics(*columns, clip_low=clip_low, clip_high=clip_high, dual=dual))
