"""Reading contexts with a Hugging Face model: equal prompts once, what continues a kept one in part."""

from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

import torch
from torch import Tensor

from agentrl.errors import ConfigError
from agentrl.rollout.attention import sharing_heads
from agentrl.rollout.cache import Part, Slab, joined
from agentrl.types import Request

READ_TOKENS = 4096
"""padded tokens read in one forward pass; more gains nothing on a CPU and costs memory"""


@dataclass(frozen=True, slots=True)
class Kept:
    """What is left of a context: `ids` are the tokens whose keys and values lie in a row of a slab."""

    slab: Slab
    row: int
    ids: "array[int]"


class Reader:
    """A model and the contexts it has read; sessions are continued from their keys and values."""

    def __init__(self, model: Any, pad: int) -> None:
        _check(model)
        self.model = model
        self.pad = pad
        self.kept: dict[int, Kept] = {}
        self.tokens_read = 0
        """how many prompt tokens went through the model, padding left out"""

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        device: torch.device = self.model.device
        return device

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """Switch dropout and gradients off inside the block."""
        training = self.model.training
        if training:
            self.model.eval()
        try:
            with torch.inference_mode(), sharing_heads(self.model):
                yield
        finally:
            if training:
                self.model.train()

    def read(self, requests: Sequence[Request], spare: int) -> tuple[Slab, list[int], Tensor]:
        """Return a slab of all prompts, the row in which each request's lies, and what comes next.

        Shapes: equal prompts lie in one row, so that U rows are in use; the slab has as many as there are
                requests, each `spare` columns wider than the longest prompt; logits [U, V].
        """
        twins: dict[bytes, list[Request]] = {}
        for request in requests:
            twins.setdefault(request.prompt.tobytes(), []).append(request)
        fresh: list[Request] = []
        grown: list[Request] = []
        for same in twins.values():
            kept = [request for request in same if self._continues(request)]
            (grown if kept else fresh).append((kept or same)[0])
        lots = [(self._fresh, lot) for lot in _lots(fresh)] + [(self._extended, lot) for lot in _lots(grown)]
        rows, columns = len(requests), max(len(request.prompt) for request in requests) + spare
        if len(lots) == 1:
            read, lot = lots[0]
            slab, logits = read(lot, rows, columns)
        else:
            found = [read(lot, len(lot), columns) for read, lot in lots]
            places = iter(range(len(twins)))
            parts = [
                Part(own, range(len(lot)), list(islice(places, len(lot))))
                for (_, lot), (own, _) in zip(lots, found, strict=True)
            ]
            slab = joined(parts, rows, columns)
            logits = torch.cat([last for _, last in found])
        line = {request.prompt.tobytes(): row for row, request in enumerate(chain(*(lot for _, lot in lots)))}
        return slab, [line[request.prompt.tobytes()] for request in requests], logits

    def keep(self, request: Request, slab: Slab, row: int, ids: "array[int]") -> None:
        """Remember where the context of a session lies; nothing where the request has no session."""
        if request.session >= 0:
            self.kept[request.session] = Kept(slab, row, ids)

    def forward(
        self,
        ids: Tensor,
        slab: Slab,
        at: Tensor,
        *,
        mask: Tensor | None = None,
        positions: Tensor | None = None,
    ) -> Tensor:
        """Return the logits [B, T, V] of tokens written to columns `at`; by default each sees all before it.

        Shapes: ids, at, positions [B, T], of the slab's first B rows; mask [B, T, columns], True: may see.
        """
        end = int(at.max()) + 1
        slab.aim(at, end)
        if mask is None:
            mask = torch.arange(end, device=at.device) <= at[:, :, None]
        logits: Tensor = self.model(
            input_ids=ids,
            attention_mask=self._attention(mask[:, None]),
            past_key_values=slab,
            position_ids=at if positions is None else positions,
            use_cache=True,
        ).logits
        return logits

    def padded(self, rows: Sequence["array[int]"]) -> Tensor:
        """Return the rows as one tensor, padded on the right."""
        out = torch.full((len(rows), max(map(len, rows))), self.pad, dtype=torch.long)
        for place, ids in enumerate(rows):
            out[place, : len(ids)] = torch.frombuffer(ids, dtype=torch.int32)
        self.tokens_read += sum(map(len, rows))
        return out.to(self.device)

    def _fresh(self, requests: Sequence[Request], rows: int, columns: int) -> tuple[Slab, Tensor]:
        """Return a slab of that size that begins with these prompts, and the logits after each [U, V]."""
        slab = Slab()
        prompts = [request.prompt for request in requests]
        last = torch.tensor([len(ids) - 1 for ids in prompts], device=self.device)
        with self._only(last):
            # No mask: a prompt never sees what lies to its right.
            logits: Tensor = self.model(
                input_ids=self.padded(prompts), past_key_values=slab, use_cache=True
            ).logits
        each = range(len(prompts))
        return joined([Part(slab, each, each)], rows, columns), logits[:, 0]

    def _extended(self, requests: Sequence[Request], rows: int, columns: int) -> tuple[Slab, Tensor]:
        """Return the same for prompts that continue what is kept: only their new tokens are read."""
        entries = [self.kept[r.session] for r in requests]
        known = [min(len(e.ids), len(r.prompt) - 1) for e, r in zip(entries, requests, strict=True)]
        together: dict[int, list[int]] = {}
        for place, entry in enumerate(entries):
            together.setdefault(id(entry.slab), []).append(place)
        parts = [
            Part(entries[places[0]].slab, [entries[i].row for i in places], places)
            for places in together.values()
        ]
        new = [r.prompt[n:] for n, r in zip(known, requests, strict=True)]
        wide = max(map(len, new))
        # Padding is written as well, to the right of its row: the slab needs room for it.
        slab = joined(parts, rows, max(columns, max(known) + wide))
        at = torch.tensor(known, device=self.device)[:, None] + torch.arange(wide, device=self.device)
        with self._only(torch.tensor([len(ids) - 1 for ids in new], device=self.device)):
            logits = self.forward(self.padded(new), slab, at)
        return slab, logits[:, 0]

    def _continues(self, request: Request) -> bool:
        """Tell whether what is kept of the session is a beginning of this prompt; drop it if not."""
        entry = self.kept.get(request.session)
        if entry is None:
            return False
        if request.prompt[: len(entry.ids)] == entry.ids:
            return True
        del self.kept[request.session]
        return False

    @contextmanager
    def _only(self, last: Tensor) -> Iterator[None]:
        """Project one position of each row to the vocabulary; logits are then [B, 1, V]."""
        rows = torch.arange(len(last), device=last.device)

        def pick(_: Any, args: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
            return (args[0][rows, last][:, None], *args[1:])

        hook = self.model.get_output_embeddings().register_forward_pre_hook(pick)
        try:
            yield
        finally:
            hook.remove()

    def _attention(self, mask: Tensor) -> Tensor:
        """Return a mask (True: may see) in the form that the model's attention takes."""
        if self.model.config._attn_implementation != "eager":
            return mask
        dtype = self.model.dtype
        return torch.zeros(mask.shape, dtype=dtype, device=mask.device).masked_fill(
            ~mask, torch.finfo(dtype).min
        )


def _lots(requests: Sequence[Request]) -> Iterator[list[Request]]:
    """Yield the requests in lots of which each is read in one pass."""
    for lot in batches([len(request.prompt) for request in requests], READ_TOKENS):
        yield [requests[i] for i in lot]


def batches(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Yield indices, longest first, in lots whose padded size stays within the budget (one always fits)."""
    lot: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        if lot and lengths[lot[0]] * (len(lot) + 1) > budget:
            yield lot
            lot = []
        lot.append(index)
    if lot:
        yield lot


def _check(model: Any) -> None:
    """Raise ConfigError for models whose past is more than keys and values of every position."""
    config = model.config
    name = type(model).__name__
    kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
    if kinds != {"full_attention"}:
        raise ConfigError(
            f"rollout=hf reads models with full attention only; {name} has"
            f" {', '.join(sorted(kinds - {'full_attention'}))} layers. Use another backend"
        )
    if config._attn_implementation not in ("sdpa", "eager"):
        raise ConfigError(
            f"rollout=hf needs attention 'sdpa' or 'eager'; {name} was loaded with"
            f" '{config._attn_implementation}'"
        )
    if model.get_output_embeddings() is None:
        raise ConfigError(f"rollout=hf needs a causal language model; {name} has no output embedding")
