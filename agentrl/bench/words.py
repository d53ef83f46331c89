"""What a benchmark is asked to do: from words to environments and models, before anything is loaded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from agentrl.config import as_trained, parse
from agentrl.env import Split, TextEnv
from agentrl.errors import ConfigError, nearest
from agentrl.keys import GROUPS, env_keys
from agentrl.places import check_model
from agentrl.registry import find, is_path
from agentrl.settings import Decoding, Settings
from agentrl.values import value, written
from agentrl.versions import check_vllm

BENCHMARKS = ("tool-use",)
Published = Literal["none", "otc"]
OWN: Mapping[str, tuple[Any, Any]] = {
    "model": (tuple[str, ...], ()),
    "env": (tuple[str, ...], ("tools",)),
    "out": (str | None, None),
    "tasks": (int, 0),
    "split": (Split, "test"),
    "decoding": (Decoding, "1.0"),
    "published": (Published, "none"),
}
"""type and default of the words that are the benchmark's own; all others are settings of `agentrl run`"""
LONG = {"model.path": "model", "env.name": "env", "run.out": "out"}
TAKEN = (*GROUPS, "env", "algo", "reward")
"""what stands before a dot means these groups of settings, whatever an environment is called"""
NOBODY = "none"
"""stands for the model where none is asked: `tiny` would bring options of the environment that suit it"""


@dataclass(frozen=True, slots=True)
class Contender:
    """A model that answers."""

    name: str
    """as the user wrote it"""
    settings: Settings
    """under which it is asked"""


@dataclass(frozen=True, slots=True)
class Place:
    """An environment under some options, and the models that are asked there."""

    env: str
    settings: Settings
    """those of the environment count"""
    differing: tuple[str, ...]
    """options that are not the default"""
    models: tuple[Contender, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that a benchmark is asked to do."""

    benchmark: str
    out: Path
    split: Split
    tasks: int
    """first tasks of the split's panel; 0: all"""
    decoding: Decoding
    published: Published
    places: tuple[Place, ...]


def planned(words: Sequence[str]) -> Plan:
    """Return what the words after `agentrl bench` ask for; nothing is made yet.

    Models that bring other options of an environment (a run, the tiny model) are asked in a place of their
    own: their questions are others.

    Errors: ConfigError for wrong words and settings, and for models that cannot be loaded.
    """
    name, *rest = words or [""]
    if not name or "=" in name:
        raise ConfigError(f"say which benchmark: agentrl bench {BENCHMARKS[0]} [model=RUN] [env=tools]")
    if name not in BENCHMARKS:
        raise ConfigError(
            f"no benchmark '{name}'{nearest(name, BENCHMARKS)} (there are: {', '.join(BENCHMARKS)})"
        )
    own, others = _own(rest)
    if own["tasks"] < 0:
        raise ConfigError(f"tasks={own['tasks']}: at least 1, or 0 for all")
    shared, apart = _sorted_out(others, own["env"])
    places: list[Place] = []
    for env in own["env"]:
        mine = [*shared, *apart[env]]
        asked = [Contender(model, _settings(env, model, mine)) for model in own["model"]]
        known = asked or [Contender(NOBODY, _settings(env, NOBODY, mine))]
        for first in known:
            if any(first.settings.env_options == p.settings.env_options for p in places if p.env == env):
                continue
            same = tuple(one for one in asked if one.settings.env_options == first.settings.env_options)
            places.append(Place(env, first.settings, _differing(env, first.settings), same))
    for contender in {one.name: one for place in places for one in place.models}.values():
        _check_there(contender.settings)
    out = Path(own["out"] or f"runs/bench-{name}")
    return Plan(name, out, own["split"], own["tasks"], own["decoding"], own["published"], tuple(places))


def _own(words: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
    """Return the benchmark's own words, read, and all others."""
    given: dict[str, str] = {}
    others: list[str] = []
    for word in words:
        key, equals, text = word.partition("=")
        key = LONG.get(key, key)
        if key not in OWN or not equals or word.startswith("@"):
            others.append(word)
        elif given.get(key, text) != text:
            raise ConfigError(f"{key} is given twice: {given[key]} and {text}")
        else:
            given[key] = text
    found = {key: value(key, given.get(key, default), hint) for key, (hint, default) in OWN.items()}
    for key in ("model", "env"):
        twice = [one for one in found[key] if found[key].count(one) > 1]
        if twice:
            raise ConfigError(f"{key}={given[key]}: '{twice[0]}' stands there twice")
    if not found["env"]:
        raise ConfigError("env=: say which environments, with commas")
    return found, others


def _sorted_out(words: Sequence[str], envs: Sequence[str]) -> tuple[list[str], dict[str, list[str]]]:
    """Return the words that hold in all environments, and those of one: `math.tool=python`."""
    stems = {env: Path(env.partition(":")[0]).stem if is_path(env) else env for env in envs}
    shared: list[str] = []
    apart: dict[str, list[str]] = {env: [] for env in envs}
    for word in words:
        stem, dot, rest = word.partition(".")
        meant = [env for env in envs if dot and stems[env] == stem and stem not in TAKEN]
        for env in meant:
            apart[env].append(rest)
        if not meant:
            shared.append(word)
    return shared, apart


def _settings(env: str, model: str, words: Sequence[str]) -> Settings:
    return parse([f"env={env}", *words], algo="random", under=as_trained(model, env))


def _differing(env: str, settings: Settings) -> tuple[str, ...]:
    """Return the options of an environment that are not the default, in words."""
    cls: type[TextEnv] = find("envs", env)
    known = env_keys(cls)
    found = {f"env.{name}": given for name, given in settings.env_options.items()}
    return tuple(
        f"{key}={written(given)} (default {written(known[key].default)})"
        for key, given in found.items()
        if given != known[key].default
    )


def _check_there(settings: Settings) -> None:
    """Raise ConfigError for a model or an engine that is known not to be there."""
    how = settings.rollout
    if how.backend in ("hf", "vllm") and settings.model.path != "tiny":
        check_model(settings.model.path)
    if how.backend == "vllm" and how.server is None:
        check_vllm()
