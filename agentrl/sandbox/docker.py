"""Sandboxes in containers."""
from agentrl.errors import ConfigError
from agentrl.sandbox.base import Box, Limits
class Docker:
    """x"""
    name = "docker"
    def __init__(self, image: str = "") -> None:
        raise ConfigError("not yet")
    def start(self, limits: Limits) -> Box:
        """x"""
        raise ConfigError("not yet")
