"""Settings as TOML: files of the user's, and the `config.toml` of a run."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentrl.errors import ConfigError, nearest
from agentrl.keys import GROUPS
from agentrl.mixture import is_mixture
from agentrl.presets import presets
from agentrl.settings import Settings
from agentrl.values import toml, toml_key


@dataclass(frozen=True, slots=True)
class Given:
    """A value as the user gave it."""

    value: Any
    source: str = ""
    """the file it stands in; empty: a word"""


def given_in(path: Path) -> dict[str, Given]:
    """Return what a TOML file gives; `configs/NAME` is one of the package where the user has none there."""
    ready = presets()
    try:
        text = (path if path.exists() else ready.get(str(path), path)).read_text(encoding="utf-8")
    except FileNotFoundError:
        there = [str(p) for p in path.parent.glob("*.toml")] if path.parent.is_dir() else []
        there += ready
        raise ConfigError(f"@{path}: there is no such file{nearest(str(path), there)}") from None
    except (OSError, UnicodeDecodeError) as why:
        raise ConfigError(f"@{path}: cannot be read: {getattr(why, 'strerror', None) or why}") from why
    return tables_of(text, str(path))


def tables_of(text: str, source: str) -> dict[str, Given]:
    """Return TOML tables as dotted keys; a table inside a group is a value, or one of several
    environments."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as why:
        raise ConfigError(f"@{source}: not TOML: {why}") from why
    flat: dict[str, Given] = {}
    for key, entry in tables.items():
        if isinstance(entry, Mapping):
            flat |= {f"{key}.{name}": Given(inner, source) for name, inner in _inner(key, entry)}
        else:
            flat[key] = Given(entry, source)
    return flat


def _inner(group: str, entries: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, entry in entries.items():
        if group == "env" and isinstance(entry, Mapping):
            yield from ((f"{name}.{key}", value) for key, value in entry.items())
        else:
            yield name, entry


def to_toml(chosen: Settings) -> str:
    """Return every setting as TOML, in the groups of the command line."""
    several = is_mixture(chosen.env)
    tables: dict[str, Mapping[str, Any]] = {
        "env": {"name": chosen.env, **({} if several else chosen.env_options)},
        **(_by_member(chosen) if several else {}),
        "algo": {"name": chosen.algo, **chosen.algo_options},
        "reward": chosen.reward,
    }
    for group, cls in GROUPS.items():
        part = getattr(chosen, group)
        tables[group] = {name: getattr(part, name) for name in cls.__dataclass_fields__}
    lines: list[str] = []
    for table, entries in tables.items():
        if entries:
            lines.append(f"[{table}]")
            lines += [f"{toml_key(key)} = {toml(entry)}" for key, entry in entries.items()]
            lines.append("")
    return "\n".join(lines)


def _by_member(chosen: Settings) -> dict[str, dict[str, Any]]:
    """Return a table of options for each environment of several."""
    found: dict[str, dict[str, Any]] = {}
    for key, given in chosen.env_options.items():
        label, _, name = key.partition(".")
        found.setdefault(f"env.{toml_key(label)}", {})[name] = given
    return found
