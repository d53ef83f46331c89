"""What the package verifiers finds of ours: a taskset of our environments, and a chat loop without a process.

It finds them by the id `agentrl-envs`: `eval agentrl-envs --env.taskset.env webshop`.
"""

import asyncio
import json
from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Any

import httpx
import verifiers.v1 as vf
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from pydantic import Field
from verifiers.v1.dialects.chat import message_to_wire

from agentrl.config import env_options
from agentrl.env import Split, TextEnv
from agentrl.registry import find

ID = "agentrl-envs"
HERE: dict[str, Any] = {"harness": {"id": ID}, "runtime": {"type": "subprocess"}}
"""a seat whose program runs in this process"""


class AgentRLConfig(vf.TasksetConfig):
    """Which of our environments is played."""

    id: str = ID
    env: str = "guess"
    """a name, as in `env=`"""
    split: Split = "train"
    options: dict[str, Any] = Field(default_factory=dict)
    """the environment's own"""

    def made(self) -> TextEnv:
        """Return the environment.

        Errors: ConfigError for an unknown name or option.
        """
        cls: type[TextEnv] = find("envs", self.env)
        return cls(self.split, **env_options(cls, self.options))


class AgentRLData(vf.TaskData):
    """A task of ours."""

    number: int
    """in the panel of the split"""


class AgentRLTask(vf.Task[AgentRLData]):
    """A task of ours; it is scored while it is played."""


class AgentRLTaskset(vf.Taskset[AgentRLTask, AgentRLConfig]):
    """The tasks of one of our environments."""

    def load(self) -> Iterator[AgentRLTask]:
        """Yield the tasks of the split; the environment opens each conversation."""
        env = self.config.made()
        rules = env.instructions()
        for number, task in enumerate(env.tasks(self.config.split)):
            yield AgentRLTask(AgentRLData(name=task.id, system_prompt=rules, number=number), self.config.task)


class AgentRLEnvConfig(vf.EnvConfig):
    """One seat, which plays."""

    player: vf.AgentConfig = vf.AgentConfig.model_construct()


class AgentRLEnv(vf.Env[AgentRLEnvConfig]):
    """Our environment as the user of a conversation; rewards are the episode's."""

    async def run(self, task: Any, agents: Any) -> None:
        """Play an episode; record its return, score and success."""
        env: TextEnv = self.taskset.config.made()
        try:
            observation, _ = await asyncio.to_thread(env.reset, seed=task.data.number)
            total, info, over = 0.0, {"score": 0.0, "success": False}, False
            async with agents.player.interaction(task) as talk:
                segment = await talk.turn(observation)
                while not segment.terminated and not over:
                    observation, reward, ended, cut, info = await asyncio.to_thread(
                        env.step, segment.last_reply
                    )
                    total, over = total + reward, ended or cut
                    if not over:
                        segment = await talk.turn(observation)
            talk.trace.record_reward("return", total, 1.0)
            talk.trace.record_metric("score", float(info["score"]))
            talk.trace.record_metric("success", float(info["success"]))
        finally:
            env.close()


class ChatHarnessConfig(vf.HarnessConfig):
    """A conversation, with the task's tools."""

    id: str = ID


class ChatHarness(vf.Harness[ChatHarnessConfig]):
    """A chat loop in this process: nothing is installed or started."""

    APPENDS_SYSTEM_PROMPT = True
    SUPPORTS_MCP = True
    SUPPORTS_RESUME = True
    EXECUTES_CODE = False
    NEEDS_CONTAINER = False

    async def launch(
        self,
        ctx: Any,
        trace: Any,
        runtime: Any,
        endpoint: str,
        secret: str,
        mcp_urls: dict[str, str],
        data: Any,
    ) -> vf.ProgramResult:
        """Ask until a reply calls no tool."""
        system, prompt = self.resolve_prompt(data)
        messages: list[Any] = [{"role": "system", "content": system}] if system else []
        if isinstance(prompt, str):
            messages.append({"role": "user", "content": prompt})
        else:
            messages += [message_to_wire(one) for one in prompt or ()]
        async with AsyncExitStack() as stack:
            http = await stack.enter_async_context(httpx.AsyncClient(timeout=None))
            tools = await _tools(mcp_urls, stack)
            body = {"model": ctx.model, "messages": messages}
            if tools:
                body["tools"] = [about for about, _ in tools.values()]
            while True:
                found = await http.post(
                    f"{endpoint}/chat/completions", headers={"Authorization": f"Bearer {secret}"}, json=body
                )
                if found.status_code != httpx.codes.OK:
                    return vf.ProgramResult(1, "", found.text)
                said = found.json()["choices"][0]["message"]
                messages.append(said)
                if not said.get("tool_calls"):
                    return vf.ProgramResult(0, "", "")
                for call in said["tool_calls"]:
                    text = await _called(call["function"], tools)
                    messages.append({"role": "tool", "tool_call_id": call["id"], "content": text})


async def _tools(urls: dict[str, str], stack: AsyncExitStack) -> dict[str, tuple[dict[str, Any], Client]]:
    """Return the tools of servers by name, each in the form of a request, with who answers it."""
    found = {}
    for url in urls.values():
        client = await stack.enter_async_context(Client(streamable_http_client(url)))
        for tool in (await client.list_tools()).tools:
            schema = tool.input_schema or {"type": "object", "properties": {}}
            function = {"name": tool.name, "description": tool.description or "", "parameters": schema}
            found[tool.name] = ({"type": "function", "function": function}, client)
    return found


async def _called(function: dict[str, Any], tools: dict[str, tuple[dict[str, Any], Client]]) -> str:
    """Return what a tool answers; what a model got wrong is told to it."""
    name = function["name"]
    if name not in tools:
        return f"There is no tool '{name}'."
    try:
        arguments = json.loads(function["arguments"])
        result = await tools[name][1].call_tool(name, arguments)
    except Exception as why:  # arguments that are no JSON, or what the server makes of them
        return f"{type(why).__name__}: {why}"
    return "\n".join(getattr(part, "text", "") for part in result.content)
