"""What algorithms on pairs share: sums over each side, what is logged, pairs that would do harm.

With rho the log-ratio to the reference, summed over the tokens of a side, beta rho is the reward that the
policy implies. Likelihood displacement is a chosen side whose rho falls below 0: learning the pair made the
better answer less likely, too. CHES (arXiv:2410.08847) tells beforehand which pairs are prone to it.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from agentrl.algo import Algorithm, AlgoState, Losses, above
from agentrl.batch import TokenTable
from agentrl.credit.displacement import ches
from agentrl.errors import ConfigError
from agentrl.losses.sides import Side, side
from agentrl.table import Pairs


@dataclass(frozen=True, slots=True)
class Pairwise(Algorithm):
    """Base of algorithms whose table holds pairs."""

    beta: float = 0.1
    """strength of a log-ratio: the pull to the reference, in reward units a nat [arXiv:2305.18290]"""
    ches: bool = False
    """also log CHES; keeps the hidden state of every token [CHES: arXiv:2410.08847]"""
    ches_drop: float = 0.0
    """share of pairs left out, of the highest length-normalised CHES, 0 to below 1 [arXiv:2410.08847]"""
    entangled: bool = False
    """also log how both sides' gradients lie to each other; two backward passes more [arXiv:2410.13828]"""

    coupled = True
    unit = "pair"
    extra = "reference"

    @property
    def needs(self) -> frozenset[str]:
        """The reference's log-probabilities, and hidden states where CHES is asked for."""
        return frozenset({"logp_ref"}) | self.watched

    @property
    def watched(self) -> frozenset[str]:
        """Hidden states, where CHES is asked for."""
        return frozenset({"hidden"} if self.ches or self.ches_drop else ())

    @property
    def entanglement(self) -> bool:
        """As asked for."""
        return self.entangled

    def check(self) -> None:
        """Refuse a strength of nothing and a filter that leaves nothing."""
        above(self.beta, 0, "beta")
        if not 0 <= self.ches_drop < 1:
            raise ConfigError(f"ches_drop={self.ches_drop}: a share of 0 to below 1")

    def sides(self, table: TokenTable, pairs: Pairs) -> tuple[Side, Side]:
        """Return the chosen and the rejected side of each pair."""
        ref = table.logp_ref if "logp_ref" in self.needs else table.logp_behaviour
        return side(table.logp, ref, pairs.chosen), side(table.logp, ref, pairs.rejected)

    def compared(self, chosen: Side, rejected: Side, pairs: Pairs) -> Tensor:
        """Return the loss of each pair, [P]."""
        raise NotImplementedError(f"{type(self).__name__} must define compared(chosen, rejected, pairs)")

    def loss(self, table: TokenTable, state: AlgoState) -> Losses:
        """Return the mean pair loss, a scalar."""
        pairs = table.pairs
        assert pairs is not None
        metrics: dict[str, Tensor] = {}
        if self.watched:
            pairs, metrics = self._filtered(table, pairs)
        chosen, rejected = self.sides(table, pairs)
        loss = self.compared(chosen, rejected, pairs)
        metrics |= pair_metrics(chosen, rejected, self.beta)
        return Losses(policy=(pairs.weight.to(loss.dtype) * loss).mean(), metrics=metrics)

    def _filtered(self, table: TokenTable, pairs: Pairs) -> tuple[Pairs, dict[str, Tensor]]:
        """Return the pairs least prone to displacement, and the mean scores of all."""
        hidden = table.get("hidden")
        sums = [summed(hidden, spans) for spans in (pairs.chosen, pairs.rejected)]
        means = [
            x / (spans[:, 1:] - spans[:, :1]).clamp(min=1)
            for x, spans in zip(sums, (pairs.chosen, pairs.rejected), strict=True)
        ]
        score = ches(means[0], means[1])
        metrics = {"ches": ches(sums[0], sums[1]).mean(), "ches_normalised": score.mean()}
        kept = score.argsort()[: max(1, round(len(pairs) * (1 - self.ches_drop)))].sort().values
        return pairs.take(kept), metrics


def summed(x: Tensor, spans: Tensor) -> Tensor:
    """Return the sum of the rows of each span.

    Shapes: x [N, H], spans [P, 2] int; returns [P, H].
    """
    return torch.stack([x[start:stop].sum(0) for start, stop in spans.tolist()])


def pair_metrics(chosen: Side, rejected: Side, beta: float) -> dict[str, Tensor]:
    """Return what is logged of pairs, each a scalar without gradient.

    reward_chosen, reward_rejected: implied rewards. reward_margin, reward_accuracy: by how much and how often
    the chosen one's is higher. logp_ratio_chosen, logp_ratio_rejected: drift from the reference, in nats.
    displaced: share of chosen sides that became less likely. pairs: how many.
    """
    one, other = chosen.ratio.detach(), rejected.ratio.detach()
    return {
        "reward_chosen": beta * one.mean(),
        "reward_rejected": beta * other.mean(),
        "reward_margin": beta * (one - other).mean(),
        "reward_accuracy": (one > other).float().mean(),
        "logp_ratio_chosen": one.mean(),
        "logp_ratio_rejected": other.mean(),
        "displaced": (one < 0).float().mean(),
        "pairs": torch.tensor(float(len(one))),
    }
