"""The contract of a verifier: a submission and a task in, a verdict out.

A plain function `f(answer, task)` that returns a number (or a verdict) is a verifier too (`as_verifier`).
Verdicts of several are joined by `Weighted`, `All` and `Any`, or by `&` between two. A status other than ok
says that nothing is known about the answer: callers count it and leave the sample out; it is no silent 0.
"""

import math
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import Any as Anything
from typing import Literal, Protocol, runtime_checkable

from agentrl.errors import ConfigError
from agentrl.types import Task

Status = Literal["ok", "timeout", "error"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a verifier found."""

    score: float
    """inside the verifier's range; means nothing where the status is not ok"""
    status: Status = "ok"
    reason: str = ""
    parts: Mapping[str, float] = field(default_factory=dict[str, float])
    """scores that the score is made of, by name"""
    steps: tuple[float, ...] = ()
    """score of each step, where steps are judged"""
    seconds: float = 0.0

    @property
    def known(self) -> bool:
        """The score says something about the answer."""
        return self.status == "ok"


Judge = Callable[[str, Task], float | Verdict]
"""a plain function that judges an answer"""


@dataclass(frozen=True, slots=True)
class Submission:
    """What is judged."""

    answer: str
    messages: tuple[Mapping[str, Anything], ...] = ()
    """the conversation, oldest first"""
    calls: tuple[Mapping[str, Anything], ...] = ()
    """tool calls made"""
    final_state: Anything = None
    """state the world was left in"""


@dataclass(frozen=True, slots=True)
class Pair:
    """An answer to a task that must pass or must fail: the verifier's own test."""

    answer: str
    data: Mapping[str, Anything]
    """of the task"""
    passes: bool


@runtime_checkable
class Verifier(Protocol):
    """A pure function of submission and task, with a declared range."""

    @property
    def name(self) -> str:
        """How it is called in parts and messages."""
        ...

    @property
    def low(self) -> float:
        """Least score."""
        ...

    @property
    def high(self) -> float:
        """Best score: the answer passes."""
        ...

    @property
    def pairs(self) -> Sequence[Pair]:
        """Answers that must pass and must fail."""
        ...

    def verify(self, submission: Submission, task: Task) -> Verdict:
        """Return the verdict. Whatever the answer is, it does not raise."""
        ...


class _Joinable:
    """Gives `&` to verifiers."""

    __slots__ = ()

    def __and__(self, other: "Verifier | Judge") -> "All":
        return All(self, other)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class FunctionVerifier(_Joinable):
    """A plain function of answer and task as a verifier."""

    function: Judge
    name: str
    low: float = 0.0
    high: float = 1.0
    pairs: Sequence[Pair] = ()

    def __reduce__(self) -> tuple[Anything, ...]:
        """Pickle a decorated function by its name, which now means this verifier; others by their parts."""
        function = self.function
        module, name = getattr(function, "__module__", ""), getattr(function, "__qualname__", "")
        if getattr(sys.modules.get(module), name, None) is self:
            return _named, (module, name)
        return FunctionVerifier, (function, self.name, self.low, self.high, self.pairs)

    def __call__(self, answer: str, task: Task) -> float | Verdict:
        """Return what the function does."""
        return self.function(answer, task)

    def verify(self, submission: Submission, task: Task) -> Verdict:
        """Return the function's verdict, or its number as one.

        Edge: an exception, or a score that is no number or out of range, is a verdict of status `error`.
        """
        begun = time.perf_counter()
        try:
            found = self.function(submission.answer, task)
            verdict = found if isinstance(found, Verdict) else Verdict(float(found))
        except Exception as why:  # the verifier is at fault, and says so; the answer is not to pay for it
            verdict = Verdict(0.0, "error", f"{type(why).__name__}: {why}")
        if verdict.known and not self.low <= verdict.score <= self.high:
            reason = f"score {verdict.score:g} is outside [{self.low:g}, {self.high:g}]"
            verdict = Verdict(0.0, "error", reason)
        return replace(verdict, seconds=time.perf_counter() - begun)


def _named(module: str, name: str) -> Anything:
    """Return what a module holds under a name."""
    return getattr(import_module(module), name)


def as_verifier(judge: "Verifier | Judge", name: str = "") -> Verifier:
    """Return a verifier for a verifier, a class of one, or a plain function.

    Errors: ConfigError for anything else.
    """
    if isinstance(judge, type):
        judge = judge()
    if callable(getattr(judge, "verify", None)):
        missing = [a for a in ("name", "low", "high", "pairs") if not hasattr(judge, a)]
        if missing:
            raise ConfigError(f"verifier {type(judge).__name__} does not declare {', '.join(missing)}")
        return judge  # type: ignore[return-value]
    if not callable(judge):
        raise ConfigError(f"{judge!r} is no verifier: it is no function and has no verify(submission, task)")
    called = name or getattr(judge, "__name__", type(judge).__name__)
    return FunctionVerifier(judge, called)


class _Joined(_Joinable):
    """Several verifiers asked the same."""

    __slots__ = ("high", "low", "members", "name", "pairs")

    def __init__(self, *members: Verifier | Judge) -> None:
        if not members:
            raise ConfigError(f"{type(self).__name__} needs at least one verifier")
        self.members = tuple(as_verifier(member) for member in members)
        self.name = f"{type(self).__name__}({', '.join(member.name for member in self.members)})"
        self.low, self.high = 0.0, 1.0
        self.pairs: Sequence[Pair] = ()

    def verify(self, submission: Submission, task: Task) -> Verdict:
        """Return the joined verdict; a member whose status is not ok decides the status."""
        verdicts = [member.verify(submission, task) for member in self.members]
        # Two members may have one name; the number keeps both parts.
        labels = [member.name for member in self.members]
        labels = [f"{label}#{i}" if labels.count(label) > 1 else label for i, label in enumerate(labels, 1)]
        parts = {label: verdict.score for label, verdict in zip(labels, verdicts, strict=True)}
        seconds = math.fsum(verdict.seconds for verdict in verdicts)
        for label, verdict in zip(labels, verdicts, strict=True):
            if not verdict.known:
                return Verdict(0.0, verdict.status, f"{label}: {verdict.reason}", parts, seconds=seconds)
        reason = "; ".join(
            f"{label}: {v.reason}" for label, v in zip(labels, verdicts, strict=True) if v.reason
        )
        return Verdict(
            self.join([verdict.score for verdict in verdicts]), "ok", reason, parts, seconds=seconds
        )

    def join(self, scores: Sequence[float]) -> float:
        """Return one score for those of the members."""
        raise NotImplementedError

    def _shares(self, scores: Sequence[float]) -> list[float]:
        """Return the scores, each from 0 (its member's least) to 1 (its best)."""
        return [
            (score - member.low) / (member.high - member.low)
            for score, member in zip(scores, self.members, strict=True)
        ]


class All(_Joined):
    """As good as its worst member, 0 to 1."""

    __slots__ = ()

    def join(self, scores: Sequence[float]) -> float:
        """Return the least."""
        return min(self._shares(scores))


class Any(_Joined):
    """As good as its best member, 0 to 1."""

    __slots__ = ()

    def join(self, scores: Sequence[float]) -> float:
        """Return the greatest."""
        return max(self._shares(scores))


class Weighted(_Joined):
    """Weighted sum of its members, 0 to 1: weights are shares of their sum."""

    __slots__ = ("weights",)

    def __init__(self, *weighted: tuple[Verifier | Judge, float]) -> None:
        super().__init__(*(member for member, _ in weighted))
        total = math.fsum(weight for _, weight in weighted)
        if not (all(weight >= 0 for _, weight in weighted) and 0 < total < math.inf):
            raise ConfigError(f"{self.name}: weights must be 0 or more and not all 0")
        self.weights = tuple(weight / total for _, weight in weighted)

    def join(self, scores: Sequence[float]) -> float:
        """Return the weighted mean."""
        shares = self._shares(scores)
        return min(1.0, math.fsum(w * s for w, s in zip(self.weights, shares, strict=True)))
