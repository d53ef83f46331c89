"""Values of settings: from text or TOML to their types, and back to TOML."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import fields
from functools import lru_cache
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from agentrl.errors import ConfigError, nearest

WORDS: Mapping[Any, str] = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
"""how each type is called in messages"""
NONE = "none"
"""how the absence of a value is written"""


def value(key: str, given: Any, hint: Any) -> Any:
    """Return what was given (text, or a value from a file or Python) as the type `hint`.

    Errors: ConfigError naming the key, what was given and what is expected.
    Edge:   `none` stands for None where None is allowed; a tuple is written with commas: `greedy,1.0`.

    >>> value("eval.every", "10", int), value("run.out", "none", str | None)
    (10, None)
    """
    if get_origin(hint) in (Union, UnionType):
        if NoneType in get_args(hint) and (given is None or given == NONE):
            return None
        hints = [one for one in get_args(hint) if one is not NoneType]
        if len(hints) == 1:
            return value(key, given, hints[0])
    if get_origin(hint) is Literal:
        return _choice(key, given, get_args(hint))
    if get_origin(hint) is tuple and get_args(hint)[1:] == (Ellipsis,):
        parts = (
            [part.strip() for part in given.split(",") if part.strip()] if isinstance(given, str) else given
        )
        if not isinstance(parts, list | tuple):
            raise ConfigError(f"{key}={written(given)}: expected a list, written with commas")
        return tuple(value(key, part, get_args(hint)[0]) for part in parts)
    return _plain(key, given, hint)


def _plain(key: str, given: Any, hint: Any) -> Any:
    """Return `given` as a number, text, truth value or whatever else msgspec understands."""
    if hint is bool and isinstance(given, str):
        if given not in ("true", "false"):
            raise ConfigError(f"{key}={given}: expected true or false{nearest(given, ('true', 'false'))}")
        return given == "true"
    import msgspec  # here, because it takes 20 ms that a mistyped name need not wait for

    try:
        found = msgspec.convert(given, hint, strict=False)
    except msgspec.ValidationError as why:
        what = WORDS.get(hint) or str(why)[:1].lower() + str(why)[1:]
        sentence = f"expected {what}" if hint in WORDS else what
        raise ConfigError(f"{key}={written(given)}: {sentence}") from None
    if isinstance(found, float) and not math.isfinite(found):
        raise ConfigError(f"{key}={written(given)}: expected a finite number")
    return found


def _choice(key: str, given: Any, choices: tuple[Any, ...]) -> Any:
    """Return the one of `choices` that was given."""
    by_text = {written(choice): choice for choice in choices}
    text = written(given)
    if text not in by_text:
        raise ConfigError(f"{key}={text}: expected {' or '.join(by_text)}{nearest(text, by_text)}")
    return by_text[text]


def written(given: Any) -> str:
    """Return a value as one would write it on the command line.

    >>> written(True), written(None), written(("greedy", "1.0")), written(0.001)
    ('true', 'none', 'greedy,1.0', '0.001')
    """
    if given is None:
        return NONE
    if isinstance(given, bool):
        return str(given).lower()
    if isinstance(given, list | tuple):
        return ",".join(map(written, given))
    return str(given)


def kind_of(hint: Any) -> str:
    """Return a type in words: `a number`, `greedy or 1.0`.

    >>> kind_of(int | None), kind_of(Literal["std", "none"])
    ('a whole number, or none', 'std or none')
    """
    if get_origin(hint) in (Union, UnionType):
        words = [kind_of(one) for one in get_args(hint) if one is not NoneType]
        return " or ".join(words) + (", or none" if NoneType in get_args(hint) else "")
    if get_origin(hint) is Literal:
        return " or ".join(map(written, get_args(hint)))
    if get_origin(hint) is tuple and get_args(hint):
        return f"any of {kind_of(get_args(hint)[0])}, with commas"
    return WORDS.get(hint) or str(getattr(hint, "__name__", hint))


def toml(given: Any) -> str:
    """Return a value in TOML. None becomes the text "none", which `value` reads back.

    Errors: ConfigError for what TOML cannot hold.
    """
    if given is None:
        return toml(NONE)
    if isinstance(given, bool):
        return str(given).lower()
    if isinstance(given, int):
        return str(given)
    if isinstance(given, float):
        return repr(given)
    if isinstance(given, str):
        return json.dumps(given, ensure_ascii=False).replace("\x7f", "\\u007F")
    if isinstance(given, list | tuple):
        return f"[{', '.join(map(toml, given))}]"
    if isinstance(given, Mapping):
        return "{ " + ", ".join(f"{toml_key(k)} = {toml(v)}" for k, v in given.items()) + " }"
    raise ConfigError(f"{given!r} ({type(given).__name__}) cannot be written to a settings file")


def toml_key(key: str) -> str:
    """Return a key in TOML, in quotes where it needs them."""
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else toml(key)


def check_choices(options: Any, group: str) -> None:
    """Refuse a value that the type of its field, a choice of words, does not list.

    Errors: ConfigError naming `group` and field, what is allowed, and the nearest of that.
    """
    for name, allowed in _choices(options.__class__):
        found = getattr(options, name)
        if found not in allowed:
            hint = nearest(str(found), allowed)
            raise ConfigError(f"{group}.{name}={found!r} is not one of {', '.join(allowed)}{hint}")


@lru_cache(maxsize=256)
def _choices(cls: Any) -> tuple[tuple[str, tuple[Any, ...]], ...]:
    """Return the fields of a dataclass that are a choice of words, and the words."""
    hints = get_type_hints(cls)
    named = [(field.name, hints[field.name]) for field in fields(cls)]
    return tuple((name, get_args(hint)) for name, hint in named if get_origin(hint) is Literal)
