"""The public functions that golden files run through, one of them made to answer wrongly on request."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor


class Public:
    """Hands out public functions by name, remembers which were asked for, and breaks at most one of them."""

    def __init__(self, functions: Mapping[str, Callable[..., Any]], broken: str | None = None) -> None:
        self._functions, self._broken = functions, broken
        self.used: set[str] = set()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        function = self._functions[name]
        self.used.add(name)
        return function if name != self._broken else lambda *a, **k: wrong(function(*a, **k))


def wrong(answer: Any) -> Any:
    """Return the answer multiplied by 1.01, or something else of its type where it is not a number."""
    if isinstance(answer, Tensor):
        return _wrong_tensor(answer)
    if answer is None:
        return "?"
    if isinstance(answer, bool):
        return not answer
    if isinstance(answer, int | float):
        return answer * 1.01
    if isinstance(answer, str):
        return answer + "?"
    if isinstance(answer, dict):
        return {key: wrong(x) for key, x in answer.items()} or {"?": "?"}
    if isinstance(answer, list | tuple | set | frozenset):
        return type(answer)([wrong(x) for x in answer] or ["?"])
    if dataclasses.is_dataclass(answer) and not isinstance(answer, type):
        changed = {f.name: wrong(getattr(answer, f.name)) for f in dataclasses.fields(answer) if f.init}
        return dataclasses.replace(answer, **changed)
    raise TypeError(f"no wrong answer is known for a {type(answer).__name__}")


def _wrong_tensor(answer: Tensor) -> Tensor:
    if answer.is_floating_point():
        return answer * 1.01
    if answer.dtype == torch.bool:
        return ~answer
    return answer // 2  # integers are codes: joining neighbours changes the partition, scaling would not
