"""How many tool calls an agent makes, what they cost, and whether they were needed.

| short | what |
|---|---|
| EM | share of right answers |
| TC | mean calls a question; those that failed or repeat others count |
| TP | tool productivity: right answers over calls, summed over all questions |
| excess | calls beyond the fewest that suffice, mean over right answers |
| over | share of questions that need no call on which one is made |
| under | share of questions that need calls on which fewer are made |

Source: EM, TC and TP of OTC-PO (arXiv:2504.14870); the rest needs questions whose fewest calls are known.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from agentrl.errors import DataError
from agentrl.statistics import Interval, bootstrap, bootstrap_ratio
from agentrl.types import Trajectory


@dataclass(frozen=True, slots=True)
class Answered:
    """One question, answered."""

    correct: bool
    calls: float
    cost: float = 0.0
    """of the calls, in the environment's unit"""
    fewest: float | None = None
    """calls that suffice; None: not known"""
    latency: float = 0.0
    """declared seconds of the calls"""
    tokens: float | None = None
    """written by the model; None: nobody wrote any"""


@dataclass(frozen=True, slots=True)
class ToolUse:
    """What the answers to some questions took; None where nothing can be said."""

    questions: int
    em: Interval
    tc: Interval
    tp: Interval | Literal["inf"]
    """inf: something was right and nothing was called. Show it beside `em` only"""
    cost: Interval
    excess: Interval | None
    over: Interval | None
    under: Interval | None
    latency: Interval
    tokens: Interval | None

    def record(self) -> dict[str, Any]:
        """Return it as plain JSON data."""
        return asdict(self)


def calls_of(episode: Trajectory) -> float:
    """Return how many tool calls an episode made.

    What the environment measured as `calls`; without that, the calls that its turns hold.
    """
    return float(episode.metrics.get("calls", sum(len(turn.calls) for turn in episode.turns)))


def cost_of(episode: Trajectory) -> float:
    """Return what the tool calls of an episode cost.

    What the environment measured as `cost`; without that, the calls' own `cost`, 1 for one without.
    """
    told = sum(float(call.get("cost", 1.0)) for turn in episode.turns for call in turn.calls)
    return float(episode.metrics.get("cost", told))


def latency_of(episode: Trajectory) -> float:
    """Return how many seconds the tool calls of an episode were declared to last."""
    told = sum(float(call.get("latency", 0.0)) for turn in episode.turns for call in turn.calls)
    return float(episode.metrics.get("latency", told))


def answered(episode: Trajectory) -> Answered:
    """Return what an episode says; the fewest calls are its measure `min_calls`, or its task's."""
    fewest = episode.metrics.get("min_calls", episode.task.data.get("min_calls"))
    known = None if fewest is None else float(fewest)
    return Answered(
        correct=episode.success,
        calls=calls_of(episode),
        cost=cost_of(episode),
        fewest=known,
        latency=latency_of(episode),
        tokens=float(sum(len(turn.action_ids) for turn in episode.turns)),
    )


def productivity(correct: Sequence[float], calls: Sequence[float]) -> float:
    """Return right answers over calls, both summed over all questions.

    Source: tool productivity of OTC-PO (arXiv:2504.14870), version 2.
    Edge:   without any call it is infinite where something is right, else 0: never average it.
    """
    right, made = math.fsum(correct), math.fsum(calls)
    if made == 0:
        return math.inf if right else 0.0
    return right / made


def tool_use(answers: Sequence[Answered], *, draws: int = 10_000, seed: int = 0) -> ToolUse:
    """Return the figures of some answers, with bootstrap intervals over questions.

    Errors: DataError where there are none, or a number of calls is negative or not finite.
    """
    for answer in answers:
        for what in ("calls", "cost", "fewest", "latency", "tokens"):
            number = getattr(answer, what) or 0.0
            if not 0 <= number < math.inf:
                raise DataError(f"{what}={number:g}: expected a finite number, 0 or more")
    right = [float(a.correct) for a in answers]
    calls = [a.calls for a in answers]
    known = [(a, a.fewest) for a in answers if a.fewest is not None]

    def spread(values: list[float]) -> Interval | None:
        return bootstrap(values, draws=draws, seed=seed) if values else None

    em, tc, cost, latency = (
        bootstrap(column, draws=draws, seed=seed)
        for column in (right, calls, [a.cost for a in answers], [a.latency for a in answers])
    )
    tp: Interval | Literal["inf"] = Interval(0.0, 0.0, 0.0)
    if any(calls):
        tp = bootstrap_ratio(right, calls, draws=draws, seed=seed)
    elif any(right):
        tp = "inf"
    return ToolUse(
        questions=len(answers),
        em=em,
        tc=tc,
        tp=tp,
        cost=cost,
        excess=spread([a.calls - fewest for a, fewest in known if a.correct]),
        over=spread([float(a.calls > 0) for a, fewest in known if fewest == 0]),
        under=spread([float(a.calls < fewest) for a, fewest in known if fewest > 0]),
        latency=latency,
        tokens=spread([a.tokens for a in answers if a.tokens is not None]),
    )


def by_fewest(answers: Sequence[Answered], *, draws: int = 10_000, seed: int = 0) -> dict[float, ToolUse]:
    """Return the figures of the questions that need k calls, for each k there is, in order."""
    kinds = sorted({a.fewest for a in answers if a.fewest is not None})
    return {k: tool_use([a for a in answers if a.fewest == k], draws=draws, seed=seed) for k in kinds}
