"""A run's stored episodes, an iteration at a time, with what the learner made of their tokens."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np

from agentrl.creditfile import FOLDER, FURTHER, Credited, Floats, Header, TreeRecord, read_credit, read_header
from agentrl.errors import ConfigError, DataError
from agentrl.folder import CONFIG, episode_files, iteration_of
from agentrl.trajectories import count_trajectories, read_trajectories
from agentrl.types import Trajectory

Columns: TypeAlias = Mapping[str, Floats]
"""a number for each token that an episode's policy wrote; nan where it was not learnt from"""


@dataclass(frozen=True, slots=True)
class Source:
    """Where an iteration's episodes are, and what was made of them."""

    iteration: int
    """0: played before training"""
    episodes: Sequence[Path]
    credit: Path | None
    count: int
    """of the episodes"""
    columns: Sequence[str] = ()
    """names of what is told of each token"""


@dataclass(frozen=True, slots=True)
class Part:
    """One iteration."""

    iteration: int
    episodes: Sequence[Trajectory]
    columns: Sequence[Columns]
    """one an episode, empty where it was not learnt from"""
    header: Header | None = None
    """trees and preferences; none where no credit was kept"""
    pushes: Mapping[tuple[int, int], float] | None = None
    """mean push of the tokens of a tree's node, summed over its preferences"""

    @property
    def trees(self) -> Sequence[TreeRecord]:
        """The trees that were grown."""
        return self.header.trees if self.header else ()


def sources(run: Path) -> list[Source]:
    """Return where a run's iterations are, in order.

    Edge:   episodes stored before training are iteration 0 where no credit says which were learnt from when.
    Errors: ConfigError where there is no run, or none of its episodes; DataError for a broken file.
    """
    credit = {}
    if (run / CONFIG).is_file():
        credit = {path.name: read_header(path) for path in (run / FOLDER).glob("*.jsonl.gz")}
    played = {path.name for path in (run / "trajectories").glob("*.jsonl.gz") if iteration_of(path)}
    found = [_source(run, name, credit.get(name)) for name in sorted(played | credit.keys())]
    found = [source for source in found if source.count]
    if not (credit and found):
        found = [
            Source(iteration_of(path), [path], None, count_trajectories(path)) for path in episode_files(run)
        ]
    return found


def _source(run: Path, name: str, header: Header | None) -> Source:
    """Return where an iteration's episodes are: those played in it, then those it took from elsewhere."""
    own = [path for path in (run / "trajectories" / name,) if path.is_file()]
    count = sum(map(count_trajectories, own))
    if header is None:
        return Source(iteration_of(own[0]), own, None, count)
    further = [run / FURTHER / name] if header.further else []
    return Source(
        header.iteration, own + further, run / FOLDER / name, count + header.further, header.columns
    )


def chosen(found: Sequence[Source], run: Path, iteration: int | None, most: int) -> list[Source]:
    """Return the one iteration that was asked for, or as many as fit, evenly spaced, the last one always.

    Errors: ConfigError where that iteration is not stored.
    """
    if iteration is not None:
        kept = [source for source in found if source.iteration == iteration]
        if not kept:
            there = sorted({source.iteration for source in found})
            listed = ", ".join(map(str, there[:20])) + (", ..." if len(there) > 20 else "")
            raise ConfigError(f"iteration={iteration}: {run} keeps the episodes of {listed}")
        return kept
    step = 1
    while most and len(found[::-step]) > 1 and sum(source.count for source in found[::-step]) > most:
        step += 1
    return list(found[::-step][::-1])


def read_part(source: Source) -> Part:
    """Return an iteration's episodes and what was made of them.

    Errors: DataError where a file is broken or the two do not belong together.
    """
    episodes = [episode for path in source.episodes for episode in read_trajectories(path)]
    if source.credit is None:
        return Part(source.iteration, episodes, [{}] * len(episodes))
    header, lines = read_credit(source.credit)
    try:
        columns = _joined(episodes, lines)
    except ValueError as why:
        raise DataError(f"{source.credit} is not of the episodes beside it: {why}") from why
    pushes: dict[tuple[int, int], float] = {}
    for line in lines:
        if line.node is not None and len(line.columns.get("push", ())):
            pushes[line.node] = pushes.get(line.node, 0.0) + float(line.columns["push"].mean())
    return Part(source.iteration, episodes, columns, header, pushes)


def _joined(episodes: Sequence[Trajectory], lines: Sequence[Credited]) -> list[dict[str, Floats]]:
    """Return the columns of each episode; where several lines are of one turn their pushes add up."""
    made: list[dict[str, Floats]] = [{} for _ in episodes]
    for line in lines:
        if line.episode < 0:  # a node that no episode went through
            continue
        if line.episode >= len(episodes):
            raise ValueError(f"episode {line.episode} is missing")
        lengths = [len(turn.action_ids) for turn in episodes[line.episode].turns]
        begin = 0
        for turn, count in line.turns:
            if turn >= len(lengths) or lengths[turn] < count:
                raise ValueError(f"episode {line.episode}, turn {turn}, has other tokens")
            stop = sum(lengths[: turn + 1])
            for name, values in line.columns.items():
                whole = made[line.episode].setdefault(name, np.full(sum(lengths), np.nan, np.float32))
                there, new = whole[stop - count : stop], values[begin : begin + count]
                there[:] = np.where(np.isnan(there), new, there + new) if name == "push" else new
            begin += count
    return made
