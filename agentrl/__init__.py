"""Train and measure language-model agents by reinforcement learning.

Everything public is here and is imported when it is first used: authors of environments, verifiers and
algorithms never wait for torch.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from agentrl.gym_ids import register_when_gymnasium_is_there

if TYPE_CHECKING:
    from agentrl.api import bench as bench
    from agentrl.api import collect as collect
    from agentrl.api import compare as compare
    from agentrl.api import evaluate as evaluate
    from agentrl.api import make as make
    from agentrl.api import rescore as rescore
    from agentrl.api import rollout as rollout
    from agentrl.api import train as train
    from agentrl.api import view as view
    from agentrl.env import Reply as Reply
    from agentrl.env import TextEnv as TextEnv
    from agentrl.errors import InvalidAction as InvalidAction
    from agentrl.players import Reasoned as Reasoned
    from agentrl.registry import algo as algo
    from agentrl.registry import env as env
    from agentrl.registry import verifier as verifier
    from agentrl.rewards import reward_function as reward_function
    from agentrl.toolenv import ToolEnv as ToolEnv
    from agentrl.tools import tool as tool
    from agentrl.types import Task as Task
    from agentrl.verify import Verdict as Verdict

__version__ = "0.1.0"

_HOME = {
    "train": "api", "evaluate": "api", "collect": "api", "compare": "api", "bench": "api",
    "rollout": "api", "make": "api", "view": "api",
    "rescore": "api", "reward_function": "rewards", "TextEnv": "env", "Reply": "env", "Reasoned": "players",
    "InvalidAction": "errors", "Task": "types", "Verdict": "verify",
    "env": "registry", "algo": "registry", "verifier": "registry", "tool": "tools",
    "ToolEnv": "toolenv",
}  # fmt: skip
__all__ = [*_HOME, "__version__"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'agentrl' has no attribute '{name}'")
    return getattr(import_module(f"agentrl.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)


class _Package(ModuleType):
    """This package, where `env`, `algo`, `train`, `evaluate` and `rollout` stay the public names.

    Modules have the same names, and Python sets a submodule as an attribute of its package on import.
    """

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in _HOME and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
register_when_gymnasium_is_there()
