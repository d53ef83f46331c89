"""How likely given continuations are: a prompt's options side by side in one row, blind to one another."""

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from agentrl.rollout.cache import Part, joined
from agentrl.rollout.reader import READ_TOKENS, Reader, batches
from agentrl.types import Request

LOGITS = 1 << 26
"""most logits held at once: 256 MiB of float32"""


@dataclass(frozen=True, slots=True)
class _Row:
    """Some options of one prompt."""

    place: int
    """of the prompt in its batch"""
    options: Sequence[tuple[int, "array[int]"]]


def scores(
    reader: Reader, requests: Sequence[Request], options: Sequence[Sequence["array[int]"]]
) -> list[list[float]]:
    """Return, for each request, the summed log-probability of each of its options as the next tokens.

    Edge: an option without tokens is certain: 0.
    """
    slab, lines, logits = reader.read(requests, spare=0)
    for line, request in zip(lines, requests, strict=True):
        reader.keep(request, slab, line, request.prompt)
    sums = [[0.0] * len(own) for own in options]
    first = torch.log_softmax(logits.float(), dim=-1)
    for place, own in enumerate(options):
        begun = [(number, ids[0]) for number, ids in enumerate(own) if ids]
        values = first[lines[place], [token for _, token in begun]].tolist()
        for (number, _), value in zip(begun, values, strict=True):
            sums[place][number] = value
    limit = max(1, min(READ_TOKENS, LOGITS // logits.shape[-1]))
    rows = [row for place, own in enumerate(options) for row in _rows(place, own, limit)]
    lengths = [sum(len(ids) - 1 for _, ids in row.options) for row in rows]
    for batch in batches(lengths, limit):
        lot = [rows[i] for i in batch]
        later = _later(reader, lot, requests, Part(slab, [lines[row.place] for row in lot], range(len(lot))))
        for row, values in zip(lot, later, strict=True):
            for (number, _), value in zip(row.options, values, strict=True):
                sums[row.place][number] += value
    return sums


def _rows(place: int, options: Sequence["array[int]"], limit: int) -> Iterator[_Row]:
    """Yield the options of a prompt that have a second token, in rows of about `limit` tokens."""
    held: list[tuple[int, array[int]]] = []
    size = 0
    for number, ids in enumerate(options):
        if len(ids) < 2:
            continue
        if held and size + len(ids) - 1 > limit:
            yield _Row(place, held)
            held, size = [], 0
        held.append((number, ids))
        size += len(ids) - 1
    if held:
        yield _Row(place, held)


def _later(
    reader: Reader, rows: Sequence[_Row], requests: Sequence[Request], prompts: Part
) -> list[list[float]]:
    """Return the summed log-probability of the second to last token of every option of every row.

    `prompts`: the keys and values of each row's prompt.
    """
    device = reader.device
    wide = max(sum(len(ids) - 1 for _, ids in row.options) for row in rows)
    read, wanted = (torch.zeros((len(rows), wide), dtype=torch.long) for _ in range(2))
    owner = torch.full((len(rows), wide), -1)
    offset = torch.zeros((len(rows), wide), dtype=torch.long)
    for line, row in enumerate(rows):
        column = 0
        for number, (_, ids) in enumerate(row.options):
            span = slice(column, column + len(ids) - 1)
            tokens = torch.tensor(ids)
            read[line, span], wanted[line, span] = tokens[:-1], tokens[1:]
            owner[line, span], offset[line, span] = number, torch.arange(len(ids) - 1)
            column = span.stop
    lengths = torch.tensor([len(requests[row.place].prompt) for row in rows])
    copy = joined([prompts], len(rows), int(lengths.max()) + wide)
    at = lengths[:, None] + torch.arange(wide)
    logits = reader.forward(
        read.to(device),
        copy,
        at.to(device),
        mask=_apart(lengths, owner).to(device),
        positions=(lengths[:, None] + offset).to(device),
    ).float()
    logp = logits.gather(-1, wanted.to(device)[..., None])[..., 0] - logits.logsumexp(-1)
    found = torch.zeros((len(rows), int(owner.max()) + 2), dtype=torch.float64)
    found.scatter_add_(1, owner + 1, logp.double().cpu())  # column 0 collects the padding
    return [found[line, 1 : len(row.options) + 1].tolist() for line, row in enumerate(rows)]


def _apart(lengths: Tensor, owner: Tensor) -> Tensor:
    """Return what each option token may see [B, T, columns]: the prompt, and its own option up to itself."""
    wide = owner.shape[1]
    column = torch.arange(int(lengths.max()) + wide) - lengths[:, None]
    inside = owner.gather(1, column.clamp(0, wide - 1))
    earlier = column[:, None] <= torch.arange(wide)[None, :, None]
    return (column < 0)[:, None] | ((column >= 0)[:, None] & earlier & (inside[:, None] == owner[..., None]))
