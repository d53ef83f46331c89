"""What can be set about the world of tools."""

from dataclasses import dataclass, fields
from typing import Literal, get_args, get_origin, get_type_hints

from agentrl.errors import ConfigError, nearest


@dataclass(frozen=True, slots=True)
class Options:
    """Settings of `env=tools`, each a key `env.<name>=`."""

    form: Literal["text", "line"] = "text"
    """text: sentences, calls as JSON in <tool_call> blocks; line: a fixed short grammar for small models"""
    most: int = 4
    """most calls that a question needs, 0 to 4"""
    people: int = 8
    """on record in an episode"""
    shown: int = 4
    """facts told with every question, of use or not"""
    hops: int = 2
    """most facts of a chain, one after the other, that need no call: 1 where a model has to think in one
    reply what it read"""

    def __post_init__(self) -> None:
        hints = get_type_hints(type(self))
        for field in fields(self):
            allowed = get_args(hints[field.name]) if get_origin(hints[field.name]) is Literal else ()
            value = getattr(self, field.name)
            if allowed and value not in allowed:
                hint = nearest(str(value), allowed)
                raise ConfigError(f"env.{field.name}={value!r} is not one of {', '.join(allowed)}{hint}")
        for name, low, high in (("most", 0, 4), ("people", 6, 40), ("shown", 3, 12), ("hops", 1, 4)):
            value = getattr(self, name)
            if not low <= value <= high:
                raise ConfigError(f"env.{name}={value}: must be from {low} to {high}")
