"""Tools: typed methods of an environment that an agent may call by name.

@tool
def search(self, query: str, most: int = 10) -> str:
    \"\"\"Return the best matches for a query.\"\"\"
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
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


@overload
def tool(method: F, /) -> F: ...
@overload
def tool(*, cost: float = ..., budget: int = ...) -> Callable[[F], F]: ...
def tool(method: F | None = None, /, *, cost: float = 1.0, budget: int = 0) -> F | Callable[[F], F]:
    """Return the method, marked as a tool: name, types and docstring are what the agent is told of it.

    `@tool(cost=2, budget=3)` says what a call costs and how many an episode may make.

    Errors: ConfigError for a parameter without a type, or of an open number (`*args`), for a negative cost
            or budget.
    """
    if cost < 0 or budget < 0:
        raise ConfigError(f"tool: cost={cost:g}, budget={budget}: neither may be negative")
    if method is None:
        return lambda written: _marked(written, Terms(cost, budget))
    return _marked(method, Terms(cost, budget))


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


def terms_of(bound: Callable[..., Any]) -> Terms:
    """Return what is agreed about a tool; the usual where nothing was."""
    terms: Terms = getattr(bound, "__agentrl_tool__", Terms())
    return terms


def tools_of(owner: object) -> dict[str, Callable[..., Any]]:
    """Return the tools of an environment by name, in the order they are written, those of its bases first."""
    found: dict[str, Callable[..., Any]] = {}
    for cls in reversed(type(owner).__mro__):
        for name, value in vars(cls).items():
            if hasattr(value, "__agentrl_tool__"):
                found[name] = getattr(owner, name)
    return found


def schema(bound: Callable[..., Any]) -> dict[str, Any]:
    """Return a tool as JSON schema, in the form chat templates take."""
    import msgspec

    hints = get_type_hints(bound)
    properties, required = {}, []
    for name, parameter in inspect.signature(bound).parameters.items():
        properties[name] = msgspec.json.schema(hints[name])
        if parameter.default is parameter.empty:
            required.append(name)
        else:
            properties[name]["default"] = parameter.default
    parameters = {"type": "object", "properties": properties, "required": required}
    about = {"name": bound.__name__, "description": inspect.getdoc(bound), "parameters": parameters}
    return {"type": "function", "function": about}


def call(owner: object, name: str, arguments: Mapping[str, Any]) -> Any:
    """Return what a tool of `owner` answers to arguments that an agent wrote.

    Errors: InvalidAction, in words for the agent, for an unknown tool, and for arguments that are missing,
            unknown or of another type.
    """
    import msgspec

    tools = tools_of(owner)
    if name not in tools:
        raise InvalidAction(
            f"There is no tool '{name}'{nearest(name, tools)}. There are: {', '.join(tools)}."
        )
    bound = tools[name]
    hints, parameters = get_type_hints(bound), inspect.signature(bound).parameters
    for given in arguments:
        if given not in parameters:
            raise InvalidAction(
                f"{name} takes no '{given}'{nearest(given, parameters)}. It takes: {', '.join(parameters)}."
            )
    values = {}
    for key, parameter in parameters.items():
        if key in arguments:
            try:
                values[key] = msgspec.convert(arguments[key], hints[key])
            except msgspec.ValidationError as why:
                raise InvalidAction(f"{name}: {key}: {why}.") from None
        elif parameter.default is parameter.empty:
            raise InvalidAction(f"{name} needs '{key}'.")
    return bound(**values)
