"""The problems of an environment's options, dealt to train, dev and test; shared by all its episodes."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol

from agentrl.env import SPLITS, Split
from agentrl.types import Panel, Task
from agentrl_envs.math.generate import Generated
from agentrl_envs.math.options import Options
from agentrl_envs.math.problem import Problem

_SEED_STEP = 10_000_000


class Source(Protocol):
    """Somewhere problems come from."""

    @property
    def splits(self) -> Sequence[str]:
        """Names of the splits there are."""
        ...

    def problems(self, split: str) -> list[Problem]:
        """Return the problems of a split."""
        ...


class World:
    """A source and how its splits are used."""

    def __init__(self, source: Source, name: str) -> None:
        self.source = source
        self.name = name
        self._panels: dict[Split, Panel] = {}

    def panel(self, split: Split) -> Panel:
        """Return the tasks of a split."""
        if split not in self._panels:
            start = (SPLITS.index(split) + 1) * _SEED_STEP
            made = tuple(
                Task(f"math-{one.id}", split, start + number, one.data)
                for number, one in enumerate(self.source.problems(split))
            )
            self._panels[split] = Panel(f"math/{self.name}/{split}", made)
        return self._panels[split]


@lru_cache(maxsize=4)
def world(options: Options) -> World:
    """Return the problems of these options; the same object for equal ones."""
    return World(Generated(options), options.form)
