"""Keys and values of a batch of contexts, without holes: column j of a row always holds its position j.

Rows of different length lie left-aligned in one slab, and each new token is written at its own row's next
column. So positions are columns, padding is whatever lies to the right, and rows can be taken out, joined
and continued in any order.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import Cache


class Slab(Cache):  # type: ignore[misc]
    """A cache that Hugging Face models write to; `at` says where the next tokens of each row go."""

    def __init__(self, keys: list[Tensor] | None = None, values: list[Tensor] | None = None) -> None:
        super().__init__(layers=[])
        self.keys: list[Tensor] = keys or []
        """a tensor a layer, [B, heads, columns, width]"""
        self.values: list[Tensor] = values or []
        self._rows: Tensor | None = None
        self._at: Tensor | None = None
        self._end = 0

    def aim(self, at: Tensor, end: int) -> None:
        """Say that the next tokens of the first B rows go to columns `at` [B, T]; `end` and on are unused."""
        self._rows = torch.arange(at.shape[0], device=at.device)[:, None]
        self._at, self._end = at, end

    def update(self, keys: Tensor, values: Tensor, layer: int, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        """Take a layer's new keys and values; return all it may attend to. (Called by the model.)"""
        if self._at is None:  # the first tokens of every row: kept as they come
            self.keys.append(keys)
            self.values.append(values)
            return keys, values
        self.keys[layer][self._rows, :, self._at] = keys.transpose(1, 2)
        self.values[layer][self._rows, :, self._at] = values.transpose(1, 2)
        used = slice(len(self._at)), slice(None), slice(self._end)
        return self.keys[layer][used], self.values[layer][used]

    def get_seq_length(self, layer_idx: int = 0) -> int:
        """Return 0: positions are always given."""
        return 0

    def get_query_offset(self, layer_idx: int = 0) -> int:
        """Return 0: masks are given wherever something lies before."""
        return 0

    def get_mask_sizes(self, query_length: int, layer_idx: int = 0) -> tuple[int, int]:
        """Return the number of columns attended to, and the first."""
        return (query_length if self._at is None else self._end), 0


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of one slab and their places in another."""

    slab: Slab
    source: Sequence[int]
    place: Sequence[int]


def joined(parts: Sequence[Part], rows: int, columns: int) -> Slab:
    """Return a slab of `rows` x `columns` into which the parts were copied."""

    def lay(tensors: Sequence[Sequence[Tensor]], layer: int) -> Tensor:
        first = tensors[0][layer]
        # zeros, not empty: masked columns are multiplied by 0, and 0 times garbage may be nan
        whole = first.new_zeros((rows, first.shape[1], columns, first.shape[3]))
        for part, own in zip(parts, tensors, strict=True):
            index = torch.as_tensor(part.source, device=first.device)
            width = min(columns, own[layer].shape[2])
            whole[torch.as_tensor(part.place, device=first.device), :, :width] = own[layer][index, :, :width]
        return whole

    layers = range(len(parts[0].slab.keys))
    keys, values = [part.slab.keys for part in parts], [part.slab.values for part in parts]
    return Slab([lay(keys, layer) for layer in layers], [lay(values, layer) for layer in layers])


class Growing:
    """Contexts that grow a token at a time; those that are equal so far share a row of a slab.

    A slab with a row for each context always has room: there are never more different ones.
    """

    def __init__(
        self, slab: Slab, lines: Sequence[int], lengths: Sequence[int], device: torch.device
    ) -> None:
        """Take a slab, and the row and length of each context."""
        self.slab = slab
        self.row = torch.tensor(lines, device=device)
        """of each context, [B]"""
        used = dict(zip(lines, lengths, strict=True))
        self.lengths = torch.tensor([used[line] for line in range(len(used))], device=device)
        """how many tokens lie in each row in use, [U]"""

    def grown(self, going: Tensor, token: Tensor, kinds: int) -> tuple[Tensor, Tensor]:
        """Give each of the contexts `going` [A] a token [A]; return ids and columns to be read, [U, 1] each.

        Contexts of one row that got different tokens part. Once most rows would only be carried along, those
        that go on move to a slab of their own. `kinds`: how many different tokens there are.
        """
        states, which = torch.unique(self.row[going] * kinds + token, return_inverse=True)
        parent = states // kinds
        if 2 * len(states) <= len(self.lengths):
            place = torch.arange(len(states), device=states.device)
            part = Part(self.slab, parent.tolist(), range(len(states)))
            self.slab = joined([part], len(going), self.slab.keys[0].shape[2])
            self.lengths = self.lengths[parent]
        else:
            place = self._parted(parent)
        self.row[going] = place[which]
        ids = torch.zeros_like(self.lengths)
        ids[place] = states % kinds
        at = self.lengths[:, None]
        self.lengths = self.lengths + 1
        return ids[:, None], at

    def _parted(self, parent: Tensor) -> Tensor:
        """Return a row for each context that grows out of a row (ascending): its own, or a copy."""
        again = torch.zeros_like(parent, dtype=torch.bool)
        again[1:] = parent[1:] == parent[:-1]
        source, used = parent[again], len(self.lengths)
        if not len(source):
            return parent
        place = parent.clone()
        place[again] = torch.arange(used, used + len(source), device=parent.device)
        width = int(self.lengths.max())
        for tensor in (*self.slab.keys, *self.slab.values):
            tensor[used : used + len(source), :, :width] = tensor[source, :, :width]
        self.lengths = torch.cat([self.lengths, self.lengths[source]])
        return place
