"""What an offline plan trains on: episodes played a round at a time, kept on disk, dealt out in batches.

A run's iterations are dealt to its rounds as evenly as they go. Each round is played by the policy that its
first iteration finds, and what is played is a function of (seed, round) and of that policy's weights, so a
killed run finds or plays the same again.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from agentrl.algo import Stored
from agentrl.errors import RunError
from agentrl.evaluate import stream
from agentrl.trajectories import read_trajectories, write_trajectories
from agentrl.types import Trajectory

Play = Callable[[int], list[Trajectory]]
"""Returns what is played for a round, from the seed given"""


@lru_cache(maxsize=4)
def shuffled(count: int, seed: int) -> tuple[int, ...]:
    """Return 0 to count - 1 in an order drawn from the seed."""
    order = list(range(count))
    random.Random(seed).shuffle(order)
    return tuple(order)


@dataclass(slots=True)
class Store:
    """The episodes of a run with an offline plan."""

    folder: Path
    iterations: int
    """of the whole run"""
    seed: int
    """of the run"""
    round: int = -1
    """whose episodes are held"""
    episodes: list[Trajectory] = field(default_factory=list)

    def batch(self, plan: Stored, iteration: int, play: Play) -> tuple[list[Trajectory], int]:
        """Return the episodes of an iteration, and how many turns were played for it.

        Errors: RunError where a round's file is gone that weights of the past have played, or where none of
                its episodes can be trained on.
        """
        number, begin = self.place(plan.rounds, iteration)
        played = 0
        if number != self.round:
            found = self._found(plan, number, play if iteration == begin else None)
            played = sum(len(e.turns) for e in found) if iteration == begin else 0
            self.episodes = [e for e in found if e.scorable and (plan.only == "all" or e.success)]
            self.round = number
        if not self.episodes:
            raise RunError("no stored episode is left to train on; collect more, or use algo.only=all")
        count = min(plan.batch, len(self.episodes))
        chosen: list[Trajectory] = []
        for place in range((iteration - begin) * count, (iteration - begin + 1) * count):
            epoch, index = divmod(place, len(self.episodes))
            order = shuffled(len(self.episodes), self._stream(number, epoch))
            chosen.append(self.episodes[order[index]])
        return chosen, played

    def place(self, rounds: int, iteration: int) -> tuple[int, int]:
        """Return the round that an iteration falls in, and that round's first iteration."""
        number = iteration * rounds // max(self.iterations, 1)
        return number, -(-number * self.iterations // rounds)

    def _found(self, plan: Stored, number: int, play: Play | None) -> list[Trajectory]:
        """Return a round's episodes from its file, which is written first where that may be."""
        path = self.folder / _file(plan, number)
        if not path.exists():
            if play is None:
                raise RunError(f"{path} is gone: the policy that played these episodes is, too; run again")
            write_trajectories(path, play(self._stream(number)))
        return list(read_trajectories(path))

    def file(self, plan: Stored) -> str:
        """Return the name of the file that holds the episodes of the last batch."""
        return _file(plan, self.round)

    def _stream(self, number: int, *names: object) -> int:
        """Return the seed of a random stream of a round; of the first one, as where there are no others."""
        return stream(self.seed, "stored", *((f"round {number}",) if number else ()), *names)


def _file(plan: Stored, number: int) -> str:
    """Return the name of a round's file."""
    return "stored.jsonl.gz" if plan.rounds == 1 else f"stored-{number + 1:04d}.jsonl.gz"
