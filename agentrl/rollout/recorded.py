"""A sampler whose answers are written down as they come, so that a killed search hears them again.

Searches play many turns before anything can be learnt from, and all trees are done at about the same time: a
kill would cost all of them. What a search does follows from what the sampler answers, so its answers are all
that has to be kept; a search that hears them again goes on from the very state it was killed in.
"""

import base64
import hashlib
import json
from array import array
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from agentrl.disk import said, write_whole
from agentrl.errors import DataError
from agentrl.types import Request, Sample, Sampler, Sampling, floats32, ids32

T = TypeVar("T")


class RecordedSampler:
    """A `Sampler` that asks another one, and keeps what that said in a file, a line for each batch."""

    def __init__(self, sampler: Sampler, path: Path) -> None:
        """Read what the file holds already; a torn last line is dropped."""
        self.sampler, self.path, self.version = sampler, path, sampler.version
        self.asked = 0
        """batches that the other sampler was asked, the recorded ones left out"""
        held = path.read_bytes() if path.exists() else b""
        whole = held[: held.rfind(b"\n") + 1]
        if whole != held:
            write_whole(path, whole)
        self._lines = whole.split(b"\n")[:-1]
        self._next = 0

    def generate(self, requests: Sequence[Request], sampling: Sampling) -> list[Sample]:
        """Return one sample a request, in order.

        Errors: DataError where the file holds answers to other questions.
        """
        found = self._answered(
            (requests, sampling),
            lambda: [
                (_packed(one.ids), _packed(one.logprobs), one.stop, one.version)
                for one in self.sampler.generate(requests, sampling)
            ],
            list[tuple[str, str, str, int]],
        )
        return [
            Sample(_unpacked(ids, ids32()), _unpacked(logprobs, floats32()), stop, version)  # type: ignore[arg-type]
            for ids, logprobs, stop, version in found
        ]

    def score(
        self, requests: Sequence[Request], options: Sequence[Sequence["array[int]"]]
    ) -> list[list[float]]:
        """Return, for each request, the summed log-probability of each of its options as the next tokens.

        Errors: DataError where the file holds answers to other questions.
        """
        return self._answered(
            (requests, options), lambda: self.sampler.score(requests, options), list[list[float]]
        )

    def _answered(self, question: object, ask: Callable[[], T], kind: type[T]) -> T:
        name = hashlib.blake2b(repr(question).encode(), digest_size=12).hexdigest()
        if self._next < len(self._lines):
            line, number = self._lines[self._next], self._next + 1
            try:
                of, said_then = msgspec.convert(json.loads(line), tuple[str, Any])
                answer = msgspec.convert(said_then, kind)
            except ValueError as why:
                raise DataError(f"{self.path}, line {number}: not an answer: {why}") from why
            if of != name:
                raise DataError(
                    f"{self.path}, line {number} answers another question: it is of another run, or settings"
                    " have changed since; remove it to ask anew"
                )
            self._next += 1
            return answer
        found = ask()
        self.asked += 1
        self._keep(json.dumps([name, found]).encode() + b"\n")
        return found

    def _keep(self, line: bytes) -> None:
        with said(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab", buffering=0) as file:
                rest = memoryview(line)
                while rest:
                    rest = rest[file.write(rest) :]

    def load_weights(self, weights: Iterable[tuple[str, Any]], version: int) -> None:
        """Hand on the weights of a new version."""
        self.sampler.load_weights(weights, version)
        self.version = version

    def forget(self, sessions: Sequence[int]) -> None:
        """Drop whatever is cached for these sessions."""
        self.sampler.forget(sessions)

    def rest(self) -> None:
        """Give memory back until the next request."""
        self.sampler.rest()

    def close(self) -> None:
        """Do nothing: the other sampler is somebody else's."""


def _packed(values: "array[Any]") -> str:
    return base64.b64encode(values.tobytes()).decode("ascii")


def _unpacked(text: str, into: "array[Any]") -> "array[Any]":
    into.frombytes(base64.b64decode(text))
    return into
