"""WebShop: search, look, choose, buy."""

from agentrl_envs.webshop.env import WebShop
from agentrl_envs.webshop.world import ambiguity

__all__ = ["WebShop", "ambiguity"]
