"""Where a server of tools is, how it is started, and what bounds it."""

import importlib.util
import os
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from agentrl.errors import ConfigError

START = 60.0
"""seconds a server may take to start and to list its tools"""
GRACE = 8.0
"""seconds beside deadlines in which a server may be ended"""
MOST_TOOLS = 200
"""tools of a server that are offered"""
MOST_CHARS = 1 << 20
"""characters of a result, a description or a schema that come back from the process"""


@dataclass(frozen=True, slots=True)
class Server:
    """Where a server is: a command that starts one, or the address of one that runs.

    Errors: ConfigError where neither or both are given, or the variables named are not there.
    """

    command: tuple[str, ...] = ()
    """program and words"""
    url: str = ""
    """of a server that speaks streamable HTTP"""
    variables: tuple[str, ...] = ()
    """names of environment variables that a command is given; beside these it has PATH, HOME and the like"""
    folder: str | None = None
    """that a command is started in; none: this one"""

    def __post_init__(self) -> None:
        if bool(self.command) == bool(self.url):
            raise ConfigError(
                "an MCP server is a command to start, or the address of one that runs: give one"
            )
        missing = [name for name in self.variables if name not in os.environ]
        if missing:
            raise ConfigError(f"the MCP server is to be given {', '.join(missing)}, which is not set here")

    @property
    def name(self) -> str:
        """The command as a shell would be given it, or the address."""
        return shlex.join(self.command) if self.command else self.url


def check_mcp() -> None:
    """Raise ConfigError where the package that speaks the protocol is not installed. Imports nothing."""
    if importlib.util.find_spec("mcp") is None:
        raise ConfigError(
            "tools of MCP servers need the package mcp, which is not installed: pip install 'agentrl[mcp]',"
            " in a clone .venv/bin/pip install -e '.[mcp]'"
        )


def started_with(command: Sequence[str]) -> list[str]:
    """Return a command whose program ends with the process that starts it, however that ends (on Linux)."""
    if sys.platform != "linux":
        return list(command)
    code = (
        "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 9);"
        " os.getppid() == int(sys.argv[1]) or os._exit(1); os.execvp(sys.argv[2], sys.argv[2:])"
    )
    return [sys.executable, "-c", code, str(os.getpid()), *command]
