"""Dynamic sampling: groups whose episodes all earned the same teach nothing, so further tasks replace them.

What is played depends on the iteration's own episodes and on an order of tasks drawn from the seed, on
nothing else; so an iteration that is played again after a kill plays the same.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

import torch

from agentrl.credit.selection import has_spread
from agentrl.types import Trajectory

T = TypeVar("T")


def with_spread(
    episodes: Sequence[Trajectory],
    further: Sequence[T],
    play: Callable[[Sequence[T]], list[Trajectory]],
    rounds: int,
) -> tuple[list[Trajectory], list[Trajectory], dict[str, float]]:
    """Return all episodes played, those to learn from, and the metrics of the search.

    As many groups are kept as there were at first. While some of them have no spread, that many further tasks
    are played, for some rounds or until there are no more. What is missing then is filled up with groups
    without spread, the first ones first.

    Source: dynamic sampling of DAPO (arXiv:2503.14476); published code stops with an error instead of filling
            up.
    """
    played, wanted = list(episodes), len({e.group for e in episodes})
    good, rest = _sorted_out(played)
    done, place = 0, 0
    while len(good) < wanted and done < rounds and place < len(further):
        chosen = further[place : place + wanted - len(good)]
        more = play(chosen)
        place, done = place + len(chosen), done + 1
        played += more
        found, without = _sorted_out(more)
        good, rest = good + found, rest + without
    filling = rest[: wanted - len(good)]
    names = set(good[:wanted]) | set(filling)
    metrics = {
        "groups_played": float(wanted + place),
        "groups_filled_up": float(len(filling)),
        "sampling_rounds": float(done),
    }
    return played, [e for e in played if e.group in names], metrics


def _sorted_out(episodes: Sequence[Trajectory]) -> tuple[list[str], list[str]]:
    """Return the names of the groups with and without spread, in order of appearance.

    Groups that lost a member to a crash are neither: what is left of them is no sample of its task.
    """
    partial = {e.group for e in episodes if not e.scorable}
    episodes = [e for e in episodes if e.group not in partial]
    names = list(dict.fromkeys(e.group for e in episodes))
    number = {name: i for i, name in enumerate(names)}
    score = torch.tensor([e.ret for e in episodes], dtype=torch.float64)
    group = torch.tensor([number[e.group] for e in episodes], dtype=torch.long)
    spread = has_spread(score, group).tolist()
    wide = {e.group for e, differs in zip(episodes, spread, strict=True) if differs}
    return [name for name in names if name in wide], [name for name in names if name not in wide]
