"""WebShop: search, look, choose, buy."""

from agentrl_envs.webshop.env import WebShop

__all__ = ["WebShop"]
