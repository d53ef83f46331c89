"""The two sides of a pair, as sums over the tokens that count."""

from dataclasses import dataclass

import torch
from torch import Tensor

from agentrl.errors import ShapeError
from agentrl.shapes import expect


@dataclass(frozen=True, slots=True)
class Side:
    """One side of every pair."""

    logp: Tensor
    """[P] sum of the log-probabilities under the policy"""
    ref: Tensor
    """[P] the same under the reference"""
    length: Tensor
    """[P] how many tokens, at least 1"""
    kl: Tensor | None = None
    """[P] sum of the divergences of the reference from the policy, for losses that read the distribution"""
    aligned: Tensor | None = None
    """[P] mean log-probability a token, less what sampling from the policy would give, for `wpo`"""

    @property
    def ratio(self) -> Tensor:
        """[P] log-ratio to the reference, in nats."""
        return self.logp - self.ref

    @property
    def mean(self) -> Tensor:
        """[P] log-probability a token, in nats."""
        return self.logp / self.length

    def mean_ratio(self, power: float = 1.0) -> Tensor:
        """Return the log-ratio over length^power, [P]; 1 is a mean over tokens, 0 the sum."""
        return self.ratio / self.length.to(self.logp.dtype) ** power


def side(logp: Tensor, ref: Tensor, spans: Tensor, *, kl: Tensor | None = None) -> Side:
    """Return one side of every pair from token columns.

    Shapes: logp, ref, kl [N] float, spans [P, 2] int; see `sum_spans`.
    Edge:   nothing flows back through `ref`; an empty span counts one token, so that means are 0.
    """
    length = (spans[:, 1] - spans[:, 0]).clamp(min=1)
    divergence = None if kl is None else sum_spans(kl, spans)
    return Side(sum_spans(logp, spans), sum_spans(ref.detach(), spans), length, divergence)


def sum_spans(x: Tensor, spans: Tensor) -> Tensor:
    """Return the sum of `x` over each span of tokens.

    Shapes: x [N] float, spans [P, 2] int (first token, one past the last); returns [P].
    Edge:   spans may overlap; an empty one gives 0; only tokens inside a span are read. Added up in float64.
    Errors: ShapeError where a span leaves the table or runs backwards.
    """
    expect("N", x=x)
    expect("P two", spans=spans)
    if spans.shape[1] != 2:
        raise ShapeError(f"spans has shape {list(spans.shape)}; expected [P, 2]")
    start, stop = spans.unbind(1)
    bad = ((start < 0) | (stop < start) | (stop > len(x))).nonzero()
    if len(bad):
        number = int(bad[0])
        raise ShapeError(
            f"span {number} is {spans[number].tolist()}, outside the {len(x)} tokens or backwards"
        )
    length = stop - start
    owner = torch.repeat_interleave(torch.arange(len(spans), device=x.device), length)
    before = length.cumsum(0) - length
    token = torch.arange(len(owner), device=x.device) + (start - before)[owner]
    total = torch.zeros(len(spans), dtype=torch.float64, device=x.device)
    return total.index_add(0, owner, x[token].double()).to(x.dtype)


def discounted_tail(spans: Tensor, other: Tensor, count: int, share: float) -> Tensor:
    """Return a weight a token: 1, and `share` past the length that both sides of a pair have.

    Source: LD-DPO (arXiv:2409.06411), which lets the longer answer's tail count less.
    Shapes: spans, other [P, 2] int: a side and its opponent; returns [count].
    Units:  `share` from 0 (the tail does not count) to 1 (plain DPO).
    Edge:   a token of several spans takes the weight of the last one.
    """
    expect("P two", spans=spans, other=other)
    weight = torch.ones(count, dtype=torch.float64)
    length, rival = spans[:, 1] - spans[:, 0], other[:, 1] - other[:, 0]
    for start, stop, shared in zip(
        spans[:, 0].tolist(), spans[:, 1].tolist(), torch.minimum(length, rival).tolist(), strict=True
    ):
        weight[start + shared : stop] = share
    return weight
