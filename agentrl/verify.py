"""The contract of a verifier: a submission and a task in, a verdict out.

A plain function of a reply and of `task`, or of fields of its data by name, is one too (`as_verifier`).
Verdicts of several are joined by `Weighted`, `All` and `Any`, or by `&` between two. One that takes the
answer out of its wrapping (`Format`) hands it on to those after it. A status other than ok says that nothing
is known about the answer: callers count it and leave the sample out; it is no silent 0.
"""

import math
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import Any as Anything
from typing import ClassVar, Literal, Protocol, runtime_checkable

from agentrl.errors import ConfigError
from agentrl.judges import asked, check_judge, made
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
    content: str | None = None
    """what of the answer the next verifier of a chain judges; None: the same; empty: there is nothing left"""

    @property
    def known(self) -> bool:
        """The score says something about the answer."""
        return self.status == "ok"


Judge = Callable[..., float | Verdict]
"""a plain function that judges an answer: see `agentrl.judges.asked` for what it is given"""


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


class Joinable:
    """Gives `&` to verifiers: a chain, whose members judge what the ones before them hand on."""

    __slots__ = ()

    def __and__(self, other: "Verifier | Judge") -> "All":
        return All(*_chain(self), *_chain(other))

    def __rand__(self, other: "Verifier | Judge") -> "All":
        return All(*_chain(other), *_chain(self))


def _chain(judge: Anything) -> "tuple[Verifier | Judge, ...]":
    """Return the members of a chain, so that a & b & c is one of three; of anything else, itself."""
    return judge.members if type(judge) is All else (judge,)


def verdict_of(verifier: "Verifier", submission: Submission, task: Task) -> Verdict:
    """Return what a verifier finds, and status `error` where it breaks its promises.

    Edge: an exception, or a score that is no number or out of range, is the verifier's fault: the answer is
          not to pay for it.
    """
    return _sure(lambda: verifier.verify(submission, task), verifier.low, verifier.high)


def _sure(ask: Callable[[], Verdict], low: float, high: float) -> Verdict:
    """Return a verdict within the range, and how long it took."""
    begun = time.perf_counter()
    try:
        verdict = ask()
        if verdict.known and not low <= verdict.score <= high:
            verdict = Verdict(0.0, "error", f"score {verdict.score:g} is outside [{low:g}, {high:g}]")
    except (Exception, SystemExit) as why:
        verdict = Verdict(0.0, "error", f"{type(why).__name__}: {why}")
    return replace(verdict, seconds=time.perf_counter() - begun)


@dataclass(frozen=True, slots=True)
class FunctionVerifier(Joinable):
    """A plain function as a verifier."""

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

    def __call__(self, *given: Anything, **named: Anything) -> float | Verdict:
        """Return what the function does."""
        return self.function(*given, **named)

    def verify(self, submission: Submission, task: Task) -> Verdict:
        """Return the function's verdict, or its number as one; status `error` where it raises."""
        return _sure(lambda: self._asked(submission.answer, task), self.low, self.high)

    def _asked(self, answer: str, task: Task) -> Verdict:
        found = asked(self.function, answer, task)
        return found if isinstance(found, Verdict) else Verdict(float(found))


def _named(module: str, name: str) -> Anything:
    """Return what a module holds under a name."""
    return getattr(import_module(module), name)


def as_verifier(judge: "Verifier | Judge", name: str = "") -> Verifier:
    """Return a verifier for a verifier, a class of one, or a plain function.

    Errors: ConfigError for anything else.
    """
    if isinstance(judge, type):
        judge = made(judge)
    if callable(getattr(judge, "verify", None)):
        missing = [a for a in ("name", "low", "high", "pairs") if not hasattr(judge, a)]
        if missing:
            raise ConfigError(f"verifier {type(judge).__name__} does not declare {', '.join(missing)}")
        return judge  # type: ignore[return-value]
    if not callable(judge):
        raise ConfigError(f"{judge!r} is no verifier: it is no function and has no verify(submission, task)")
    called = name or getattr(judge, "__name__", type(judge).__name__)
    check_judge(judge, called)
    return FunctionVerifier(judge, called)


class _Joined(Joinable):
    """Several verifiers asked about one answer."""

    __slots__ = ("high", "labels", "low", "members", "name", "pairs")
    hands_on: ClassVar[bool] = True
    """a member judges the content that a member before it took out of the answer"""

    def __init__(self, *members: Verifier | Judge, name: str = "", pairs: Sequence[Pair] = ()) -> None:
        """Join verifiers under a name; `pairs` are answers that must pass and must fail.

        Errors: ConfigError where there is none, or one is no verifier.
        """
        if not members:
            raise ConfigError(f"{type(self).__name__} needs at least one verifier")
        self.members = tuple(as_verifier(member) for member in members)
        names = [member.name for member in self.members]
        self.name = name or f"{type(self).__name__}({', '.join(names)})"
        self.low, self.high = 0.0, 1.0
        self.pairs: Sequence[Pair] = tuple(pairs)
        # Two members may have one name; the number keeps both parts.
        self.labels = [f"{n}#{i}" if names.count(n) > 1 else n for i, n in enumerate(names, 1)]

    def verify(self, submission: Submission, task: Task) -> Verdict:
        """Return the joined verdict; parts are the members' scores, and their own parts as member.part.

        Edge: the first member whose status is not ok decides the status. Where nothing is left of the answer,
              members that follow get their least score without being asked.
        """
        begun = time.perf_counter()
        found: list[float] = []
        parts: dict[str, float] = {}
        reasons: list[str] = []
        left = True
        for label, member in zip(self.labels, self.members, strict=True):
            verdict = verdict_of(member, submission, task) if left else Verdict(member.low)
            if not verdict.known:
                why = f"{label}: {verdict.reason}"
                return Verdict(0.0, verdict.status, why, parts, seconds=time.perf_counter() - begun)
            found.append(verdict.score)
            parts[label] = verdict.score
            parts |= {f"{label}.{part}": value for part, value in verdict.parts.items()}
            reasons += [f"{label}: {verdict.reason}"] if verdict.reason else []
            if self.hands_on and left and verdict.content is not None:
                submission, left = replace(submission, answer=verdict.content), verdict.content != ""
        seconds = time.perf_counter() - begun
        return Verdict(self.join(found), "ok", "; ".join(reasons), parts, seconds=seconds)

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
    """As good as its best member, 0 to 1; each of them judges the whole answer."""

    __slots__ = ()
    hands_on: ClassVar[bool] = False

    def join(self, scores: Sequence[float]) -> float:
        """Return the greatest."""
        return max(self._shares(scores))


class Weighted(_Joined):
    """Weighted sum of its members, 0 to 1: weights are shares of their sum."""

    __slots__ = ("weights",)

    def __init__(
        self, *weighted: tuple[Verifier | Judge, float], name: str = "", pairs: Sequence[Pair] = ()
    ) -> None:
        """Join pairs of verifier and weight.

        Errors: ConfigError for weights that are negative, not finite or all 0.
        """
        super().__init__(*(member for member, _ in weighted), name=name, pairs=pairs)
        total = math.fsum(weight for _, weight in weighted)
        if not (all(weight >= 0 for _, weight in weighted) and 0 < total < math.inf):
            raise ConfigError(f"{self.name}: weights must be 0 or more and not all 0")
        self.weights = tuple(weight / total for _, weight in weighted)

    def join(self, scores: Sequence[float]) -> float:
        """Return the weighted mean."""
        shares = self._shares(scores)
        return min(1.0, math.fsum(w * s for w, s in zip(self.weights, shares, strict=True)))
