"""Tasks of the package reasoning-gym, which makes them and scores answers itself."""

import os
from functools import lru_cache
from itertools import islice
from typing import Any

from agentrl.env import Split
from agentrl.errors import ConfigError, DataError, nearest
from agentrl.killable import Killable
from agentrl.types import Task
from agentrl.verify import Pair, Submission, Verdict, Verifier
from agentrl_envs.math.problem import Problem
from agentrl_verifiers.math_find import answer_in

PREFIX = "reasoning-gym:"
HELD_OUT: dict[Split, int] = {"test": 300, "dev": 200}
"""tasks measured on; they come before those to learn from"""
DRAWS = 4
"""times as many tasks are drawn as are wanted, at most: those that ask the same are taken once"""
SIZE = 1_000_000_000
DEADLINE, MEMORY = 10.0, 4096.0
"""seconds and MiB that the score of an answer may take: some of them hand the answer to SymPy"""


def dataset(name: str, seed: int) -> Any:
    """Return a dataset of the package, endless for all practical purposes.

    Errors: ConfigError where the package or the dataset is missing.
    """
    try:
        import reasoning_gym
        from reasoning_gym.factory import DATASETS
    except ImportError as why:
        raise ConfigError(
            f"env.data={PREFIX}{name} needs the package reasoning-gym:"
            f" pip install 'agentrl[reasoning-gym]' ({why})"
        ) from None
    if name not in DATASETS:
        raise ConfigError(f"reasoning-gym has no dataset '{name}'{nearest(name, DATASETS)}")
    try:
        return reasoning_gym.create_dataset(name, size=SIZE, seed=seed)
    except Exception as why:  # what its configuration objects to, in its own words
        raise ConfigError(f"reasoning-gym's dataset '{name}' cannot be made: {why}") from None


class Reasoning:
    """Tasks of one dataset, no question in two splits."""

    splits: tuple[Split, ...] = ("train", "dev", "test")

    def __init__(self, name: str, seed: int, size: int) -> None:
        self.name, self.seed = name, seed
        self._sizes: dict[Split, int] = {**HELD_OUT, "train": size}
        self._entries = dataset(name, seed)
        self._dealt: dict[Split, list[Problem]] = {}
        self._numbers = iter(range(SIZE))
        self._seen: set[str] = set()

    def problems(self, split: Split) -> list[Problem]:
        """Return the tasks of a split; of a dataset that repeats itself, as many as there are.

        Errors: DataError where there is none.
        """
        for earlier, size in self._sizes.items():
            if earlier not in self._dealt:
                self._dealt[earlier] = self._new(earlier, size)
            if earlier == split:
                break
        if not self._dealt[split]:
            raise DataError(f"{PREFIX}{self.name} repeats itself too soon: it has no {split} tasks")
        return self._dealt[split]

    def _new(self, split: Split, size: int) -> list[Problem]:
        found: list[Problem] = []
        for number in islice(self._numbers, DRAWS * size):
            entry = self._entries[number]
            if entry["question"] in self._seen:
                continue
            self._seen.add(entry["question"])
            answer = "" if entry["answer"] is None else str(entry["answer"])
            found.append(
                Problem(f"{split}-{number}", entry["question"], answer, self.name, extra={"number": number})
            )
            if len(found) == size:
                break
        return found


class Score:
    """The package's own score of an answer, 0 to 1; what is judged is what a reply marks as its answer.

    It lives in a process of its own: the dataset is made where it is unpickled.
    """

    name = "reasoning-gym"
    low, high = 0.0, 1.0
    pairs: tuple[Pair, ...] = ()

    def __init__(self, dataset_name: str, seed: int, entries: Any = None) -> None:
        self._dataset, self._seed, self._entries = dataset_name, seed, entries

    def __reduce__(self) -> tuple[Any, ...]:
        """Return what makes this object again, its dataset with it."""
        return _ready, (self._dataset, self._seed)

    def verify(self, submission: Submission, task: Task) -> Verdict:
        """Return the score; `error` where the package raises, which says nothing about the answer."""
        answer = answer_in(submission.answer)
        try:
            entry = self._entries[task.data["extra"]["number"]]
            said = submission.answer.strip() if answer is None else answer
            return Verdict(float(self._entries.score_answer(said, entry)))
        except Exception as why:
            return Verdict(0.0, "error", f"{type(why).__name__}: {why}")


def _ready(name: str, seed: int) -> Score:
    return Score(name, seed, dataset(name, seed))


def judge(name: str, seed: int) -> Verifier:
    """Return the verifier of a dataset: one process, shared by all episodes of this one."""
    return _judge(name, seed, os.getpid())  # a process that was forked has children of its own


@lru_cache(maxsize=2)
def _judge(name: str, seed: int, pid: int) -> Verifier:
    return Killable(Score(name, seed), deadline=DEADLINE, memory=MEMORY)
