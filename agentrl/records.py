"""What a run writes down: the contracts of `summary.json`, `evaluation.json` and `samples.json`.

Every record is a frozen dataclass. `to_json` writes one, `from_json` reads one back and refuses keys that
are missing, unknown or of another type, so that a file is what this page says or it is an error.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self, TypeVar

import msgspec

from agentrl.errors import DataError, nearest
from agentrl.statistics import Interval, bootstrap
from agentrl.toolstats import calls_of
from agentrl.types import Panel, Trajectory

When = Literal["before", "after"]
Record = TypeVar("Record")


@dataclass(frozen=True, slots=True)
class PanelRecord:
    """The name of a panel and what proves it is that one."""

    name: str
    hash: str
    tasks: int
    """how many of its tasks were played"""


@dataclass(frozen=True, slots=True)
class Measurement:
    """One panel played once with one decoding; the tuples have one entry a task, in the panel's order."""

    panel: PanelRecord
    split: str
    decoding: str
    """greedy, a temperature, best_admissible; random and expert for the baselines"""
    tasks: tuple[str, ...]
    success: tuple[bool, ...]
    score: tuple[float, ...]
    """0 to 1"""
    turns: tuple[int, ...]
    invalid: float
    """share of turns whose action could not be parsed or used, 0 to 1"""
    tool_calls: float
    """mean number of tool calls an episode"""
    seconds: float
    """wall time of the whole measurement"""
    errors: int = 0
    """episodes that an environment error or deadline ended; they count as not solved"""
    kinds: tuple[str, ...] = ()
    """sort of each task, where tasks have a `kind` in their data; else empty"""
    spent: Mapping[str, float] = field(default_factory=dict[str, float])
    """turns, tokens and more that were played in all, where more was tried than the episodes hold"""
    shares: Mapping[str, Interval] = field(default_factory=dict[str, Interval])
    """further shares of tasks, 0 to 1, with 95 % bootstrap intervals: pass@k and others"""

    @property
    def rate(self) -> float:
        """Share of tasks solved, 0 to 1; nan where there is none."""
        return sum(self.success) / len(self.success) if self.success else math.nan

    @property
    def mean_score(self) -> float:
        """Mean score, 0 to 1; nan where there is none."""
        return sum(self.score) / len(self.score) if self.score else math.nan

    @property
    def mean_turns(self) -> float:
        """Mean number of turns; nan where there is none."""
        return sum(self.turns) / len(self.turns) if self.turns else math.nan

    @property
    def by_kind(self) -> Mapping[str, tuple[int, int]]:
        """For each sort of task, by name: how many were solved, of how many."""
        found: dict[str, tuple[int, int]] = {}
        for kind, solved in zip(self.kinds, self.success, strict=bool(self.kinds)):
            good, count = found.get(kind, (0, 0))
            found[kind] = good + solved, count + 1
        return dict(sorted(found.items()))

    def interval(self) -> Interval:
        """Return the 95 % bootstrap interval of the rate over tasks."""
        return bootstrap(self.success)


def measured(panel: Panel, decoding: str, episodes: Sequence[Trajectory], seconds: float) -> Measurement:
    """Return the measurement that these episodes are: one for each task of the panel, in its order.

    Errors: DataError where the episodes are not those of the panel's tasks.
    """
    if [e.task.id for e in episodes] != [task.id for task in panel]:
        raise DataError(
            f"{len(episodes)} episodes do not match, in order, the {len(panel)} tasks of {panel.name}"
        )
    turns = [turn for episode in episodes for turn in episode.turns]
    return Measurement(
        panel=PanelRecord(panel.name, panel.hash, len(panel)),
        split=panel[0].split if len(panel) else "",
        decoding=decoding,
        tasks=tuple(e.task.id for e in episodes),
        success=tuple(e.success for e in episodes),
        score=tuple(float(e.score) for e in episodes),
        turns=tuple(len(e.turns) for e in episodes),
        invalid=sum(not turn.valid for turn in turns) / max(len(turns), 1),
        tool_calls=sum(map(calls_of, episodes)) / max(len(episodes), 1),
        seconds=seconds,
        errors=sum(not e.scorable for e in episodes),
        kinds=tuple(str(task.data["kind"]) for task in panel) if all("kind" in t.data for t in panel) else (),
    )


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """One look at the dev panel during training."""

    iteration: int
    """0 is before the first optimiser step of RL"""
    environment_steps: int
    """turns played for training until then"""
    seconds: float
    """wall time of the run until then"""
    rates: Mapping[str, float]
    """decoding to success rate, 0 to 1"""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """`evaluation.json`: everything measured, at any time of the run."""

    warm_start: tuple[Measurement, ...] = ()
    """before RL, one a decoding"""
    final: tuple[Measurement, ...] = ()
    """after RL, one a decoding"""
    baselines: Mapping[str, Measurement] = field(default_factory=dict[str, Measurement])
    """random and expert, where the environment has them"""
    curve: tuple[CurvePoint, ...] = ()
    dev: PanelRecord | None = None
    """the panel of the curve"""

    def until(self, iteration: int) -> Self:
        """Return what was known once `iteration` was done: what a resumed run starts from."""
        return replace(self, final=(), curve=tuple(p for p in self.curve if p.iteration <= iteration))


@dataclass(frozen=True, slots=True)
class Scores:
    """Success rates of one policy, 0 to 1; None where that decoding was not measured."""

    greedy: float | None = None
    sampled: float | None = None
    """at temperature 1.0: the policy that is trained"""
    best: float | None = None
    """the highest of all decodings measured, best-admissible choice included"""


@dataclass(frozen=True, slots=True)
class FinalScores(Scores):
    """Scores of the trained policy."""

    tool_calls: float | None = None
    """mean number of tool calls an episode, with the best decoding"""


@dataclass(frozen=True, slots=True)
class Summary:
    """`summary.json`: what a run came to. These keys and no others."""

    env: str
    algo: str
    seed: int
    panel: PanelRecord
    """of warm_start and final"""
    warm_start: Scores
    final: FinalScores
    environment_steps: int
    """turns played for training"""
    seconds: Mapping[str, float]
    """wall time by part, none inside another (warm, rollout, environment, learner, evaluation), and total"""
    versions: Mapping[str, str | bool]
    """of python and packages; commit and dirty where run from a checkout"""
    accounts: Mapping[str, int] | msgspec.UnsetType = msgspec.UNSET
    """with run.staleness only: tickets issued, and what became of them (docs/scaling.md)"""


def best(measurements: Sequence[Measurement]) -> Measurement | None:
    """Return the measurement with the highest rate, the first of equals; None where there is none."""
    return max(measurements, key=lambda m: m.rate, default=None)


def scores(measurements: Sequence[Measurement]) -> Scores:
    """Return the rates of the decodings that `summary.json` names."""
    rates = {m.decoding: m.rate for m in measurements}
    top = best(measurements)
    return Scores(rates.get("greedy"), rates.get("1.0"), top.rate if top else None)


def final_scores(measurements: Sequence[Measurement]) -> FinalScores:
    """Return the rates of the decodings that `summary.json` names, and the tool calls of the best."""
    plain, top = scores(measurements), best(measurements)
    return FinalScores(plain.greedy, plain.sampled, plain.best, top.tool_calls if top else None)


@dataclass(frozen=True, slots=True)
class SampleTurn:
    """One turn of an episode kept to be read."""

    observation: str
    action: str
    reward: float
    valid: bool
    text: str = ""
    """the whole reply, where it says more than the action"""


@dataclass(frozen=True, slots=True)
class SampleEpisode:
    """One entry of `samples.json`: an episode as people read it."""

    task: str
    goal: str
    when: When
    """of RL"""
    decoding: str
    turns: tuple[SampleTurn, ...]
    success: bool
    score: float


def sample_episode(episode: Trajectory, goal: str, when: When, decoding: str) -> SampleEpisode:
    """Return the readable part of an episode."""
    turns = tuple(
        SampleTurn(
            observation=turn.observation,
            action=turn.action,
            reward=float(sum(turn.rewards.values())),
            valid=turn.valid,
            text="" if turn.text.strip() == turn.action.strip() else turn.text,
        )
        for turn in episode.turns
    )
    return SampleEpisode(episode.task.id, goal, when, decoding, turns, episode.success, float(episode.score))


def to_json(record: object) -> str:
    """Return a record, or a sequence of records, as JSON text.

    Errors: DataError where a value is not of the type its field declares, or not finite.
    """
    try:
        plain = msgspec.to_builtins(record)
        if not isinstance(record, Sequence):
            msgspec.convert(plain, type(record))
        return json.dumps(plain, indent=1, allow_nan=False) + "\n"
    except (ValueError, TypeError) as why:
        raise DataError(f"{type(record).__name__} cannot be written: {why}") from why


def from_json(text: str | bytes, kind: type[Record], name: str) -> Record:
    """Return the record that the file `name` holds.

    Errors: DataError naming file and field where a key is missing, unknown or of another type.
    """
    try:
        plain = json.loads(text)
        record = msgspec.convert(plain, kind)
    except ValueError as why:
        raise DataError(f"{name}: {why}") from why
    _same_keys(plain, msgspec.to_builtins(record), name)
    return record


def _same_keys(found: Any, allowed: Any, place: str) -> None:
    """Raise DataError at the first key of `found` that the record did not take up."""
    if isinstance(found, dict):
        for key, value in found.items():
            if key not in allowed:
                raise DataError(f"{place} has an unknown key '{key}'{nearest(key, allowed)}")
            _same_keys(value, allowed[key], f"{place}.{key}")
    elif isinstance(found, list):
        for number, value in enumerate(found):
            _same_keys(value, allowed[number], f"{place}[{number}]")
