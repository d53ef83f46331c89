"""Task families of reasoning-gym, scored by themselves: `env=reasoning_gym:chain_sum`."""

import functools
from typing import Any

from agentrl.adapters.base import Adapted, peer
from agentrl.env import Split, TextEnv
from agentrl.errors import ConfigError, nearest
from agentrl.registry import find

PREFIX = "reasoning_gym:"


@functools.cache
def adapted(task: str) -> type[TextEnv]:
    """Return `env=math` on one family of tasks: made from a seed, no question in two splits.

    Errors: ConfigError where the package is missing, or has no such tasks.
    """
    known = peer("reasoning_gym.factory", "reasoning-gym", "reasoning-gym").DATASETS
    if task not in known:
        raise ConfigError(f"env={PREFIX}{task}: reasoning-gym has no dataset '{task}'{nearest(task, known)}")
    math: type[TextEnv] = find("envs", "math")
    place = f"reasoning-gym:{task}"

    def begun(self: Any, split: Split = "train", *, max_turns: int | None = None, **options: Any) -> None:
        if options.get("data") not in (None, place):
            raise ConfigError(
                f"env.data={options['data']}: the tasks of {PREFIX}{task} are made by reasoning-gym"
            )
        math.__init__(self, split, max_turns=max_turns, **{**options, "data": place})

    attributes = {
        "__doc__": f"Tasks '{task}' of reasoning-gym, scored by itself.",
        "__module__": __name__,
        "__init__": begun,
        "name": f"{PREFIX}{task}",
        "tiny": {key: wish for key, wish in math.tiny.items() if not key.startswith("env.")},
    }
    return type("ReasoningGym", (math, Adapted), attributes)
