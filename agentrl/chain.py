"""A run that begins where another ended: `model=runs/first` is that run's last policy."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agentrl.errors import ConfigError

CONFIG, MODEL = "config.toml", "model"
SAID = ("rollout.mode", "rollout.style", "rollout.history", "model.dtype")
"""how a policy is used to being asked: this holds in other environments too"""
ALIKE = ("env.", "rollout.", "learner.", "model.dtype")
"""what comes along where the environment is the same"""
TINY = "tiny"


@dataclass(frozen=True, slots=True)
class Earlier:
    """What a run brings to the one that goes on from it."""

    path: str
    """of its last policy"""
    tiny: bool
    """the embedded model, some runs ago"""
    env: str
    values: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """its settings by dotted key"""

    def brought(self, env: str) -> dict[str, Any]:
        """Return the settings that come along to a run of this environment."""
        wanted = ALIKE if env == self.env else SAID
        return {key: value for key, value in self.values.items() if key.startswith(wanted)}


def earlier(model: str) -> Earlier | None:
    """Return the run whose folder is named as the model; None where it is no run folder.

    Errors: ConfigError where that run is not finished, or its settings cannot be read.
    """
    folder = Path(model)
    if model in ("", TINY) or not (folder / CONFIG).is_file():
        return None
    if not (folder / MODEL).is_dir():
        raise ConfigError(f"model={model}: that run is not finished; go on: agentrl resume {model}")
    tables = _tables(folder)
    values = {f"{group}.{key}": value for group, entries in tables.items() for key, value in entries.items()}
    for label, own in [(key, value) for key, value in values.items() if isinstance(value, dict)]:
        values |= {f"{label}.{key}": value for key, value in own.items()}  # one of several environments
    del values["env.name"]
    return Earlier(str((folder / MODEL).absolute()), _began_tiny(folder), str(tables["env"]["name"]), values)


def _tables(folder: Path) -> dict[str, dict[str, Any]]:
    try:
        found = tomllib.loads((folder / CONFIG).read_text(encoding="utf-8"))
        found["env"]["name"], found["model"]["path"]
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError, TypeError) as why:
        raise ConfigError(f"model={folder}: its {CONFIG} cannot be read: {why}") from None
    return found


def _began_tiny(folder: Path) -> bool:
    """Tell whether the first run of a chain began with the embedded model."""
    seen: set[Path] = set()
    while folder not in seen:
        seen.add(folder)
        path = str(_tables(folder)["model"]["path"])
        if path == TINY:
            return True
        if not (Path(path).parent / CONFIG).is_file():
            return False
        folder = Path(path).parent
    return False
