"""The games of an environment's options, dealt to train, dev and test; shared by all its episodes."""

import hashlib
import os
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from agentrl.env import SPLITS, Split
from agentrl.errors import ConfigError, DataError, nearest
from agentrl.types import Panel, Task
from agentrl_envs.alfworld.engine import Engine
from agentrl_envs.alfworld.game import Dialect
from agentrl_envs.alfworld.options import AUTO, Options
from agentrl_envs.alfworld.room import compiled
from agentrl_envs.alfworld.sources import Entry, Source, opened

VARIABLE = "ALFWORLD_DATA"
"""environment variable that the original also reads"""
HELD_OUT = 10
"""every so many-th training game stands in for a split that the data lack"""
READY = 64
"""games kept compiled, about 0.2 MB each"""
_PLACE: Mapping[str, int] = MappingProxyType({"dev": HELD_OUT - 2, "test": HELD_OUT - 1})
_AUTO: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"train": ("train",), "dev": ("valid_train",), "test": ("valid_seen", "valid_unseen")}
)
_SEED_STEP = 10_000_000


class World:
    """A source and how its splits are used."""

    def __init__(self, source: Source, splits: Mapping[Split, str]) -> None:
        """Take the source and the name of the data's split for train, dev and test; "" is held out."""
        self.source = source
        self.splits = splits
        self._panels: dict[Split, Panel] = {}
        self._entries: dict[str, Entry] = {}
        self._engine = lru_cache(maxsize=READY)(self._made)

    def panel(self, split: Split) -> Panel:
        """Return the tasks of a split, one a game, in an order of its own that never changes.

        `data` holds the game's id and, as `kind`, its sort of task.
        """
        if split not in self._panels:
            self._panels[split] = self._dealt(split)
        return self._panels[split]

    def _dealt(self, split: Split) -> Panel:
        name = self.splits[split]
        # By digest: ids go by sort of task, and the first so many tasks of a panel shall hold every sort.
        entries = sorted(
            self.source.entries(name or self.splits["train"]), key=lambda entry: _digest(entry.id)
        )
        few = len(entries) < HELD_OUT  # too few to be divided: every split is all of them
        if not few:
            entries = [entry for number, entry in enumerate(entries) if self._belongs(split, number)]
        others = [self.splits[other] for other in SPLITS if other != split]
        # The games measured on keep their names, so that their panel is the same whatever lies beside them.
        shared = split != "test" and (few or (name and name in others))
        start = (SPLITS.index(split) + 1) * _SEED_STEP
        tasks = tuple(
            Task(
                f"{split}:{entry.id}" if shared else entry.id,
                split,
                start + number,
                {"game": entry.id, "kind": entry.kind},
            )
            for number, entry in enumerate(entries)
        )
        return Panel(f"alfworld/{name or self.splits['train'] + ', held out'}", tasks)

    def _belongs(self, split: Split, number: int) -> bool:
        """Tell whether a game of the split that `split` draws from is one of its own."""
        if split != "train" and self.splits[split]:
            return True
        place = number % HELD_OUT
        if split != "train":
            return place == _PLACE[split]
        return all(self.splits[other] or place != _PLACE[other] for other in ("dev", "test"))

    def engine(self, game: str, dialect: str = AUTO) -> Engine:
        """Return a game, ready to be played.

        Errors: DataError where there is no such game, or it is broken.
        """
        made: Engine = self._engine(game, dialect)
        return made

    def _made(self, game: str, dialect: str) -> Engine:
        if game not in self._entries:
            for name in dict.fromkeys(name for name in self.splits.values() if name):
                self._entries |= {entry.id: entry for entry in self.source.entries(name)}
        if game not in self._entries:
            raise DataError(f"the data have no game {game!r}{nearest(game, self._entries)}")
        read = self.source.game(self._entries[game])
        words: Mapping[str, Dialect] = {"0.3": "0.3", "0.4": "0.4"}
        return Engine(compiled(read.spoken(words.get(dialect, read.dialect))))


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=8).digest()


def world(options: Options) -> World:
    """Return the games of these options; the same object for equal ones.

    Errors: ConfigError where there are no data or they lack a split that is asked for.
    """
    data = options.data if options.data is not None else os.environ.get(VARIABLE, "")
    return _world(data, options.train, options.dev, options.test)


@lru_cache(maxsize=4)
def _world(data: str, train: str, dev: str, test: str) -> World:
    if not data:
        raise ConfigError(f"env 'alfworld' has no games: give env.data=PATH, or set {VARIABLE}")
    source = opened(data)
    asked: Mapping[Split, str] = {"train": train, "dev": dev, "test": test}
    return World(source, {split: _split(source, split, name) for split, name in asked.items()})


def _split(source: Source, split: Split, asked: str) -> str:
    """Return the name of the data's split to use; "" where it is to be held out of the training games."""
    there = source.splits
    if asked != AUTO:
        if asked not in there:
            raise ConfigError(
                f"env.{split}={asked}: the data have no such split{nearest(asked, there)}"
                f" (they have: {', '.join(there)})"
            )
        return asked
    found = next((name for name in _AUTO[split] if name in there), "")
    if found or split != "train":
        return found
    # No training games: something else of the data, if possible not what is measured on.
    measured = {name for wanted in _AUTO.values() for name in wanted}
    return next((name for name in there if name not in measured), there[0])
