"""Tools of any Model Context Protocol server: a program spoken with over its pipes, or an address.

The server is somebody else's, and so may be what it says. It is spoken with from a process of its own (see
`child`), which is bounded in memory and never waited for beyond a deadline; only bounded text comes back.
"""

from agentrl.mcp.connection import Connection
from agentrl.mcp.server import Server, check_mcp

__all__ = ["Connection", "Server", "check_mcp"]
