"""An episode as an object whose public methods are tools, for trainers that call tools themselves."""

import inspect
import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from agentrl import toolcalls
from agentrl.env import TextEnv
from agentrl.errors import ConfigError, nearest
from agentrl.registry import cause
from agentrl.types import Panel, Task

OVER = "The episode is over."
KINDS: Mapping[str, type[Any]] = {
    "string": str, "integer": int, "number": float, "boolean": bool, "array": list, "object": dict,
}  # fmt: skip
"""Python's types for those of JSON schemas"""


class ToolEpisode:
    """One environment, played by calls of methods; subclasses have a method for each tool."""

    _make: Callable[[], TextEnv]
    _panel: Panel
    _numbers: Iterator[int]

    def __init__(self) -> None:
        self._env = type(self)._make()
        self._return: float | None = 0.0
        self._over = True

    def reset(self, task: str | None = None, **row: Any) -> str:
        """Begin an episode of a task by its id, or of the next one; return the first observation.

        Errors: ConfigError where there is no such task.
        """
        panel = type(self)._panel
        number = next(type(self)._numbers) if task is None else 0
        chosen = panel[number % len(panel)] if task is None else self._task(task)
        self._return, self._over = 0.0, False
        try:
            return self._env.reset(options={"task": chosen})[0]
        except Exception as why:
            return self._failed(why)

    def _task(self, name: str) -> Task:
        found = next((task for task in type(self)._panel if task.id == name), None)
        if found is None:
            ids = [task.id for task in type(self)._panel]
            raise ConfigError(f"there is no task '{name}'{nearest(name, ids)}")
        return found

    def get_reward(self) -> float | None:
        """Return the sum of the episode's rewards; None where its environment failed."""
        return self._return

    def _done(self, action: str) -> str:
        """Return what the environment answers to an action."""
        if self._over:
            return OVER
        try:
            observation, reward, terminated, truncated, _ = self._env.step(action)
        except Exception as why:
            return self._failed(why)
        self._over = terminated or truncated
        if self._return is not None:
            self._return += reward
        return f"{observation}\n{OVER}" if self._over else observation

    def _failed(self, why: Exception) -> str:
        self._over, self._return = True, None
        self._env.close()
        self._env = type(self)._make()  # what raised is not used again
        return f"The environment failed: {cause(why)}"


def episode_class(name: str, make: Callable[[], TextEnv], panel: Panel) -> type[ToolEpisode]:
    """Return the class of an environment's episodes: a method for each of its tools, or `act`."""
    probe = make()
    body: dict[str, Any] = {
        "_make": staticmethod(make), "_panel": panel, "_numbers": itertools.count(),
        "__doc__": probe.instructions(),
    }  # fmt: skip
    probe.reset(options={"task": panel[0]})
    offered = probe.tools()
    if offered:
        for tool in offered:
            body[tool["function"]["name"]] = _method(tool["function"])
        about = "Give the final answer, which ends the episode."
        body["answer"] = _spoken("answer", about, "The answer alone.")
    else:
        body["act"] = _spoken("act", "Do an action and read what the world answers.", "The action, in words.")
    probe.close()
    return type(re.sub(r"\W+", "_", name), (ToolEpisode,), body)


def _spoken(name: str, about: str, meaning: str) -> Callable[..., str]:
    """Return a method that says its one argument."""
    key = {"act": "action"}.get(name, name)

    def spoken(self: ToolEpisode, **arguments: Any) -> str:
        return self._done(str(arguments[key]))

    return _described(spoken, name, about, {key: (str, meaning, True)})


def _method(function: Mapping[str, Any]) -> Callable[..., str]:
    """Return a method that calls a tool of the environment."""
    name = function["name"]
    schema = function.get("parameters", {})
    required = schema.get("required", ())
    parameters = {
        key: (KINDS.get(one.get("type"), str), one.get("description", key), key in required)
        for key, one in schema.get("properties", {}).items()
    }

    def called(self: ToolEpisode, **arguments: Any) -> str:
        return self._done(toolcalls.written(name, arguments))

    return _described(called, name, function.get("description") or name, parameters)


def _described(
    method: Callable[..., str], name: str, about: str, parameters: Mapping[str, tuple[type[Any], str, bool]]
) -> Callable[..., str]:
    """Return a method with the name, signature and docstring that schemas are read from."""
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    own = [inspect.Parameter("self", kind)]
    for key, (hint, _, required) in sorted(parameters.items(), key=lambda item: not item[1][2]):
        default = inspect.Parameter.empty if required else None
        own.append(inspect.Parameter(key, kind, annotation=hint, default=default))
    lines = [f"    {key}: {' '.join(meaning.split())}" for key, (_, meaning, _) in parameters.items()]
    method.__name__ = method.__qualname__ = name
    method.__doc__ = "\n".join([about, "", "Args:", *lines, "", "Returns:", "    What is answered."])
    method.__annotations__ = {key: hint for key, (hint, _, _) in parameters.items()} | {"return": str}
    method.__signature__ = inspect.Signature(own, return_annotation=str)  # type: ignore[attr-defined]
    return method
