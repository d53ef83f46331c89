"""Who writes demonstrations: a careful pupil, and one with bad habits.

The habits are what many pupils know. Answering at once, without working it out, is quick and mostly wrong.
Working from left to right is wrong where a product stands later. And now and then a result is off by one.
"""

import random
from collections.abc import Mapping
from typing import Any

from agentrl_envs.math.arithmetic import is_line, parts, reduced
from agentrl_envs.math.problem import worked

BLURTS = 0.55
"""share of answers given at once, at full noise"""
KNOWN = 0.25
"""share of those that are right all the same"""
IN_ORDER = 0.6
"""share of lines worked from left to right, at full noise"""
SLIPS = 0.05
"""share of steps whose result is off, at full noise"""


def answered(data: Mapping[str, Any], noise: float, dice: random.Random) -> str:
    """Return what the pupil writes under a task's problem.

    Edge: only lines of arithmetic can be worked out wrongly; elsewhere the only habit is to answer at once.
    """
    question, answer = data["question"], data["answer"]
    in_order = dice.random() < IN_ORDER * noise
    if dice.random() < BLURTS * noise:
        return worked([], answer if dice.random() < KNOWN else _near(answer, dice))
    if not is_line(question):
        return worked(data.get("steps", ()), answer)

    def slip(result: int) -> int:
        return result + dice.choice([-1, 1]) if dice.random() < SLIPS * noise else result

    steps, found = reduced(*parts(question), in_order=in_order, slip=slip)
    return worked(steps, str(found))


def _near(answer: str, dice: random.Random) -> str:
    """Return a number not far from the answer; 0 where that is no number."""
    number = int(answer) if answer.lstrip("-").isdecimal() else 0
    return str(max(0, number + dice.choice([-1, 1]) * dice.randint(1, 10)))
