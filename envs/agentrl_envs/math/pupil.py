"""Who writes demonstrations: a careful pupil, and one with bad habits.

The habits are what most pupils know. Answering at once, without working it out, is quick and mostly wrong.
Working from left to right is wrong where a product stands later. And now and then a result is off by one.
"""

import random

from agentrl_envs.math.arithmetic import parts, reduced
from agentrl_envs.math.problem import worked

BLURTS = 0.55
"""share of answers given at once, at full noise"""
KNOWN = 0.25
"""share of those that are right all the same"""
IN_ORDER = 0.6
"""share of lines worked from left to right, at full noise"""
SLIPS = 0.05
"""share of steps whose result is off, at full noise"""


def answered(question: str, answer: str, noise: float, dice: random.Random) -> str:
    """Return what the pupil writes under a line of arithmetic."""
    numbers, signs = parts(question)
    in_order = dice.random() < IN_ORDER * noise
    if dice.random() < BLURTS * noise:
        said = int(answer)
        if dice.random() >= KNOWN:
            said = max(0, said + dice.choice([-1, 1]) * dice.randint(1, 10))
        return worked([], str(said))

    def slip(result: int) -> int:
        return result + dice.choice([-1, 1]) if dice.random() < SLIPS * noise else result

    steps, found = reduced(numbers, signs, in_order=in_order, slip=slip)
    return worked(steps, str(found))
