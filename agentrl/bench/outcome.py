"""What a benchmark found, in numbers: the contract of `bench.json`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from agentrl.bench.answers import Line
from agentrl.bench.published import PublishedTable
from agentrl.records import PanelRecord
from agentrl.statistics import Interval
from agentrl.toolstats import ToolUse, by_fewest, tool_use

Kind = Literal["model", "reference"]


@dataclass(frozen=True, slots=True)
class Row:
    """One model, or one reference player, on the questions of its section."""

    name: str
    kind: Kind
    asked: Mapping[str, str]
    """settings of the rollout that replies depend on; none for players"""
    weights: str
    """digest of a model folder's weight files; empty where there is no folder"""
    use: ToolUse
    by_calls: Mapping[str, ToolUse]
    """the same for the questions that need so many calls"""
    seconds: float
    """wall time a question; measured over many at once, so it has no interval"""
    errors: int
    """episodes that the environment ended by an error; they count as wrong"""
    counted: bool
    """an episode told of tool calls"""


@dataclass(frozen=True, slots=True)
class Section:
    """An environment under some options: rows of one section answered the same questions."""

    env: str
    options: Mapping[str, Any]
    differing: tuple[str, ...]
    """options that are not the default: not comparable with rows of the default ones"""
    panel: PanelRecord
    """hash: of the tasks, and of what is read at their start"""
    rows: tuple[Row, ...]
    missing: Mapping[str, str]
    """reference players that the environment does not offer, and why"""


@dataclass(frozen=True, slots=True)
class Bench:
    """`bench.json`. These keys and no others."""

    benchmark: str
    split: str
    decoding: str
    seed: int
    sections: tuple[Section, ...]
    published: tuple[PublishedTable, ...] = ()
    versions: Mapping[str, str | bool] = field(default_factory=dict[str, str | bool])


def row(
    name: str, kind: Kind, lines: Sequence[Line], asked: Mapping[str, str] | None = None, weights: str = ""
) -> Row:
    """Return what the answers of one contender come to."""
    answers = [line.answered for line in lines]
    return Row(
        name=name,
        kind=kind,
        asked=dict(asked or {}),
        weights=weights,
        use=tool_use(answers),
        by_calls={f"{calls:g}": use for calls, use in by_fewest(answers).items()},
        seconds=sum(line.seconds for line in lines) / len(lines),
        errors=sum(line.error for line in lines),
        counted=any(line.counted for line in lines),
    )


def front(rows: Sequence[Row]) -> list[Row]:
    """Return the models that no other one beats, fewest calls first.

    One beats another that is right at least as often with at most as many calls, and better in one of both.
    """

    def beats(one: Row, other: Row) -> bool:
        right, calls = _place(one), _place(other)
        return right != calls and right[0] <= calls[0] and right[1] >= calls[1]

    models = [one for one in rows if one.kind == "model"]
    best = [one for one in models if not any(beats(other, one) for other in models)]
    return sorted(best, key=_place)


def _place(one: Row) -> tuple[float, float]:
    """Return mean calls and share of right answers."""
    return one.use.tc.mean, one.use.em.mean


def spans(found: Interval | Literal["inf"] | None) -> tuple[float, float, float] | None:
    """Return mean, low and high of a figure; None where it is no number."""
    return (found.mean, found.low, found.high) if isinstance(found, Interval) else None
