"""Reading contexts with a Hugging Face model: each equal prompt once, what continues a kept one in part."""

from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
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
        self.model.eval()
        try:
            with torch.inference_mode(), sharing_heads(self.model):
                yield
        finally:
            self.model.train(training)

    def read(self, requests: Sequence[Request], spare: int) -> tuple[Slab, Tensor]:
        """Return a slab of all prompts, `spare` columns wider than the longest, and next logits [B, V]."""
        alike: dict[bytes, list[int]] = {}
        grown: list[int] = []
        for number, request in enumerate(requests):
            if self._continues(request):
                grown.append(number)
            else:
                alike.setdefault(request.prompt.tobytes(), []).append(number)
        parts: list[Part] = []
        logits: list[Tensor] = []
        twins = list(alike.values())
        for batch in batches([len(requests[same[0]].prompt) for same in twins], READ_TOKENS):
            slab, last = self._fresh([requests[twins[i][0]].prompt for i in batch])
            source = [row for row, i in enumerate(batch) for _ in twins[i]]
            parts.append(Part(slab, source, [number for i in batch for number in twins[i]]))
            logits.append(last[source])
        for batch in batches([len(requests[i].prompt) for i in grown], READ_TOKENS):
            slab, last = self._extended([requests[grown[i]] for i in batch])
            parts.append(Part(slab, range(len(batch)), [grown[i] for i in batch]))
            logits.append(last)
        order = torch.tensor([number for part in parts for number in part.place])
        columns = max(len(request.prompt) for request in requests) + spare
        whole = joined(parts, len(requests), columns)
        return whole, torch.cat(logits)[torch.argsort(order).to(self.device)]

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

        Shapes: ids, at, positions [B, T]; mask [B, T, columns], True: may see.
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

    def _fresh(self, prompts: Sequence["array[int]"]) -> tuple[Slab, Tensor]:
        """Return a slab with these prompts and the logits after each [B, V]."""
        slab = Slab()
        last = torch.tensor([len(p) - 1 for p in prompts], device=self.device)
        with self._only(last):
            # No mask: a prompt never sees what lies to its right.
            logits: Tensor = self.model(
                input_ids=self.padded(prompts), past_key_values=slab, use_cache=True
            ).logits
        return slab, logits[:, 0]

    def _extended(self, requests: Sequence[Request]) -> tuple[Slab, Tensor]:
        """Return the same for prompts that continue what is kept: only their new tokens are read."""
        entries = [self.kept[r.session] for r in requests]
        known = [min(len(e.ids), len(r.prompt) - 1) for e, r in zip(entries, requests, strict=True)]
        parts: dict[int, Part] = {}
        for place, entry in enumerate(entries):
            part = parts.setdefault(id(entry.slab), Part(entry.slab, [], []))
            part.source.append(entry.row)  # type: ignore[attr-defined]
            part.place.append(place)  # type: ignore[attr-defined]
        new = [r.prompt[n:] for n, r in zip(known, requests, strict=True)]
        wide = max(map(len, new))
        # Padding is written as well, to the right of its row; the slab has room for it.
        slab = joined(list(parts.values()), len(requests), max(known) + wide)
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
