"""The outline of an algorithm: its hyper-parameters and checks, without the libraries its mathematics needs.

Importing torch takes a second, and a mistyped hyper-parameter is to be answered at once. An algorithm's file
imports torch, as mathematics should, at its top; but names, types, defaults and `check()` need none of it. So
the file's own code is run with stand-ins for what it imports, except the standard library and the contract. A
stand-in may be named in annotations; where it would have to do something, the file is imported for real:
right, and a second later. Reading fields off the syntax tree was the alternative; it cannot run `check()`.
"""

import builtins
import functools
import importlib.util
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NoReturn

from agentrl.errors import ConfigError
from agentrl.offers import package
from agentrl.registry import cause, entry_of, file_of, find, is_path, pick

if TYPE_CHECKING:
    from agentrl.algo import Algorithm

LIGHT = {"agentrl", *(f"agentrl.{name}" for name in ("algo", "errors", "registry", "settings", "types"))}
"""modules of ours that an outline may import: none of them imports torch"""


class NeedsImportError(Exception):
    """A stand-in would have had to do something: only the real module can answer."""


class _StandIn:
    """Something imported that is named but not used while a class is defined."""

    def __getattr__(self, name: str) -> "_StandIn":
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __getitem__(self, item: object) -> "_StandIn":
        return self

    def __or__(self, other: object) -> "_StandIn":
        return self

    __ror__ = __or__

    def __iter__(self) -> NoReturn:
        """Raise: asked item by item it would never end."""
        raise NeedsImportError

    def __contains__(self, item: object) -> bool:
        """Raise: what it holds is not known."""
        raise NeedsImportError

    def __call__(self, *values: object, **named: object) -> "_StandIn":
        raise NeedsImportError


def outline(name: str) -> "type[Algorithm]":
    """Return the algorithm class of that name, for its fields and `check()`; `find` gives the real one.

    Errors: ConfigError as `registry.find`.
    """
    module, path, attribute = _source(name)
    if path is None or module in sys.modules:
        found: type[Algorithm] = find("algos", name)
        return found
    try:
        found = pick("algos", _run(module, path), attribute, str(path))
    except Exception:  # whatever is wrong with it, the real import says it properly
        found = find("algos", name)
    return found


def _run(module: str, path: Path) -> dict[str, Any]:
    """Return what a file defines, with stand-ins for what it imports."""
    namespace = {
        "__name__": module,
        "__file__": str(path),
        "__builtins__": {**vars(builtins), "__import__": _import},
    }
    exec(compile(path.read_bytes(), path, "exec"), namespace)
    return namespace


@functools.cache
def _neighbour(module: str) -> SimpleNamespace | None:
    """Return what another module of an algorithm's own package defines: families share a base."""
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return None
    return SimpleNamespace(**_run(module, Path(spec.origin)))


def _source(name: str) -> tuple[str, Path | None, str]:
    """Return module, source file (None where there is none to read) and class of an algorithm."""
    if is_path(name):
        path, attribute = file_of("algos", name)
        return f"agentrl_file_{path.stem}", path, attribute
    entry = entry_of("algos", name)
    try:
        spec = importlib.util.find_spec(entry.module)
    except Exception as why:
        raise ConfigError(
            f"algo '{name}' of package {package(entry)} cannot be loaded: {cause(why)}"
        ) from why
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return entry.module, None, entry.attr
    return entry.module, Path(spec.origin), entry.attr


def _import(name: str, globals_: Any = None, locals_: Any = None, fromlist: Any = (), level: int = 0) -> Any:
    """Import what is light, outline what is of the same package; return a stand-in for the rest."""
    if level == 0 and (name in LIGHT or name.partition(".")[0] in sys.stdlib_module_names):
        return builtins.__import__(name, globals_, locals_, fromlist, level)
    package = (globals_ or {}).get("__name__", "").partition(".")[0]
    if level == 0 and fromlist and package != "agentrl" and name.startswith(f"{package}."):
        return _neighbour(name) or _StandIn()
    return _StandIn()
