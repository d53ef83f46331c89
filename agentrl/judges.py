"""Plain functions as judges: which of a task's data a function is given is read off its signature."""

import inspect
from collections.abc import Callable
from inspect import Parameter
from typing import Any

from agentrl.errors import ConfigError, DataError, nearest
from agentrl.types import Task

TASK = "task"
"""a parameter of this name, or one annotated as Task, is given the task itself"""
FORM = "def score(reply, answer), or def score(reply, task)"
_NAMED = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)


def asked(function: Callable[..., Any], reply: str, task: Task) -> Any:
    """Return what a function says of a reply.

    The first parameter is given the reply; one called `task` the task; every other one the field of its name
    in the task's data, or its default where the data have none. `**rest` is given the fields that are left.

    Errors: DataError where a field is not there, TypeError where the function says nothing.
    """
    _, *others = _parameters(function)
    plain: list[Any] = [reply]
    named: dict[str, Any] = {}
    for one in others:
        if one.kind is Parameter.VAR_KEYWORD:
            named |= {key: value for key, value in task.data.items() if key not in {o.name for o in others}}
        elif one.kind is Parameter.KEYWORD_ONLY:
            if one.default is Parameter.empty or one.name in task.data:
                named[one.name] = _value(one, task)
        elif one.kind is not Parameter.VAR_POSITIONAL:
            plain.append(_value(one, task))
    said = function(*plain, **named)
    if said is None:
        raise TypeError("it returned nothing; a number or a Verdict is expected")
    return said


def fields_of(function: Callable[..., Any]) -> list[str]:
    """Return the fields of a task's data that a function cannot do without."""
    return [
        one.name
        for one in _parameters(function)[1:]
        if one.kind in _NAMED and one.default is Parameter.empty and not _is_task(one)
    ]


def check_judge(function: Callable[..., Any], name: str) -> None:
    """Raise ConfigError where a function takes no reply."""
    found = _parameters(function)
    if not found or found[0].kind not in _NAMED[:2]:
        raise ConfigError(f"verifier '{name}' takes no reply to judge; write it as {FORM}")


def made(cls: type[Any]) -> Any:
    """Return an instance of a verifier's class, which needs no arguments.

    Errors: ConfigError where it does.
    """
    try:
        return cls()
    except TypeError as why:
        raise ConfigError(f"verifier {cls.__name__} cannot be made without arguments: {why}") from None


def _parameters(function: Callable[..., Any]) -> list[Parameter]:
    try:
        return list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # some functions of C do not say
        return [Parameter(name, Parameter.POSITIONAL_ONLY) for name in ("reply", TASK)]


def _is_task(one: Parameter) -> bool:
    said = one.annotation if isinstance(one.annotation, str) else getattr(one.annotation, "__name__", "")
    return one.name == TASK or said.rpartition(".")[2] == Task.__name__


def _value(one: Parameter, task: Task) -> Any:
    """Return what a parameter is given."""
    if _is_task(one):
        return task
    if one.name in task.data:
        return task.data[one.name]
    if one.default is not Parameter.empty:
        return one.default
    has = ", ".join(task.data) or "nothing"
    raise DataError(f"no '{one.name}' in the task's data{nearest(one.name, task.data)} (it has: {has})")
