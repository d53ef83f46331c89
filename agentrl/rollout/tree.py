"""Trees of alternatives: play an episode, return to states on its way, play others from there to the end."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from agentrl.algo import Branches
from agentrl.credit.trees import backed_up
from agentrl.errors import ConfigError
from agentrl.rollout.collect import Collector
from agentrl.rollout.episode import Start
from agentrl.types import Node, Trajectory, Tree, Turn


class Grown(NamedTuple):
    """A tree, and the episodes it holds."""

    tree: Tree
    episodes: tuple[Trajectory, ...]
    """the trunk first; each with its first turns, also those it shares with the trunk"""


@dataclass(frozen=True, slots=True)
class _Branch:
    """One alternative to be played: which trunk it leaves, before which turn."""

    trunk: int
    turn: int
    start: Start


def branch(starts: Sequence[Start], collector: Collector, plan: Branches) -> list[Grown]:
    """Return a tree for each start: a trunk, and `width - 1` alternatives from each of `points` states on it.

    The states are drawn from (seed, task number, sample); a shorter trunk is branched at each of its turns.
    All trunks are played side by side, then all alternatives. Nodes hold what `credit.trees.backed_up` says.

    Edge:   a trunk that ended in an environment error is not branched.
    Errors: ConfigError where the environment cannot be restored, or where there is nothing to compare.
    """
    width, points = plan.width, plan.points
    if width < 2 or points < 1:
        raise ConfigError(
            f"width={width}, points={points}: a tree needs a width of 2 or more and 1 point or more"
        )
    with collector.make_env() as env:
        if env.restorable == "no":
            raise ConfigError(
                f"env '{env.name}' cannot be restored (restorable='no'), so it cannot be branched;"
                " use an algorithm that plays episodes in groups"
            )
    # Samples are renumbered so that trunks and alternatives of one task never share a random stream.
    stride = 1 + points * (width - 1)
    trunks = replace(collector, moments=True).play(
        [replace(start, sample=start.sample * stride) for start in starts]
    )
    wanted: list[_Branch] = []
    for number, trunk in enumerate(trunks):
        if trunk.trajectory.scorable:
            turns = _points(
                len(trunk.trajectory.turns),
                points,
                f"{collector.seed}/{trunk.start.number}/{trunk.start.sample}",
            )
            places = [turn for turn in turns for _ in range(width - 1)]
            wanted += [
                _Branch(
                    number,
                    turn,
                    replace(trunk.start, sample=trunk.start.sample + i, moment=trunk.moments[turn]),
                )
                for i, turn in enumerate(places, 1)
            ]
    played = collector.play([one.start for one in wanted])
    below: list[list[tuple[int, Trajectory]]] = [[] for _ in starts]
    for one, episode in zip(wanted, played, strict=True):
        below[one.trunk].append((one.turn, episode.trajectory))
    return [
        Grown(_tree(trunk.trajectory, others), (trunk.trajectory, *(episode for _, episode in others)))
        for trunk, others in zip(trunks, below, strict=True)
    ]


def _points(count: int, points: int, name: str) -> list[int]:
    """Return up to `points` of `count` turns, in order, drawn by name."""
    return sorted(random.Random(name).sample(range(count), min(points, count)))


def _tree(trunk: Trajectory, others: Sequence[tuple[int, Trajectory]]) -> Tree:
    """Return the trunk's nodes, then those of each alternative, with their worth."""
    nodes: list[Node] = []
    for first, episode in [(0, trunk), *others]:
        parent = first - 1  # the trunk's nodes come first, so its turn number is their index
        for number in range(first, len(episode.turns)):
            last = number + 1 == len(episode.turns)
            nodes.append(_node(parent, episode.turns[number], episode if last else None))
            parent = len(nodes) - 1
    return backed_up(Tree(trunk.task, tuple(nodes)))


def _node(parent: int, turn: Turn, ending: Trajectory | None) -> Node:
    return Node(
        parent=parent,
        turn=turn,
        reward=sum(turn.rewards.values()),
        prior=math.exp(min(0.0, sum(turn.logprobs))),
        terminal=ending is not None,
        outcome=ending.outcome if ending else None,
        score=ending.score if ending else 0.0,
    )
