"""A session with a server of tools, as the process that speaks with it holds it. Needs the package mcp."""

import asyncio
import collections
import os
import shutil
import threading
from collections.abc import Coroutine, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, TypeVar

import jsonschema
import mcp
import mcp_types
import referencing
from mcp.client.stdio import StdioServerParameters, stdio_client

from agentrl.errors import ConfigError, LostError
from agentrl.mcp.server import GRACE, MOST_CHARS, MOST_TOOLS, Server, started_with
from agentrl.toolcalls import harmless

T = TypeVar("T")
ANEW = "The server was started anew: what it remembered is gone."
WORDS = 300
"""characters of an error that are told"""


class Session:
    """A session that is opened, called and closed from code that waits."""

    def __init__(self, server: Server, start: float, deadline: float) -> None:
        self._server, self._start, self._deadline = server, start, deadline
        self._loop = asyncio.new_event_loop()
        self._client: mcp.Client | None = None
        self._over: asyncio.Event | None = None
        self._life: asyncio.Task[None] | None = None
        self._tools: list[Mapping[str, Any]] = []
        self._said = Overheard()

    def open(self, fresh: bool) -> list[Mapping[str, Any]]:
        """Return name, description and schema of each tool, of a new session if `fresh` or there is none.

        Errors: ConfigError where the server does not start or answer.
        """
        if fresh or self._client is None:
            self._wait(self._ended())
            self._wait(self._begun())
        return self._tools

    def call(self, name: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the `text` that a call comes to, and whether something was `wrong` with it.

        Errors: LostError where the server is not there any more.
        """
        if self._client is None:
            raise LostError("the server is gone")
        own = [one["schema"] for one in self._tools if one["name"] == name]
        wrong = mistake(name, own[0] if own else {}, arguments)
        if wrong:
            return {"text": wrong, "wrong": True}
        answer = self._wait(self._answered(name, arguments))
        if answer is not None:
            return answer
        # It may be stuck, or in the middle of an endless answer: the next call shall not wait for that.
        self.open(True)
        return {"text": f"{name} did not answer within {self._deadline:g} s. {ANEW}", "wrong": True}

    def close(self) -> None:
        """End the session, and the server where it was started here."""
        self._wait(self._ended())
        self._loop.close()

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        return self._loop.run_until_complete(work)

    async def _begun(self) -> None:
        ready: asyncio.Future[mcp.Client] = self._loop.create_future()
        self._over = asyncio.Event()
        self._life = asyncio.ensure_future(self._lived(ready, self._over))
        try:
            async with asyncio.timeout(self._start):
                self._client = await asyncio.shield(ready)
                self._tools = await self._listed(self._client)
        except TimeoutError:
            raise await self._failed(f"no answer within {self._start:g} s") from None
        except Exception as why:
            raise await self._failed(reason(why)) from None

    async def _failed(self, why: str) -> ConfigError:
        await self._ended()
        told = self._said.last()
        return ConfigError(
            f"MCP server {self._server.name} could not be asked: {why}{told and f'; it said: {told}'}"
        )

    async def _lived(self, ready: "asyncio.Future[mcp.Client]", over: asyncio.Event) -> None:
        """Hold a session open until it is over: it must be left by the task that entered it."""
        try:
            async with AsyncExitStack() as held:
                client = await held.enter_async_context(mcp.Client(self._transport(), cache=None))
                ready.set_result(client)
                await over.wait()
        except BaseException as why:
            if not ready.done():
                ready.set_exception(why if isinstance(why, Exception) else LostError(reason(why)))
            if isinstance(why, asyncio.CancelledError):
                raise

    def _transport(self) -> Any:
        server = self._server
        if server.url:
            return server.url
        program = server.command[0]
        if shutil.which(program) is None and not (Path(server.folder or ".") / program).is_file():
            raise ConfigError(f"there is no program {program!r}")
        program, *words = started_with(server.command)
        given = {name: os.environ[name] for name in server.variables if name in os.environ}
        how = StdioServerParameters(
            command=program, args=words, env=given, cwd=server.folder, encoding_error_handler="replace"
        )
        return stdio_client(how, errlog=self._said.file)

    async def _listed(self, client: mcp.Client) -> list[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = []
        cursor: str | None = None
        while len(found) < MOST_TOOLS:
            page = await client.list_tools(cursor=cursor)
            found += [_plain(tool) for tool in page.tools if tool.name]
            cursor = page.next_cursor
            if not cursor or not page.tools:
                break
        return found[:MOST_TOOLS]

    async def _ended(self) -> None:
        life, self._client, self._life = self._life, None, None
        if life is None or self._over is None:
            return
        self._over.set()
        done, _ = await asyncio.wait([life], timeout=GRACE)
        if not done:
            life.cancel()
            await asyncio.wait([life], timeout=1.0)

    async def _answered(self, name: str, arguments: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Return what becomes of a call; None where it is late."""
        assert self._client is not None
        try:
            async with asyncio.timeout(self._deadline):
                found = await self._client.call_tool(name, dict(arguments))
        except TimeoutError:
            return None
        except Exception as why:
            if (
                self._life is None
                or self._life.done()
                or getattr(why, "code", 0) == mcp_types.CONNECTION_CLOSED
            ):
                await self._ended()
                raise LostError(f"the server is gone ({reason(why)})") from None
            return {"text": f"{name} failed: {reason(why)}.", "wrong": True}
        return {"text": text_of(found), "wrong": bool(found.is_error)}


class Overheard:
    """What a server writes for people: its last words are kept, the rest is dropped."""

    def __init__(self) -> None:
        read, write = os.pipe()
        self.file = os.fdopen(write, "w")
        self._kept: collections.deque[bytes] = collections.deque(maxlen=4)
        threading.Thread(target=self._listen, args=(read,), daemon=True).start()

    def last(self) -> str:
        """Return its last words."""
        text = b"".join(self._kept).decode(errors="replace")
        return " ".join(harmless(text[-WORDS:], WORDS).split())

    def _listen(self, read: int) -> None:
        while part := os.read(read, 4096):
            self._kept.append(part)


def mistake(name: str, schema: Mapping[str, Any], arguments: Mapping[str, Any]) -> str:
    """Return what is wrong with arguments by a tool's schema, in words for the agent; empty: nothing.

    Edge: a schema that is none, or refers to others elsewhere, forbids nothing: the server judges then.
    """
    try:
        judge = jsonschema.Draft202012Validator(schema, registry=referencing.Registry())
        found = jsonschema.exceptions.best_match(judge.iter_errors(dict(arguments)))
    except Exception:  # whatever a broken schema raises is no fault of the call
        return ""
    if found is None:
        return ""
    place = ".".join(str(part) for part in found.absolute_path)
    return f"{name}: {f'{place}: ' if place else ''}{found.message[:WORDS]}."


def text_of(found: mcp_types.CallToolResult) -> str:
    """Return a result as text; what is no text is named."""
    parts = [_part(one) for one in found.content]
    if not parts and found.structured_content is not None:
        parts = [
            mcp_types.CallToolResult(content=[], structured_content=found.structured_content).model_dump_json(
                include={"structured_content"}
            )
        ]
    return "\n".join(parts)[:MOST_CHARS]


def _part(block: Any) -> str:
    match block:
        case mcp_types.TextContent():
            return str(block.text)
        case mcp_types.EmbeddedResource(resource=mcp_types.TextResourceContents() as held):
            return str(held.text)
        case mcp_types.ResourceLink():
            return f"[{block.type} {block.uri}]"
    return f"[{block.type}, which is no text]"


def _plain(tool: mcp.Tool) -> Mapping[str, Any]:
    """Return what is told of a tool; one whose schema is too long is offered without it."""
    most = MOST_CHARS // MOST_TOOLS
    schema = tool.input_schema if len(repr(tool.input_schema)) <= most else {"type": "object"}
    about = harmless(tool.description or tool.title or "", most)
    return {"name": tool.name[:100], "description": about, "schema": schema}


def reason(why: BaseException) -> str:
    """Return what an error says, the first one of a group, in a line."""
    while isinstance(why, BaseExceptionGroup):
        why = why.exceptions[0]
    return " ".join(harmless(str(why), WORDS).split()) or type(why).__name__
