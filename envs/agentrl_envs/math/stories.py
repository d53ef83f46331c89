"""Placeholder until templates exist."""
import random
from agentrl_envs.math.options import Options
from agentrl_envs.math.problem import Problem


def story(dice: random.Random, steps: int, options: Options, *, held_out: bool) -> Problem | None:
    """Return."""
    raise NotImplementedError
