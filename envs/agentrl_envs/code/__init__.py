"""Programming problems as an environment."""

from agentrl_envs.code.env import Coding

__all__ = ["Coding"]
