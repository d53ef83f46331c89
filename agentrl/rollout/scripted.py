"""Replies from a function: a stand-in for a model in tests and dry runs."""

from array import array
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

from agentrl.types import Request, Sample, Sampling, floats32, ids32

Script = Callable[["array[int]"], Sequence[int]]
"""From a whole context to the reply's ids, end token included where the reply ends"""


class ScriptedSampler:
    """A `Sampler` whose replies are `script(context)`; what it was asked is kept in `asked`."""

    def __init__(self, script: Script, *, eos_ids: Collection[int] = (), logprob: float = 0.0) -> None:
        self.version = 0
        self.asked: list[Request] = []
        self.script = script
        self.ends = frozenset(eos_ids)
        self.logprob = logprob

    def generate(self, requests: Sequence[Request], sampling: Sampling) -> list[Sample]:
        """Return the script's replies, cut at `max_tokens`."""
        self.asked += requests
        return [self._sample(self.script(request.prompt), sampling) for request in requests]

    def _sample(self, reply: Sequence[int], sampling: Sampling) -> Sample:
        ids = ids32(reply[: sampling.max_tokens])
        ended = bool(ids) and ids[-1] in self.ends
        return Sample(ids, floats32([self.logprob] * len(ids)), "stop" if ended else "length", self.version)

    def score(
        self, requests: Sequence[Request], options: Sequence[Sequence["array[int]"]]
    ) -> list[list[float]]:
        """Return minus the number of leading tokens in which an option differs from the script's reply."""
        found: list[list[float]] = []
        for request, own in zip(requests, options, strict=True):
            reply = self.script(request.prompt)
            found.append([-float(sum(a != b for a, b in zip(option, reply, strict=False))) for option in own])
        return found

    def load_weights(self, weights: Iterable[tuple[str, Any]], version: int) -> None:
        """Take the version; a script has no weights."""
        self.version = version

    def forget(self, sessions: Sequence[int]) -> None:
        """Do nothing: nothing is cached."""

    def rest(self) -> None:
        """Do nothing: no memory is held."""

    def close(self) -> None:
        """Do nothing: nothing is held."""
