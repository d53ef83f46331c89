"""Environments of other packages by name: an adapter's prefix and what it adapts, `gym:FrozenLake-v1`."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

PREFIXES: Mapping[str, str] = {
    "gym": "agentrl.adapters.gymnasium",
    "openenv": "agentrl.adapters.openenv",
    "reasoning_gym": "agentrl.adapters.reasoning_gym",
    "verifiers": "agentrl.adapters.verifiers",
}
"""the module of each prefix; its `adapted(rest)` returns an environment class"""
HINTS: Mapping[str, str] = {
    "gym": "gym:ID  any Gymnasium environment that can be told in text",
    "openenv": "openenv:URL  an environment that an OpenEnv server plays",
    "reasoning_gym": "reasoning_gym:TASK  a task family of reasoning-gym, scored by itself",
    "verifiers": "verifiers:NAME  an environment for the package verifiers",
}
"""how each is written, and what it is"""


def prefix_of(name: str) -> str:
    """Return the adapter's prefix of a name; empty where it has none.

    Edge: a number behind the colon is a share of a mixture, no adapter's.

    >>> prefix_of("gym:ALE/Pong-v5"), prefix_of("gym:0.5"), prefix_of("webshop"), prefix_of("mine.py:Shop")
    ('gym', '', '', '')
    """
    prefix, colon, rest = name.partition(":")
    return prefix if colon and prefix in PREFIXES and not _number(rest) else ""


def _number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def adapted(name: str) -> Any:
    """Return the environment class that a name with an adapter's prefix stands for.

    Errors: ConfigError where the package is missing, or has nothing of that name.
    """
    prefix = prefix_of(name)
    return import_module(PREFIXES[prefix]).adapted(name.removeprefix(f"{prefix}:"))
