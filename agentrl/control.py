"""A control: groups are paid each other's rewards, so that whatever is learnt is not from the rewards."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace

from agentrl.types import Trajectory


def permuted(episodes: Sequence[Trajectory], weights: Mapping[str, float], seed: int) -> list[Trajectory]:
    """Return the episodes, each paid what an episode of another group earned, on its last turn.

    A control: the spread of returns stays, what they say about the actions goes.

    Edge: one group alone has no other, so none of its episodes come back.
    """
    groups = sorted({e.group for e in episodes})
    if len(groups) < 2:
        return []
    place = {group: [i for i, e in enumerate(episodes) if e.group == group] for group in groups}
    order = groups[:]
    random.Random(seed).shuffle(order)
    following = {group: order[(i + 1) % len(order)] for i, group in enumerate(order)}
    paid: list[Trajectory] = []
    for episode in episodes:
        others = place[following[episode.group]]
        other = episodes[others[episode.sample % len(others)]]
        total = {name: 0.0 for turn in other.turns for name in turn.rewards}
        for turn in other.turns:
            for name, value in turn.rewards.items():
                total[name] += value
        turns = [replace(turn, rewards={}, format_valid=True, admissible=True) for turn in episode.turns]
        turns[-1] = replace(turns[-1], rewards=total)
        ret = sum(weights.get(name, 1.0) * value for name, value in total.items())
        paid.append(replace(episode, turns=tuple(turns), ret=ret))
    return paid
