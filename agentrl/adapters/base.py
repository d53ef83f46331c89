"""What adapted environments have in common: a class for each name, and errors that name the extra."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from agentrl.env import TextEnv
from agentrl.errors import ConfigError
from agentrl.prefixes import adapted
from agentrl.registry import load_file


class Adapted(TextEnv):
    """An environment of another package. Its class is made from its name, also where it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Return what makes a copy: the class is found by the environment's name."""
        return _revived, (self.name,), self.__dict__


def _revived(name: str) -> Any:
    cls = adapted(name)
    return cls.__new__(cls)


def peer(module: str, package: str, extra: str) -> ModuleType:
    """Return a module of another package.

    Errors: ConfigError naming the extra that brings it, where it cannot be imported.
    """
    try:
        return import_module(module)
    except ImportError as why:
        raise ConfigError(
            f"this needs the package {package}: pip install 'agentrl[{extra}]' ({why})"
        ) from None


def function_at(place: str, key: str) -> Callable[..., Any]:
    """Return the function that `FILE.py:name` stands for.

    Errors: ConfigError naming the setting `key` where there is none.
    """
    text, _, name = place.rpartition(":")
    path = Path(text)
    if path.suffix != ".py" or not path.is_file():
        raise ConfigError(f"{key}={place}: expected FILE.py:function, of a file that is there")
    found = getattr(load_file(path.resolve()), name, None)
    if not callable(found):
        raise ConfigError(f"{key}={place}: {text} has no function '{name}'")
    return found  # type: ignore[no-any-return]
