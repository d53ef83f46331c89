"""Replies from a Hugging Face model in this process: the learner's own weights, shared and not copied.

An own decode loop: contexts that are equal are read once, for as long as they are; finished ones leave the
batch, those that grow are continued from their keys and values, and each token's log-probability is kept as
it is drawn.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import numpy as np
import torch

from agentrl.errors import ConfigError, RunError, nearest
from agentrl.rollout.cache import Growing, Slab
from agentrl.rollout.draw import drawn, uniforms
from agentrl.rollout.reader import Reader, batches
from agentrl.rollout.scores import scores
from agentrl.types import Request, Sample, Sampling, floats32, ids32


class HFSampler:
    """A `Sampler` over any Hugging Face causal language model with full attention."""

    def __init__(
        self,
        model: Any,
        *,
        eos_ids: Collection[int],
        pad_id: int,
        max_batch_tokens: int = 1 << 18,
        shared: bool = False,
    ) -> None:
        """Take the module as it is.

        `max_batch_tokens` bounds the columns of keys and values held for one decoding batch; `shared` says
        that the module is the learner's own, so that its weights are always the newest.
        """
        self.version = 0
        self.shared = shared
        self.reader = Reader(model, pad_id)
        self._budget = max_batch_tokens
        self._ends = torch.tensor(sorted(eos_ids), dtype=torch.long)

    def generate(self, requests: Sequence[Request], sampling: Sampling) -> list[Sample]:
        """Return one sample a request, in order. Each depends on its prompt and key, not on the others.

        Errors: RunError where a context needs more positions than the model has.
        """
        lengths = [len(request.prompt) + sampling.max_tokens for request in requests]
        self._check_room(lengths)
        found: dict[int, Sample] = {}
        with self.reader.evaluating():
            for batch in batches(lengths, self._budget):
                found.update(zip(batch, self._decoded([requests[i] for i in batch], sampling), strict=True))
        return [found[i] for i in range(len(requests))]

    def score(self, requests: Sequence[Request], options: Sequence[Sequence[Any]]) -> list[list[float]]:
        """Return, for each request, the summed log-probability of each of its options as the next tokens.

        Errors: RunError where a context needs more positions than the model has.
        """
        lengths = [
            len(request.prompt) + max(map(len, own), default=0)
            for request, own in zip(requests, options, strict=True)
        ]
        self._check_room(lengths)
        found: dict[int, list[float]] = {}
        with self.reader.evaluating():
            for batch in batches(lengths, self._budget):
                sums = scores(self.reader, [requests[i] for i in batch], [options[i] for i in batch])
                found.update(zip(batch, sums, strict=True))
        return [found[i] for i in range(len(requests))]

    def load_weights(self, weights: Iterable[tuple[str, Any]], version: int) -> None:
        """Take the weights of a new version by name; where the module is shared none of them is read.

        Errors: ConfigError for a name that the model does not have.
        """
        if not self.shared:
            own = self.reader.model.state_dict()
            for name, tensor in weights:
                if name not in own:
                    raise ConfigError(f"the model has no weight '{name}'{nearest(name, own)}")
                own[name].copy_(tensor)
        self.version = version
        self.reader.kept.clear()

    def forget(self, sessions: Sequence[int]) -> None:
        """Drop the keys and values of these sessions."""
        for session in sessions:
            self.reader.kept.pop(session, None)

    def rest(self) -> None:
        """Keep everything: what is cached between turns is small beside the model."""

    def close(self) -> None:
        """Drop all keys and values; the module is not ours."""
        self.reader.kept.clear()

    def _check_room(self, lengths: Sequence[int]) -> None:
        limit = getattr(self.reader.model.config, "max_position_embeddings", None)
        longest = max(lengths, default=0)
        if limit is not None and longest > limit:
            raise RunError(
                f"a context of {longest} tokens (prompt and reply) does not fit the model's {limit}"
                " positions; lower rollout.max_context"
            )

    def _decoded(self, requests: Sequence[Request], sampling: Sampling) -> list[Sample]:
        """Return the samples of requests that fit into one batch."""
        most, device = sampling.max_tokens, self.reader.device
        slab, lines, logits = self.reader.read(requests, spare=most)
        contexts = Growing(slab, lines, [len(request.prompt) for request in requests], device)
        dice = torch.from_numpy(np.stack([uniforms(request.key, most) for request in requests])).to(device)
        ids = torch.zeros((len(requests), most), dtype=torch.long, device=device)
        logprobs = torch.zeros((len(requests), most), device=device)
        ends = self._ends.to(device)
        going = torch.arange(len(requests), device=device)
        places: dict[int, tuple[Slab, int]] = {}
        for step in range(most):
            row = contexts.row[going]
            token, logprobs[going, step] = drawn(logits[row], dice[going, step], sampling)
            ids[going, step] = token
            on = ~torch.isin(token, ends) if step + 1 < most else torch.zeros_like(token, dtype=torch.bool)
            over = zip(going[~on].tolist(), row[~on].tolist(), strict=True)
            places |= {number: (contexts.slab, line) for number, line in over}
            going = going[on]
            if not len(going):
                break
            read, at = contexts.grown(going, token[on], logits.shape[-1])
            logits = self.reader.forward(read, contexts.slab, at)[:, -1]
        samples = self._samples(ids.cpu(), logprobs.cpu())
        for number, (request, sample) in enumerate(zip(requests, samples, strict=True)):
            # The last token was drawn but never read: it has no keys and values.
            self.reader.keep(request, *places[number], request.prompt + sample.ids[:-1])
        return samples

    def _samples(self, ids: torch.Tensor, logprobs: torch.Tensor) -> list[Sample]:
        """Return each row up to its first end token."""
        ended = torch.isin(ids, self._ends)
        counts = torch.where(ended.any(1), ended.int().argmax(1) + 1, ids.shape[1]).tolist()
        stops = ended.any(1).tolist()
        return [
            Sample(ids32(tokens[:n]), floats32(values[:n]), "stop" if stop else "length", self.version)
            for tokens, values, n, stop in zip(ids.tolist(), logprobs.tolist(), counts, stops, strict=True)
        ]
