"""A world of records behind tools, with questions whose fewest calls are known."""

from agentrl_envs.tools.env import ToolWorld

__all__ = ["ToolWorld"]
