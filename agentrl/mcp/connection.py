"""A server's tools for the environment that holds them."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from agentrl.child import Child
from agentrl.errors import DeadlineError, InvalidAction, LostError
from agentrl.mcp.server import GRACE, START, Server, check_mcp
from agentrl.tools import Foreign


class Connection:
    """A server and its tools, for an environment that holds it: `open` where an episode begins, `toolbox`.

    A call that takes longer than `deadline` seconds, is wrong by the tool's own schema, or fails, is told to
    the agent. A server that ends raises LostError: it is the environment's failure, and `open` starts
    another. Copies (pickled) have a server of their own.

    Errors: ConfigError where the package is missing, or the server does not start or answer.
    """

    def __init__(
        self, server: Server, *, deadline: float = 30.0, start: float = START, memory: float = 4096.0
    ) -> None:
        """Bound a call to `deadline` seconds, the server's start to `start`.

        The server, and who speaks with it, may allocate `memory` MiB each (0: no bound).
        """
        check_mcp()
        self.server, self.deadline, self.start, self.memory = server, deadline, start, memory
        self._child: Child | None = None
        self._tools: dict[str, Foreign] = {}
        self._starts = -1

    def open(self, *, fresh: bool = True) -> None:
        """Be ready for an episode; `fresh`: with a server that remembers nothing."""
        if self._child is None:
            self._child = Child(Speaker(self.server, self.start, self.deadline), memory=self.memory)
        try:
            told = self._child.call("open", fresh, deadline=self.start + 2 * GRACE)
        except (DeadlineError, LostError) as why:
            raise LostError(f"MCP server {self.server.name}: {why}") from None
        self._tools = {one["name"]: self._tool(one) for one in told}

    def toolbox(self) -> dict[str, Foreign]:
        """Return the tools by name; a server that is not there is started."""
        if not self._tools:
            self.open(fresh=False)
        return self._tools

    def close(self) -> None:
        """End the server, where it was started here, and who speaks with it."""
        child, self._child = self._child, None
        if child is not None:
            child.close()

    def __getstate__(self) -> dict[str, Any]:
        """Return the connection without its process."""
        return {**self.__dict__, "_child": None, "_tools": {}}

    def _tool(self, told: Mapping[str, Any]) -> Foreign:
        function = {"name": told["name"], "description": told["description"], "parameters": told["schema"]}
        return Foreign({"type": "function", "function": function}, partial(self._called, told["name"]))

    def _called(self, name: str, arguments: Mapping[str, Any]) -> str:
        if self._child is None:
            self.open(fresh=False)
        assert self._child is not None
        try:
            # After a late answer the server is started anew.
            most = self.deadline + self.start + 2 * GRACE
            told = self._child.call("call", name, dict(arguments), deadline=most)
        except (DeadlineError, LostError) as why:
            raise LostError(f"MCP server {self.server.name}, asked for {name}: {why}") from None
        if told["wrong"]:
            raise InvalidAction(str(told["text"]))
        return str(told["text"])


class Speaker:
    """The function of the process: opens sessions and makes calls. Its session lives as long as it does."""

    def __init__(self, server: Server, start: float, deadline: float) -> None:
        self.server, self.start, self.deadline = server, start, deadline
        self._session: Any = None

    def __call__(self, what: str, *args: Any) -> Any:
        """Return what becomes of `open` or `call`."""
        from agentrl.mcp.session import Session

        if self._session is None:
            self._session = Session(self.server, self.start, self.deadline)
        return self._session.open(*args) if what == "open" else self._session.call(*args)

    def close(self) -> None:
        """End the session."""
        if self._session is not None:
            self._session.close()
