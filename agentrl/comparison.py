"""Several runs of several algorithms on the same tasks: what they came to, in numbers (`compare.json`)."""

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any

from agentrl.errors import DataError
from agentrl.findings import Findings
from agentrl.records import CurvePoint, Measurement, PanelRecord, best
from agentrl.statistics import area, crossed, over_seeds

OWN = ("run.seed", "run.out", "run.checkpoint", "run.keep", "run.trajectories")
"""settings in which runs of one algorithm may differ: the seed, and what changes no result"""


@dataclass(frozen=True, slots=True)
class Figure:
    """A mean with its 95 % interval."""

    mean: float
    low: float | None = None
    """None: one run says nothing about the next"""
    high: float | None = None


@dataclass(frozen=True, slots=True)
class MeanPoint:
    """One place on the mean curve of an algorithm's runs."""

    iteration: int
    rates: Mapping[str, Figure]
    """decoding to success on the dev panel, 0 to 1; ends: lowest and highest of the runs"""


@dataclass(frozen=True, slots=True)
class Entry:
    """What the finished runs of one algorithm came to. Intervals are over seeds and tasks together."""

    name: str
    algo: str
    seeds: tuple[int, ...] = ()
    runs: tuple[str, ...] = ()
    """their folders"""
    warm_start: Figure | None = None
    """share of tasks solved before RL, 0 to 1, each run with its best decoding"""
    final: Figure | None = None
    """the same after RL"""
    gain: Figure | None = None
    """final less warm start, paired by seed and task"""
    ahead: Figure | None = None
    """final less that of the first algorithm, paired by seed and task; of their common seeds"""
    areas: Mapping[str, Figure] = field(default_factory=dict[str, Figure])
    """decoding to mean height of the dev curve over iterations, 0 to 1; interval over seeds"""
    turns: float | None = None
    """mean turns of a task after RL"""
    environment_steps: float | None = None
    """turns played for training, mean a run"""
    tokens: float | None = None
    """tokens of the policy that were learnt from, mean a run"""
    seconds: float | None = None
    """wall time, mean a run"""
    curve: tuple[MeanPoint, ...] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """`compare.json`. These keys and no others."""

    env: str
    panel: PanelRecord | None
    """of every measurement before and after"""
    dev: PanelRecord | None
    """of the curves"""
    entries: tuple[Entry, ...]
    unfinished: Mapping[str, str] = field(default_factory=dict[str, str])
    """run folder to why it does not count"""
    differing: tuple[str, ...] = ()
    """settings, other than seeds and the algorithms' own, in which the runs differ"""


@dataclass(frozen=True, slots=True)
class Line:
    """The runs that stand in one row."""

    name: str
    algo: str
    runs: Sequence[Findings] = ()


def compared(env: str, lines: Sequence[Line], unfinished: Mapping[str, str]) -> Comparison:
    """Return what runs came to, algorithm by algorithm; the first one is what others are set against.

    Errors: DataError where runs were not measured on the same tasks, or a seed counts twice in a row.
    """
    looks = [look for line in lines for run in line.runs for look in _ends(run)]
    panels = list(dict.fromkeys(look.panel for look in looks))
    if len(panels) > 1 or len({look.tasks for look in looks}) > 1:
        said = ", ".join(f"{p.name} ({p.tasks} tasks, {p.hash})" for p in panels)
        raise DataError(f"these runs were measured on different tasks: {said}; they cannot be compared")
    first = lines[0] if lines else None
    return Comparison(
        env=env,
        panel=panels[0] if panels else None,
        dev=next((run.evaluation.dev for line in lines for run in line.runs if run.evaluation.dev), None),
        entries=tuple(_entry(line, first if line is not first else None) for line in lines),
        unfinished=dict(unfinished),
        differing=tuple(differing([run for line in lines for run in line.runs])),
    )


def _ends(run: Findings) -> tuple[Measurement, Measurement]:
    """Return a run's best measurement before RL and after."""
    before, after = best(run.evaluation.warm_start), best(run.evaluation.final)
    if before is None or after is None or run.summary is None:
        raise DataError(f"{run.path} is not finished: it was not measured before and after")
    return before, after


def _entry(line: Line, first: Line | None) -> Entry:
    """Return the row of one algorithm, set against `first`."""
    runs = sorted(line.runs, key=seed_of)
    seeds = tuple(seed_of(run) for run in runs)
    if len(set(seeds)) < len(seeds):
        twice = next(seed for seed in seeds if seeds.count(seed) > 1)
        both = ", ".join(str(run.path) for run in runs if seed_of(run) == twice)
        raise DataError(f"seed {twice} of {line.name} counts twice: {both}")
    if not runs:
        return Entry(line.name, line.algo)
    before, after = zip(*(_ends(run) for run in runs), strict=True)
    summaries = [run.summary for run in runs if run.summary is not None]
    return Entry(
        name=line.name,
        algo=line.algo,
        seeds=seeds,
        runs=tuple(str(run.path) for run in runs),
        warm_start=_share([look.success for look in before]),
        final=_share([look.success for look in after]),
        gain=_figure([_less(*pair) for pair in zip(after, before, strict=True)]),
        ahead=_ahead(runs, first),
        areas=_areas(runs),
        turns=fmean(look.mean_turns for look in after),
        environment_steps=fmean(summary.environment_steps for summary in summaries),
        tokens=fmean(_tokens(run) for run in runs),
        seconds=fmean(summary.seconds.get("total", math.nan) for summary in summaries),
        curve=tuple(_mean_curve(runs)),
    )


def _figure(rows: Sequence[Sequence[float]]) -> Figure:
    found = crossed(rows)
    return Figure(found.mean, found.low, found.high)


def _share(rows: Sequence[Sequence[float]]) -> Figure:
    """Return the figure of shares, which an interval cannot leave."""
    found = crossed(rows).within(0.0, 1.0)
    return Figure(found.mean, found.low, found.high)


def _less(one: Measurement, other: Measurement) -> list[float]:
    return [float(a) - float(b) for a, b in zip(one.success, other.success, strict=True)]


def _ahead(runs: Sequence[Findings], first: Line | None) -> Figure | None:
    """Return how far runs are ahead of the first algorithm's runs with the same seeds."""
    others = {seed_of(run): run for run in first.runs} if first is not None else {}
    rows = [_less(_ends(run)[1], _ends(others[seed_of(run)])[1]) for run in runs if seed_of(run) in others]
    return _figure(rows) if rows else None


def _areas(runs: Sequence[Findings]) -> dict[str, Figure]:
    """Return the mean height of each curve that every run has, with at least two points."""
    found: dict[str, Figure] = {}
    for name in _decodings(runs):
        heights = []
        for run in runs:
            points = [p for p in run.evaluation.curve if name in p.rates]
            if len(points) > 1:
                heights.append(area([p.iteration for p in points], [p.rates[name] for p in points]))
        if len(heights) == len(runs):
            one = over_seeds(heights).within(0.0, 1.0)
            found[name] = Figure(one.mean, *((one.low, one.high) if len(heights) > 1 else (None, None)))
    return found


def _decodings(runs: Sequence[Findings]) -> list[str]:
    return list(dict.fromkeys(name for run in runs for point in run.evaluation.curve for name in point.rates))


def _mean_curve(runs: Sequence[Findings]) -> list[MeanPoint]:
    """Return means over the runs, where every run was looked at."""
    by_run: list[dict[int, CurvePoint]] = [{p.iteration: p for p in run.evaluation.curve} for run in runs]
    common = set.intersection(*(set(points) for points in by_run))
    made = []
    for iteration in sorted(common):
        points = [found[iteration] for found in by_run]
        names = [name for name in _decodings(runs) if all(name in point.rates for point in points)]
        values = {name: [point.rates[name] for point in points] for name in names}
        rates = {name: Figure(fmean(v), min(v), max(v)) for name, v in values.items()}
        made.append(MeanPoint(iteration, rates))
    return made


def _tokens(run: Findings) -> float:
    found = [line.values.get("tokens", 0.0) for line in run.metrics if line.phase == "rl"]
    return sum(value for value in found if math.isfinite(value))


def seed_of(run: Findings) -> int:
    """Return the seed of a finished run."""
    assert run.summary is not None
    return run.summary.seed


def flat(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the tables of a configuration as dotted keys."""
    return {
        f"{group}.{key}": value
        for group, table in config.items()
        if isinstance(table, Mapping)
        for key, value in table.items()
    }


def settings_of(folder: Path) -> dict[str, Any]:
    """Return the settings of a run by dotted key; those with which no two runs need agree are left out.

    Errors: DataError where `config.toml` is damaged.
    """
    path = folder / "config.toml"
    try:
        found = flat(tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as why:
        raise DataError(f"{path}: {why}") from why
    return {key: value for key, value in found.items() if key not in OWN}


def differing(runs: Sequence[Findings]) -> list[str]:
    """Return the general settings in which runs differ, with their values; what a reader must know."""
    configs = [flat(run.config) for run in runs]
    keys = dict.fromkeys(key for config in configs for key in config)
    found = []
    for key in keys:
        if key in OWN or key.startswith("algo."):
            continue
        values = list(dict.fromkeys(repr(config.get(key)) for config in configs))
        if len(values) > 1:
            found.append(f"{key}: {', '.join(values)}")
    return found
