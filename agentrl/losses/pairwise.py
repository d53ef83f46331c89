"""Losses on pairs of a preferred and a rejected answer."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import softplus

from agentrl.errors import ConfigError, ShapeError, nearest
from agentrl.shapes import expect

KINDS: dict[str, Callable[[Tensor, Tensor, float], Tensor]] = {
    "dpo": lambda chosen, rejected, beta: softplus(-beta * (chosen - rejected)),
    "ipo_sum": lambda chosen, rejected, beta: (chosen - rejected - 0.5 / beta) ** 2,
}
"""From the two log ratios and beta to a loss a pair; one line each.

dpo: arXiv:2305.18290. ipo_sum: IPO on sums over the answer (length-averaged in some implementations).
"""


def pairwise(chosen: Tensor, rejected: Tensor, kind: str = "dpo", *, beta: float) -> Tensor:
    """Return the loss of each pair from the log ratios of its sides, each summed over the tokens that count.

    dpo: -log sigmoid(beta * (chosen - rejected)); ipo_sum: (chosen - rejected - 1 / (2 beta))^2.

    Source: DPO (arXiv:2305.18290).
    Shapes: chosen, rejected [P]: sum of logp - ref over each answer; returns [P].
    Units:  log ratios in nats.
    Errors: ConfigError for an unknown kind or beta <= 0.
    """
    expect("P", chosen=chosen, rejected=rejected)
    if kind not in KINDS:
        raise ConfigError(f"pair loss {kind!r} is not one of {', '.join(KINDS)}{nearest(kind, KINDS)}")
    if beta <= 0:
        raise ConfigError(f"beta={beta}: must be above 0")
    return KINDS[kind](chosen, rejected, beta)


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
