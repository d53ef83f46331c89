"""Problems made here: pure functions of split, number, options and this file's version.

Which split a problem may be in is decided by a digest of what it asks, so no two splits can share one.
"""

import random
from collections.abc import Mapping, Sequence
from itertools import count

from agentrl.env import SPLITS, Split
from agentrl.errors import ConfigError
from agentrl_envs.math.arithmetic import arithmetic
from agentrl_envs.math.options import Options
from agentrl_envs.math.problem import Problem, digest
from agentrl_envs.math.stories import story

NAME = "generated"
VERSION = 1
"""raise it when the same options are to give other problems"""
HELD_OUT: Mapping[Split, int] = {"dev": 200, "test": 300}
"""problems measured on"""
DRAWS = 20
"""problems drawn for each one wanted, at most"""
_TENTHS: Mapping[Split, range] = {"train": range(8), "dev": range(8, 9), "test": range(9, 10)}
"""digests, modulo ten, that belong to a split"""


def problem(split: Split, number: int, options: Options) -> Problem:
    """Return a split's problem of this number."""
    for attempt in count():
        dice = random.Random(f"math/{VERSION}/{options.problem_seed}/{split}/{number}/{attempt}")
        steps = dice.randint(options.min_steps, options.max_steps)
        if options.form == "arithmetic":
            made = arithmetic(dice, steps, options.largest)
        else:
            made = story(
                dice,
                steps,
                largest=options.largest,
                distractors=options.distractors,
                held_out=split != "train",
            )
        if made is not None and digest(made.question) % 10 in _TENTHS[split]:
            return Problem(f"{split}-{number}", made.question, made.answer, made.kind, made.steps)
    raise AssertionError("unreachable")


class Generated:
    """As many problems as are asked for, no question twice."""

    splits: Sequence[Split] = SPLITS

    def __init__(self, options: Options) -> None:
        self._options = options

    def problems(self, split: Split) -> list[Problem]:
        """Return the problems of a split: those of the lowest numbers that ask something new.

        Errors: ConfigError where so few different ones can be made with these options.
        """
        size = HELD_OUT.get(split, self._options.problems)
        found: dict[str, Problem] = {}
        for number in range(DRAWS * size):
            made = problem(split, number, self._options)
            found.setdefault(made.question, made)
            if len(found) == size:
                return list(found.values())
        raise ConfigError(
            f"only {len(found)} different {split} problems of {size} were found with env.form="
            f"{self._options.form}, env.max_steps={self._options.max_steps}, env.largest="
            f"{self._options.largest}: raise max_steps or largest, or lower env.problems"
        )
