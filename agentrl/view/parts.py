"""A run's stored episodes, an iteration at a time, with what the learner made of their tokens."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np

from agentrl.creditfile import FOLDER, Credited, Floats, Header, Pair, TreeRecord, read_credit, read_header
from agentrl.errors import ConfigError, DataError
from agentrl.folder import episode_files, iteration_of
from agentrl.trajectories import count_trajectories, read_trajectories
from agentrl.types import Trajectory

Columns: TypeAlias = Mapping[str, Floats]
"""a number for each token that an episode's policy wrote; nan where it was not learnt from"""


@dataclass(frozen=True, slots=True)
class Source:
    """Where an iteration's episodes are, and what was made of them."""

    iteration: int
    """0: played before training"""
    episodes: Path
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
    trees: Sequence[TreeRecord] = ()
    pairs: Sequence[Pair] = ()
    """of whole episodes, by their numbers here"""


def sources(run: Path) -> list[Source]:
    """Return where a run's iterations are, in order.

    Episodes stored before training belong to the iterations that learnt from them; to iteration 0 where none
    has said so.

    Errors: ConfigError where there is no run, or none of its episodes.
    """
    files = episode_files(run)
    credits = {path.name: read_header(path) for path in sorted((run / FOLDER).glob("*.jsonl.gz"))}
    found: list[Source] = []
    told: set[str] = set()
    for name, header in credits.items():
        told.add(header.episodes)
        if header.episodes != name:
            paths = run / "trajectories" / header.episodes, run / FOLDER / name
            found.append(Source(header.iteration, *paths, header.lines, header.columns))
    for path in files:
        if iteration_of(path) or path.name not in told:
            own = credits.get(path.name)
            credit, columns = (run / FOLDER / path.name, own.columns) if own else (None, ())
            found.append(Source(iteration_of(path), path, credit, count_trajectories(path), columns))
    return sorted(found, key=lambda source: (source.iteration, source.episodes.name))


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
    episodes = list(read_trajectories(source.episodes))
    if source.credit is None:
        return Part(source.iteration, episodes, [{}] * len(episodes))
    header, lines = read_credit(source.credit)
    if source.episodes.name != source.credit.name:  # a batch of episodes stored before
        wanted = {(line.group, line.sample): None for line in lines}
        named = {(episode.group, episode.sample): episode for episode in episodes}
        episodes = [named[name] for name in wanted if name in named]
    where = list(_places(episodes, header, lines))
    try:
        columns = _joined(episodes, where, lines)
    except ValueError as why:
        raise DataError(f"{source.credit} is not of {source.episodes}: {why}") from why
    pairs = [pair._replace(chosen=where[pair.chosen], rejected=where[pair.rejected]) for pair in header.pairs]
    return Part(source.iteration, episodes, columns, header.trees, pairs)


def _places(episodes: Sequence[Trajectory], header: Header, lines: Sequence[Credited]) -> Iterator[int]:
    """Yield for each line the number of the episode that it is of; -1 where there is none.

    Edge: where a task was played twice in an iteration, names come twice, in the same order on both sides.
    """
    if header.trees:
        for line in lines:
            yield header.trees[int(line.group)].nodes[line.sample].episode
        return
    named: dict[tuple[str, int], list[int]] = {}
    for number, episode in enumerate(episodes):
        if any(turn.action_ids for turn in episode.turns):
            named.setdefault((episode.group, episode.sample), []).append(number)
    seen: dict[tuple[str, int], int] = {}
    for line in lines:
        name = (line.group, line.sample)
        same = named.get(name, [-1])
        yield same[min(seen.setdefault(name, 0), len(same) - 1)]
        seen[name] += 1


def _joined(
    episodes: Sequence[Trajectory], where: Sequence[int], lines: Sequence[Credited]
) -> list[dict[str, Floats]]:
    """Return the columns of each episode; where several lines are of one turn their pushes add up."""
    made: list[dict[str, Floats]] = [{} for _ in episodes]
    for number, line in zip(where, lines, strict=True):
        if number < 0:
            raise ValueError(f"episode {line.sample} of {line.group} is missing")
        lengths = [len(turn.action_ids) for turn in episodes[number].turns]
        begin = 0
        for turn, count in line.turns:
            if turn >= len(lengths) or lengths[turn] != count:
                raise ValueError(f"episode {line.sample} of {line.group}, turn {turn}, has other tokens")
            start = sum(lengths[:turn])
            for name, values in line.columns.items():
                whole = made[number].setdefault(name, np.full(sum(lengths), np.nan, dtype=np.float32))
                there, new = whole[start : start + count], values[begin : begin + count]
                there[:] = there + new if name == "push" and not np.isnan(there).any() else new
            begin += count
    return made
