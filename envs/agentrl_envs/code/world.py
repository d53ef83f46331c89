"""The problems of an environment's options, by split."""

from collections.abc import Mapping
from functools import lru_cache

from agentrl.env import Split
from agentrl.types import Panel, Task
from agentrl_envs.code.generate import problems
from agentrl_envs.code.options import Options
from agentrl_envs.code.problem import Problem
from agentrl_envs.code.records import read

_SHARE: Mapping[Split, int] = {"train": 1, "dev": 8, "test": 4}
_SEED_STEP = 10_000_000


@lru_cache(maxsize=12)
def supply(data: str | None, split: Split, count: int, difficulty: int, seed: int) -> Mapping[str, Problem]:
    """Return the problems of a split by id, in order."""
    if data is not None:
        return {problem.id: problem for problem in read(data, split)}
    wanted = max(1, count // _SHARE[split])
    return {problem.id: problem for problem in problems(split, wanted, difficulty, seed)}


def of(options: Options, split: Split) -> Mapping[str, Problem]:
    """Return the problems of a split by id.

    Errors: DataError where a data file is broken.
    """
    return supply(options.data, split, options.problems, options.difficulty, options.generator_seed)


def panel(options: Options, split: Split) -> Panel:
    """Return one task a problem; `data` holds its id, its kind and a digest of what decides it."""
    start = (("train", "dev", "test").index(split) + 1) * _SEED_STEP
    tasks = tuple(
        Task(
            f"code-{split}-{number}",
            split,
            start + number,
            {"problem": problem.id, "kind": problem.kind, "digest": problem.digest},
        )
        for number, problem in enumerate(of(options, split).values())
    )
    return Panel(f"code/{split}", tasks)
