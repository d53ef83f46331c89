"""Plug-ins of agentrl, registered through entry points; for the package verifiers all are one plug-in."""

from importlib import import_module
from typing import Any

__all__ = ["AgentRLEnv", "AgentRLTaskset", "ChatHarness"]
"""what verifiers looks for in a package of that name; they are imported when it does"""


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'agentrl_envs' has no attribute '{name}'")
    return getattr(import_module("agentrl.adapters.verifiers_plugin"), name)
