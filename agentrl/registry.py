"""Environments, algorithms and verifiers by name: entry points of installed packages, or a Python file.

Names are listed without importing anything; only what is asked for is imported.
"""

import hashlib
import importlib.util
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from string import digits
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from agentrl.errors import ConfigError, nearest
from agentrl.gym_ids import register_class
from agentrl.mixture import is_mixture, mixed, parts, spelled
from agentrl.offers import Kind, offers, package
from agentrl.prefixes import PREFIXES, adapted, prefix_of

if TYPE_CHECKING:
    from agentrl.verify import FunctionVerifier, Judge, Pair

T = TypeVar("T")


def env(name: str) -> Callable[[type[T]], type[T]]:
    """Return a decorator that names an environment, in Gymnasium too: `agentrl/<Class>-v0`."""

    def named(cls: type[T]) -> type[T]:
        cls.name = name  # type: ignore[attr-defined]
        register_class(cls)
        return cls

    return named


def algo(name: str) -> Callable[[type[T]], type[T]]:
    """Return a decorator that names an algorithm."""

    def named(cls: type[T]) -> type[T]:
        cls.name = name  # type: ignore[attr-defined]
        return cls

    return named


def verifier(
    name: str, *, low: float = 0.0, high: float = 1.0, pairs: "Sequence[Pair]" = ()
) -> "Callable[[type[T] | Judge], type[T] | FunctionVerifier]":
    """Return a decorator that names a verifier: a class, or a function of a reply, which it wraps.

    `low` and `high` are a function's range, `pairs` answers that must pass or fail; a class has its own.
    """
    from agentrl.judges import check_judge
    from agentrl.verify import FunctionVerifier

    def named(judge: "type[T] | Judge") -> "type[T] | FunctionVerifier":
        if isinstance(judge, type):
            judge.name = name  # type: ignore[attr-defined]
            return judge
        check_judge(judge, name)
        return FunctionVerifier(judge, name, low, high, tuple(pairs))

    return named


def is_path(name: str) -> bool:
    """Tell a file (`./mine.py`, `mine.py:Shop`) from a registered name."""
    return not prefix_of(name) and ("/" in name or name.partition(":")[0].endswith(".py"))


def entry_of(kind: Kind, name: str) -> metadata.EntryPoint:
    """Return the one entry point of a registered name; nothing is imported.

    Errors: ConfigError where nobody offers the name, or several packages do.
    """
    known = offers(kind)
    noun = kind.removesuffix("s")
    if kind == "envs" and (prefix := prefix_of(name)):
        return metadata.EntryPoint(name, f"{PREFIXES[prefix]}:adapted", "agentrl.envs")
    if name not in known:
        there = ", ".join(known) or f"none; is a package with {kind} installed?"
        hint = (_choice_of_another(name) if kind == "algos" else "") or nearest(name, known)
        raise ConfigError(f"no {noun} '{name}'{hint} (there are: {there})")
    if len(known[name]) > 1:
        both = " and ".join(f"{package(entry)} ({entry.value})" for entry in known[name])
        raise ConfigError(f"{noun} '{name}' is offered by {both}: uninstall one of them")
    return known[name][0]


def _choice_of_another(name: str) -> str:
    """Return how to ask for what papers call an algorithm and we a choice of one (simpo: a loss of dpo)."""
    found: list[tuple[int, str]] = []
    for other, (entry, *_) in offers("algos").items():
        with suppress(Exception, SystemExit):  # what cannot be loaded is said to whoever asks for it
            cls = entry.load()
            for key, hint in get_type_hints(cls).items():
                for choice in get_args(hint) if get_origin(hint) is Literal else ():
                    if name in (choice, str(choice).rstrip(digits)):  # tdpo: tdpo1, tdpo2
                        found.append((len(cls.__mro__), f"algo={other} algo.{key}={choice}"))
    return f"; did you mean {min(found)[1]}?" if found else ""


def file_of(kind: Kind, name: str) -> tuple[Path, str]:
    """Return the file and the name in it (or "") that `./path.py[:Name]` stands for.

    Errors: ConfigError where there is no such file.
    """
    text, _, attribute = name.partition(":")
    path = Path(text)
    if not path.is_file():
        there = (
            [str(path.with_name(p.name)) for p in path.parent.glob("*.py")] if path.parent.is_dir() else []
        )
        raise ConfigError(
            f"{kind.removesuffix('s')}={name}: there is no file {text}{nearest(str(path), there)}"
        )
    if path.suffix != ".py":
        raise ConfigError(f"{kind.removesuffix('s')}={name}: expected a file ending in .py")
    return path.resolve(), attribute


def check_offered(kind: Kind, name: str) -> None:
    """Raise ConfigError where a name, or one of a mixture, is no file and nobody offers it."""
    for one in [part.name for part in parts(name)] if kind == "envs" and is_mixture(name) else [name]:
        file_of(kind, one) if is_path(one) else entry_of(kind, one)


def absolute(kind: Kind, name: str) -> str:
    """Return `name` as it means the same from every working directory; registered names are left alone."""
    if kind == "envs" and is_mixture(name):
        return spelled([replace(part, name=absolute(kind, part.name)) for part in parts(name)])
    if not is_path(name):
        return name
    path, attribute = file_of(kind, name)
    return f"{path}:{attribute}" if attribute else str(path)


def find(kind: Kind, name: str) -> Any:
    """Return the environment class, algorithm class or verifier of that name, or of a file.

    Errors: ConfigError for a name nobody or two packages offer, a file that is missing, code that cannot be
            imported (one line: who and why), and for something that is not what it should be.
    """
    if kind == "envs" and is_mixture(name):
        return mixed(name, tuple((part.label, find(kind, part.name)) for part in parts(name)))
    if is_path(name):
        path, attribute = file_of(kind, name)
        found = pick(kind, vars(load_file(path)), attribute, str(path))
        if kind == "envs" and not found.name:
            found.name = path.stem  # nobody decorated it
        return found
    if kind == "envs" and prefix_of(name):
        return adapted(name)
    entry = entry_of(kind, name)
    try:
        found = entry.load()
    except (Exception, SystemExit) as why:
        raise ConfigError(
            f"{kind.removesuffix('s')} '{name}' of package {package(entry)} cannot be loaded: {cause(why)}"
        ) from why
    return expected(kind, found, f"'{name}' ({entry.value}, package {package(entry)})")


def load_file(path: Path) -> ModuleType:
    """Return a Python file as a module; the same module while the process lives.

    Errors: ConfigError, in one line, where it cannot be imported.
    """
    # Not the file's own name: `random.py` must not take the place of the standard library's.
    module_name = f"agentrl_file_{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    if module_name in sys.modules:
        return sys.modules[module_name]
    spec = importlib.util.spec_from_file_location(module_name, path)
    assert spec is not None and spec.loader is not None  # the suffix was checked
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module  # before the code runs: dataclasses look their module up there
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as why:
        del sys.modules[module_name]
        raise ConfigError(f"{path} cannot be loaded: {cause(why, path)}") from why
    return module


def cause(why: BaseException, path: Path | None = None) -> str:
    """Return an exception in one line, with the place it came from: the last one in `path` where given."""
    text = " ".join(str(why).split()) or "no message"
    frames = traceback.extract_tb(why.__traceback__)
    frames = [frame for frame in frames if Path(frame.filename) == path] or frames  # type: ignore[assignment]
    place = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    return f"{type(why).__name__}: {text}" + ("" if isinstance(why, SyntaxError) else place)


def pick(kind: Kind, namespace: Mapping[str, Any], attribute: str, where: str) -> Any:
    """Return what a file's names offer: the attribute asked for, else the only candidate defined there.

    Errors: ConfigError where there is none, or several and none was named.
    """
    if attribute:
        if attribute not in namespace:
            public = [name for name in namespace if not name.startswith("_")]
            raise ConfigError(f"{where} has no '{attribute}'{nearest(attribute, public)}")
        return expected(kind, namespace[attribute], f"{where}:{attribute}")
    fitting = {
        name: value
        for name, value in namespace.items()
        if not name.startswith("_") and fits(kind, value) and _home(value) == namespace["__name__"]
    }
    if kind == "verifiers" and len(fitting) > 1:  # helpers are callable too: prefer what was decorated
        fitting = {name: value for name, value in fitting.items() if getattr(value, "name", "")} or fitting
    if len(fitting) == 1:
        return next(iter(fitting.values()))
    noun = kind.removesuffix("s")
    if not fitting:
        raise ConfigError(f"{where} defines no {noun}; it must hold {MEANING[kind]}")
    first = next(iter(fitting))
    raise ConfigError(
        f"{where} defines {len(fitting)} {kind} ({', '.join(fitting)}); say which: {noun}={where}:{first}"
    )


def _home(value: Any) -> str:
    """Return the module something is written in: of a wrapped function, the function's."""
    return str(getattr(getattr(value, "function", value), "__module__", ""))


MEANING: Mapping[Kind, str] = {
    "envs": "a subclass of agentrl.TextEnv",
    "algos": "a subclass of agentrl.algo.Algorithm",
    "verifiers": "a function of (reply, answer) or (reply, task), or a class with verify(submission, task)",
}


def fits(kind: Kind, value: Any) -> bool:
    """Tell whether a value is what the kind asks for."""
    if kind == "verifiers":
        return callable(value) or callable(getattr(value, "verify", None))
    if not isinstance(value, type):
        return False
    if kind == "envs":
        from agentrl.env import TextEnv

        return issubclass(value, TextEnv)
    from agentrl.algo import Algorithm

    return issubclass(value, Algorithm)


def expected(kind: Kind, value: Any, where: str) -> Any:
    """Return `value`, or raise ConfigError where it is not what the kind asks for."""
    if not fits(kind, value):
        what = value.__name__ if isinstance(value, type) else type(value).__name__
        raise ConfigError(f"{kind.removesuffix('s')} {where} is {what}, not {MEANING[kind]}")
    return value
