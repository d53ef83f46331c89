"""What an offline plan trains on: episodes played a round at a time, kept on disk, dealt out in batches.

A run's iterations are dealt to its rounds as evenly as they go. Each round is played by the policy that its
first iteration finds, and what is played is a function of (seed, round) and of that policy's weights, so a
killed run finds or plays the same again.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import TypeVar

import torch

from agentrl.algo import Stored
from agentrl.batch import TokenTable, episode_pairs, token_table
from agentrl.datafile import PlayedPair
from agentrl.errors import RunError
from agentrl.evaluate import stream
from agentrl.exchange import sides
from agentrl.trajectories import read_trajectories, write_trajectories
from agentrl.types import Trajectory

T = TypeVar("T")
Play = Callable[[int], list[Trajectory]]
"""Returns what is played for a round, from the seed given"""


@lru_cache(maxsize=4)
def shuffled(count: int, seed: int) -> tuple[int, ...]:
    """Return 0 to count - 1 in an order drawn from the seed."""
    order = list(range(count))
    random.Random(seed).shuffle(order)
    return tuple(order)


def dealt(items: Sequence[T], count: int, number: int, seed: Callable[[int], int]) -> list[T]:
    """Return batch `number` of items that are dealt out in batches of `count`, all of them before any again.

    `seed` names the order of each pass.
    """
    count = min(count, len(items))
    found = []
    for place in range(number * count, (number + 1) * count):
        again, index = divmod(place, len(items))
        found.append(items[shuffled(len(items), seed(again))[index]])
    return found


def place(parts: int, iterations: int, iteration: int) -> tuple[int, int]:
    """Return which of `parts` even parts of a run an iteration falls in, and that part's first iteration."""
    number = iteration * parts // max(iterations, 1)
    return number, -(-number * iterations // parts)


def staged(
    pairs: Sequence[PlayedPair], stages: int, iterations: int, iteration: int
) -> tuple[Sequence[PlayedPair], int]:
    """Return the pairs of an iteration's stage, and how many iterations of that stage came before.

    The first stage has the pairs of the largest margins, the last those of the smallest, as many each as can
    be; equal ones stay in order.

    Source: the curriculum of Curri-DPO (arXiv:2403.07230), over all tasks' pairs together.
    Errors: RunError where there are fewer pairs than stages.
    """
    if stages == 1:
        return pairs, iteration
    if len(pairs) < stages:
        raise RunError(f"stages={stages}: there are {len(pairs)} pairs to divide among them")
    ranked = sorted(pairs, key=lambda pair: -pair.margin)
    number, begin = place(stages, iterations, iteration)
    part = slice(number * len(pairs) // stages, (number + 1) * len(pairs) // stages)
    return ranked[part], iteration - begin


def comparable(pairs: Sequence[PlayedPair]) -> list[tuple[PlayedPair, tuple[Trajectory, Trajectory]]]:
    """Return the pairs whose sides differ and have tokens, with these sides, the chosen one first."""
    return [
        (pair, both)
        for pair in pairs
        if (both := sides(pair))[0].turns != both[1].turns
        and all(any(turn.action_ids for turn in side.turns) for side in both)
    ]


def pair_table(pairs: Sequence[PlayedPair]) -> TokenTable | None:
    """Return a table of pairs: the tokens that are compared, what comes before them as context.

    Edge: pairs whose sides hold the same tokens, or none, are left out; None where no pair is left.
    """
    kept = comparable(pairs)
    if not kept:
        return None
    table = token_table([side for _, both in kept for side in both])
    count = torch.arange(len(kept))
    compared = episode_pairs(table, 2 * count, 2 * count + 1)
    if compared is None:
        return None
    assert compared.pairs is not None
    # The pairs that are left stand in their old order: find them by their first tokens' trajectories.
    left = compared.trajectory[compared.pairs.chosen[:, 0]] // 2
    numbers = torch.tensor([[pair.weight, pair.margin] for pair, _ in kept], dtype=torch.float64)[left]
    return replace(compared, pairs=replace(compared.pairs, weight=numbers[:, 0], margin=numbers[:, 1]))


@dataclass(slots=True)
class Store:
    """The episodes of a run with an offline plan."""

    folder: Path
    iterations: int
    """of the whole run"""
    seed: int
    """of the run"""
    given: Sequence[Trajectory] = ()
    """what is trained on in place of playing, where there is anything"""
    round: int = -1
    """whose episodes are held"""
    episodes: list[Trajectory] = field(default_factory=list)

    def batch(self, plan: Stored, iteration: int, play: Play) -> tuple[list[Trajectory], int]:
        """Return the episodes of an iteration, and how many turns were played for it.

        Errors: RunError where a round's file is gone that weights of the past have played, or where none of
                its episodes can be trained on.
        """
        number, begin = place(plan.rounds, self.iterations, iteration)
        played = 0
        if number != self.round:
            found = self._found(plan, number, play if iteration == begin else None)
            own = iteration == begin and not self.given
            played = sum(len(e.turns) for e in found) if own else 0
            self.episodes = [e for e in found if e.scorable and (plan.only == "all" or e.success)]
            self.round = number
        if not self.episodes:
            raise RunError("no stored episode is left to train on; collect more, or use algo.only=all")
        streams = partial(self._stream, number)
        return dealt(self.episodes, plan.batch, iteration - begin, streams), played

    def _found(self, plan: Stored, number: int, play: Play | None) -> list[Trajectory]:
        """Return a round's episodes from its file, which is written first where that may be."""
        if self.given:
            return list(self.given)
        name = "stored.jsonl.gz" if plan.rounds == 1 else f"stored-{number + 1:04d}.jsonl.gz"
        path = self.folder / name
        if not path.exists():
            if play is None:
                raise RunError(f"{path} is gone: the policy that played these episodes is, too; run again")
            write_trajectories(path, play(self._stream(number)))
        return list(read_trajectories(path))

    def _stream(self, number: int, *names: object) -> int:
        """Return the seed of a random stream of a round; of the first one, as where there are no others."""
        return stream(self.seed, "stored", *((f"round {number}",) if number else ()), *names)
