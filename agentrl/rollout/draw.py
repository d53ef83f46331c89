"""How the next token is drawn: temperature, truncation, and random numbers that depend on names only."""

import hashlib
from typing import Any

import numpy as np
import torch
from torch import Tensor

from agentrl.types import Sampling


def uniforms(key: tuple[int, ...], count: int) -> "np.ndarray[Any, np.dtype[np.float64]]":
    """Return `count` numbers in [0, 1) that depend on `key` alone; a longer row begins like a shorter one.

    A hash is used, not a generator: it costs two microseconds and reads the same in every library version.
    """
    bits = np.frombuffer(hashlib.shake_256(repr(key).encode()).digest(8 * count), dtype="<u8") >> np.uint64(
        11
    )
    return bits.astype(np.float64) * 2.0**-53


def drawn(logits: Tensor, dice: Tensor, sampling: Sampling) -> tuple[Tensor, Tensor]:
    """Return the token drawn in each row and its log-probability.

    Shapes: logits [B, V], dice [B] float64 in [0, 1); both results [B].
    Edge:   temperature 0 takes the likeliest token and reports the model's own log-probability, since that
            of a rule without chance would be 0 everywhere.
    """
    own = torch.log_softmax(logits.float(), dim=-1)
    if sampling.temperature == 0:
        best = own.max(dim=-1)
        return best.indices, best.values
    used = own
    if sampling.temperature != 1:
        used = torch.log_softmax(logits.float() / sampling.temperature, dim=-1)
    if sampling.top_k > 0 or sampling.top_p < 1:
        used = torch.log_softmax(_truncated(used, sampling), dim=-1)
    sums = used.exp().cumsum(dim=-1, dtype=torch.float64)
    # Strictly below the total, so that a token of probability 0 at the end is never reached by rounding.
    points = dice.clamp(max=1 - 2.0**-50)[:, None] * sums[:, -1:]
    ids = torch.searchsorted(sums, points, right=True).clamp_(max=logits.shape[-1] - 1)
    return ids[:, 0], (used if sampling.processed else own).gather(1, ids)[:, 0]


def _truncated(logp: Tensor, sampling: Sampling) -> Tensor:
    """Return `logp` with -inf outside the `top_k` likeliest tokens, then outside the nucleus of `top_p`."""
    ordered, order = logp.sort(dim=-1, descending=True, stable=True)
    kept = torch.ones_like(ordered, dtype=torch.bool)
    if sampling.top_k > 0:
        kept[:, sampling.top_k :] = False
    if sampling.top_p < 1:
        mass = torch.where(kept, ordered.exp(), 0.0)
        before = (mass.cumsum(dim=-1) - mass) / mass.sum(dim=-1, keepdim=True)
        kept &= before < sampling.top_p
        kept[:, 0] = True
    return logp.masked_fill(~torch.zeros_like(kept).scatter(1, order, kept), float("-inf"))
