"""Generated games as a source: three splits, no layout in two of them, games made only when asked for."""

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from agentrl.errors import DataError
from agentrl_envs.alfworld.game import KINDS, Game, Kind
from agentrl_envs.alfworld.generate import game_id, generated, possible
from agentrl_envs.alfworld.scenes import PER_SORT, numbers
from agentrl_envs.alfworld.sources import Entry

NAME = "generated"
"""the word for them where a path to games is asked for"""
_PLACES: Mapping[str, tuple[range, int]] = MappingProxyType(
    {
        "generated_train": (range(PER_SORT - 10), 500),
        "generated_dev": (range(PER_SORT - 10, PER_SORT - 6), 25),
        "generated_test": (range(PER_SORT - 6, PER_SORT), 50),
    }
)
"""split to places of its layouts among those of a sort of room, and games of each sort of task"""
_ID = re.compile(r"([^/]+)/(\w+)-(\d+)-(\d+)")


def layouts(split: str) -> list[int]:
    """Return the numbers of the layouts of a split."""
    places, _ = _PLACES[split]
    return [number for index, number in enumerate(numbers()) if index % PER_SORT in places]


class Generated:
    """Games of a difficulty, as many of each sort of task as of any other."""

    def __init__(self, difficulty: float) -> None:
        self.difficulty = difficulty

    @property
    def splits(self) -> Sequence[str]:
        """Names of the splits there are."""
        return tuple(_PLACES)

    def entries(self, split: str) -> Sequence[Entry]:
        """Return the games of a split: sort of task by sort, going round the layouts that have it."""
        _, count = _PLACES[split]
        found = []
        for kind in KINDS:
            rooms = [number for number in layouts(split) if possible(number, kind)]
            found += [
                Entry(game_id(rooms[index % len(rooms)], kind, index // len(rooms), self.difficulty), kind)
                for index in range(count)
            ]
        return found

    def game(self, entry: Entry) -> Game:
        """Return a game, made and won once.

        Errors: DataError where it is none of this version and difficulty.
        """
        found = _ID.fullmatch(entry.id)
        kinds: Mapping[str, Kind] = {kind: kind for kind in KINDS}
        if found and found[2] in kinds:
            number, kind, seed = int(found[3]), kinds[found[2]], int(found[4])
            if entry.id == game_id(number, kind, seed, self.difficulty) and number in numbers():
                return generated(number, kind, seed, self.difficulty)
        raise DataError(f"{entry.id} is no game of this generator at difficulty {self.difficulty:g}")
