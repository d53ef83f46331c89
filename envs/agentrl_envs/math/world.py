"""The problems of an environment's options, dealt to train, dev and test; shared by all its episodes."""

import os
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from agentrl.env import SPLITS, Split
from agentrl.errors import DataError
from agentrl.types import Panel, Task
from agentrl_envs.math import files, reasoning
from agentrl_envs.math.generate import NAME, Generated
from agentrl_envs.math.options import Options
from agentrl_envs.math.problem import Problem

VARIABLE = "MATH_DATA"
HELD_OUT = 10
"""every so many-th training problem stands in for a split that the data lack"""
_PLACE: Mapping[Split, int] = {"dev": HELD_OUT - 2, "test": HELD_OUT - 1}
_SEED_STEP = 10_000_000


class Source(Protocol):
    """Somewhere problems come from."""

    @property
    def splits(self) -> Sequence[Split]:
        """Names of the splits there are."""
        ...

    def problems(self, split: Split) -> list[Problem]:
        """Return the problems of a split.

        Errors: DataError where they cannot be read.
        """
        ...


class World:
    """A source and how its splits are used."""

    def __init__(self, source: Source, name: str) -> None:
        self.source = source
        self.name = name
        self._panels: dict[Split, Panel] = {}

    def panel(self, split: Split) -> Panel:
        """Return the tasks of a split, one a problem, in an order that never changes.

        Edge:   data without training problems can be measured on, not learnt from: that panel is empty.
        Errors: DataError where the problems cannot be read, or are too few to hold some out.
        """
        if split not in self._panels:
            start = (SPLITS.index(split) + 1) * _SEED_STEP
            made = tuple(
                Task(f"math-{one.id}", split, start + number, one.data)
                for number, one in enumerate(self._dealt(split))
            )
            held = "" if split in self.source.splits or not made else ", held out"
            self._panels[split] = Panel(f"math/{self.name}/{split}{held}", made)
        return self._panels[split]

    def _dealt(self, split: Split) -> Sequence[Problem]:
        there = self.source.splits
        lacking = {place for other, place in _PLACE.items() if other not in there}
        if split in there and not (split == "train" and lacking):
            return self.source.problems(split)
        if "train" not in there:
            return ()
        given = self.source.problems("train")
        if len(given) < HELD_OUT:
            raise DataError(
                f"math/{self.name} has {len(given)} training problems and lacks dev or test ones: at least"
                f" {HELD_OUT} are needed to hold some out"
            )
        wanted = {_PLACE[split]} if split != "train" else set(range(HELD_OUT)) - lacking
        return [one for number, one in enumerate(given) if number % HELD_OUT in wanted]


def place(options: Options) -> str:
    """Return where the problems of these options come from: a path, or a name."""
    return options.data if options.data is not None else os.environ.get(VARIABLE) or NAME


def world(options: Options) -> World:
    """Return the problems of these options; the same object for equal ones.

    Errors: ConfigError where there is nothing at their path.
    """
    return _world(options, place(options))


@lru_cache(maxsize=4)
def _world(options: Options, data: str) -> World:
    if data == NAME:
        return World(Generated(options), options.form)
    if data.startswith(reasoning.PREFIX):
        name = data.removeprefix(reasoning.PREFIX)
        return World(reasoning.Reasoning(name, options.problem_seed, options.problems), name)
    return World(files.opened(data), Path(data).resolve().stem)
