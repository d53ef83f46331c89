"""ALFWorld: household tasks in text, step for step as TextWorld plays them."""

from agentrl_envs.alfworld.env import AlfWorld

__all__ = ["AlfWorld"]
