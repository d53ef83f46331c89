"""The space of all texts, for Gymnasium: any character, and memory that processes share."""

import multiprocessing
import string
from collections.abc import Sequence
from copy import copy
from ctypes import c_char
from typing import Any

from gymnasium.spaces import Text
from gymnasium.vector.utils import create_shared_memory, read_from_shared_memory, write_to_shared_memory

from agentrl.errors import EpisodeError

SHARED, HEAD = 1 << 18, 4
"""bytes that an observation in shared memory may have, and those before it that say how many it has"""


class AnyText(Text):
    """Every text; samples are short and of small letters.

    Gymnasium's own space of texts holds the characters of a set that must be listed, for every space anew.
    """

    def __init__(self) -> None:
        super().__init__(min_length=0, max_length=80, charset=string.ascii_lowercase + " ")

    def contains(self, x: Any) -> bool:
        """Tell whether x is a text, of whatever characters and length."""
        return isinstance(x, str)


def texts() -> AnyText:
    """Return a space of all texts. A copy: to list the letters takes as long as to make an environment."""
    return copy(_TEXTS)


_TEXTS = AnyText()


@create_shared_memory.register(AnyText)
def _shared(space: AnyText, n: int = 1, ctx: Any = None) -> Any:
    """Return memory for n texts."""
    return (ctx or multiprocessing).RawArray(c_char, n * (HEAD + SHARED))


@write_to_shared_memory.register(AnyText)
def _write(space: AnyText, index: int, value: str, shared_memory: Any) -> None:
    data = value.encode("utf-8", "surrogatepass")
    if len(data) > SHARED:
        raise EpisodeError(
            f"an observation of {len(data)} bytes: at most {SHARED} go through shared memory; make the vector"
            " with shared_memory=False"
        )
    start = index * (HEAD + SHARED)
    shared_memory[start : start + HEAD + len(data)] = len(data).to_bytes(HEAD, "big") + data


@read_from_shared_memory.register(AnyText)
def _read(space: AnyText, shared_memory: Any, n: int = 1) -> Sequence[str]:
    return _Texts(shared_memory, n)


class _Texts(Sequence[str]):
    """The texts that stand in shared memory now: a vector reads once, and expects to see what comes later."""

    def __init__(self, memory: Any, count: int) -> None:
        self._memory, self._count = memory, count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return tuple(self)[index]
        start = range(self._count)[index] * (HEAD + SHARED) + HEAD
        size = int.from_bytes(self._memory[start - HEAD : start], "big")
        return bytes(self._memory[start : start + size]).decode("utf-8", "surrogatepass")

    def __deepcopy__(self, memo: Any) -> tuple[str, ...]:
        return tuple(self)
