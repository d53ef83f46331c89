"""Mathematics: problems from files, from reasoning-gym or made here; answers judged by a verifier."""

from agentrl_envs.math.env import Math

__all__ = ["Math"]
