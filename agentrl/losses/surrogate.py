"""The clipped surrogate with its optional terms, as the online algorithms put it together."""

from dataclasses import dataclass

from agentrl.algo import Losses
from agentrl.batch import TokenTable
from agentrl.losses.kl import kl as divergence
from agentrl.losses.policy import clip_metrics, clipped


@dataclass(frozen=True, slots=True)
class Surrogate:
    """Clipped surrogate + kl * k3 - entropy * H, a token."""

    clip_low: float
    clip_high: float
    dual_clip: float
    kl: float
    entropy: float

    @property
    def columns(self) -> frozenset[str]:
        """Names of the columns read: the reference only where it is asked for, the entropy likewise."""
        return frozenset(
            {"logp_old"} | ({"logp_ref"} if self.kl else set()) | ({"entropy"} if self.entropy else set())
        )

    def __call__(self, table: TokenTable) -> Losses:
        """Return the loss [N] of the policy, and its metrics."""
        clip = {"clip_low": self.clip_low, "clip_high": self.clip_high, "dual": self.dual_clip}
        loss = clipped(table.logp, table.logp_old, table.credit, **clip)
        metrics = dict(clip_metrics(table.logp, table.logp_old, table.credit, **clip))
        if self.kl:
            penalty = divergence(table.logp, table.logp_ref, "k3")
            loss = loss + self.kl * penalty
            metrics["kl_reference"] = penalty.detach()
        if self.entropy:
            loss = loss - self.entropy * table.entropy
            metrics["entropy"] = table.entropy.detach()
        return Losses(policy=loss, metrics=metrics)
