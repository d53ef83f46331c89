"""Tools: typed methods of an environment that an agent may call by name.

@tool
def search(self, query: str, most: int = 10) -> str:
    \"\"\"Return the best matches for a query.\"\"\"
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar, get_type_hints, overload

from agentrl.errors import ConfigError, InvalidAction, nearest

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Terms:
    """What is agreed about a tool beside its name, types and docstring."""

    cost: float = 1.0
    """of a call, in the environment's own unit; episodes report the sum"""
    budget: int = 0
    """calls an episode, after which it is refused; 0: as many as the environment allows in all"""
    latency: float = 0.0
    """seconds that a call is declared to last, where the tool stands in for a slower one; nobody waits"""


@dataclass(frozen=True, slots=True)
class Foreign:
    """A tool that is no method: it comes with a schema, and judges arguments itself."""

    about: Mapping[str, Any]
    """its JSON schema, in the form chat templates take"""
    answer: Callable[[Mapping[str, Any]], Any]
    """from arguments that an agent wrote to a result; raises InvalidAction, in words for the agent"""
    terms: Terms = Terms()


@overload
def tool(method: F, /) -> F: ...
@overload
def tool(*, cost: float = ..., budget: int = ..., latency: float = ...) -> Callable[[F], F]: ...
def tool(
    method: F | None = None, /, *, cost: float = 1.0, budget: int = 0, latency: float = 0.0
) -> F | Callable[[F], F]:
    """Return the method, marked as a tool: name, types and docstring are what the agent is told of it.

    `@tool(cost=2, budget=3, latency=0.5)` says what a call costs, how many an episode may make, and how many
    seconds one is declared to last.

    Errors: ConfigError for a parameter without a type, or of an open number (`*args`), for a negative cost,
            budget or latency.
    """
    if min(cost, budget, latency) < 0:
        raise ConfigError(f"tool: cost={cost:g}, budget={budget}, latency={latency:g}: none may be negative")
    terms = Terms(cost, budget, latency)
    return _marked(method, terms) if method is not None else lambda written: _marked(written, terms)


def _marked(method: F, terms: Terms) -> F:
    hints = get_type_hints(method)
    for name, parameter in list(inspect.signature(method).parameters.items())[1:]:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD) or name not in hints:
            raise ConfigError(
                f"tool '{method.__name__}': parameter '{name}' needs a name and a type of its own"
            )
    if not inspect.getdoc(method):
        raise ConfigError(f"tool '{method.__name__}' needs a docstring: it is what the agent reads")
    method.__agentrl_tool__ = terms  # type: ignore[attr-defined]
    return method


def terms_of(bound: Callable[..., Any] | Foreign) -> Terms:
    """Return what is agreed about a tool; the usual where nothing was."""
    terms: Terms = bound.terms if isinstance(bound, Foreign) else getattr(bound, "__agentrl_tool__", Terms())
    return terms


def tools_of(owner: object) -> dict[str, Any]:
    """Return the tools of an environment by name, in the order they are written, those of its bases first."""
    cls: Any = type(owner)
    return {name: getattr(owner, name) for name in _names(cls)}


def schema(written: Callable[..., Any]) -> dict[str, Any]:
    """Return a tool as JSON schema, in the form chat templates take."""
    import msgspec

    properties, required = {}, []
    for name, (kind, default) in _parameters(_plain(written)).items():
        properties[name] = msgspec.json.schema(kind)
        if default is inspect.Parameter.empty:
            required.append(name)
        else:
            properties[name]["default"] = default
    parameters = {"type": "object", "properties": properties, "required": required}
    about = {"name": written.__name__, "description": inspect.getdoc(written), "parameters": parameters}
    return {"type": "function", "function": about}


def call(owner: object, name: str, arguments: Mapping[str, Any]) -> Any:
    """Return what a tool of `owner` answers to arguments that an agent wrote; errors as in `called`."""
    return called(tools_of(owner), name, arguments)


def called(tools: Mapping[str, Any], name: str, arguments: Mapping[str, Any]) -> Any:
    """Return what one of these tools answers to arguments that an agent wrote.

    Errors: InvalidAction, in words for the agent, for an unknown tool, and for arguments that are missing,
            unknown or of another type.
    """
    import msgspec

    if name not in tools:
        raise InvalidAction(
            f"There is no tool '{name}'{nearest(name, tools)}. There are: {', '.join(tools)}."
        )
    bound = tools[name]
    if isinstance(bound, Foreign):
        return bound.answer(arguments)
    parameters = _parameters(_plain(bound))
    for given in arguments:
        if given not in parameters:
            raise InvalidAction(
                f"{name} takes no '{given}'{nearest(given, parameters)}. It takes: {', '.join(parameters)}."
            )
    values = {}
    for key, (kind, default) in parameters.items():
        if key in arguments:
            try:
                values[key] = msgspec.convert(arguments[key], kind)
            except msgspec.ValidationError as why:
                raise InvalidAction(f"{name}: {key}: {why}.") from None
        elif default is inspect.Parameter.empty:
            raise InvalidAction(f"{name} needs '{key}'.")
    return bound(**values)


@lru_cache(maxsize=256)
def _names(cls: Any) -> tuple[str, ...]:
    """Return the names of the tools of a class."""
    every = [pair for base in reversed(cls.__mro__) for pair in vars(base).items()]
    return tuple(dict.fromkeys(name for name, value in every if hasattr(value, "__agentrl_tool__")))


def _plain(written: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function behind a bound method."""
    function: Callable[..., Any] = getattr(written, "__func__", written)
    return function


@lru_cache(maxsize=1024)
def _parameters(method: Callable[..., Any]) -> dict[str, tuple[Any, Any]]:
    """Return (type, default) of each parameter of a method but its first; reading them takes a while."""
    hints = get_type_hints(method)
    rest = list(inspect.signature(method).parameters.items())[1:]
    return {name: (hints[name], parameter.default) for name, parameter in rest}
