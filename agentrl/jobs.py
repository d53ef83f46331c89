"""Which runs a comparison is made of: from words to settings, a folder for each algorithm and seed."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agentrl.comparison import OWN, flat, settings_of
from agentrl.config import parse, to_toml
from agentrl.errors import ConfigError
from agentrl.folder import CONFIG
from agentrl.keys import GROUPS, SHORT
from agentrl.registry import is_path
from agentrl.settings import Settings
from agentrl.values import value

OUT, SEED = ("out", "run.out"), ("seed", "run.seed")


@dataclass(frozen=True, slots=True)
class Job:
    """One run that belongs to a comparison."""

    name: str
    """of its row"""
    settings: Settings

    @property
    def folder(self) -> Path:
        """Where it is, or will be."""
        return Path(self.settings.run.out or "")


def planned(words: Sequence[str]) -> tuple[Path, list[Job]]:
    """Return the folder of a comparison and its runs, seed by seed; nothing is made yet.

    Errors: ConfigError for wrong words, before anything is run.
    """
    given = {key: text for key, equals, text in (word.partition("=") for word in words) if equals}
    if not given.get("algos"):
        raise ConfigError("say which algorithms: agentrl compare env=NAME algos=gigpo,grpo seeds=3")
    if "algo" in given or "algo.name" in given:
        raise ConfigError("compare takes algos=..., not algo=...")
    names = _names(given["algos"])
    count = value("seeds", given.get("seeds", "3"), int)
    first = value("seed", next((given[key] for key in SEED if key in given), "0"), int)
    if count < 1:
        raise ConfigError(f"seeds={count}: the number of seeds, at least 1")
    shared, own = _sorted_out(words, names)
    env = parse([*shared, *own[next(iter(names))], f"algo={next(iter(names.values()))}"]).env
    out = next((Path(given[key]) for key in OUT if key in given), Path("runs") / f"compare-{Path(env).stem}")
    jobs = []
    for seed in range(first, first + count):
        for name, algo in names.items():
            mine = {word.partition("=")[0] for word in own[name]}
            ours = [word for word in shared if word.partition("=")[0] not in mine]
            place = out / f"{name}-{seed}"
            try:
                settings = parse([*ours, *own[name], f"algo={algo}", f"seed={seed}", f"out={place}"])
            except ConfigError as problem:
                raise ConfigError(f"{name}: {problem}") from problem
            jobs.append(Job(name, settings))
    return out, jobs


def _names(text: str) -> dict[str, str]:
    """Return rows and their algorithms: `gigpo,plain=gigpo` has two rows of one."""
    names: dict[str, str] = {}
    for word in filter(None, (part.strip() for part in text.split(","))):
        name, equals, algo = word.partition("=")
        if not equals:
            name, algo = Path(word.partition(":")[0]).stem if is_path(word) else word, word
        if not name or not algo or "/" in name or name.startswith("."):
            raise ConfigError(f"algos={text}: '{word}' is neither an algorithm nor NAME=ALGORITHM")
        if name in names:
            raise ConfigError(f"algos={text}: '{name}' stands there twice; name one: other={algo}")
        if name in (*GROUPS, *SHORT, "reward"):
            raise ConfigError(f"algos={text}: '{name}' is a group of settings; name the row otherwise")
        names[name] = algo
    return names


def _sorted_out(words: Sequence[str], names: Mapping[str, str]) -> tuple[list[str], dict[str, list[str]]]:
    """Return the words that all runs share, and those of one row: `gigpo.omega=0`."""
    shared: list[str] = []
    own: dict[str, list[str]] = {name: [] for name in names}
    for word in words:
        key = word.partition("=")[0]
        if key in ("algos", "seeds", *SEED, *OUT):
            continue
        name, dot, rest = word.partition(".")
        if dot and name in own and not word.startswith("@"):
            own[name].append(rest)
        else:
            shared.append(word)
    return shared, own


def check_same(job: Job) -> None:
    """Raise ConfigError where a run's folder holds a run with other settings."""
    if not (job.folder / CONFIG).is_file():
        return
    there = settings_of(job.folder)
    asked = flat(tomllib.loads(to_toml(job.settings)))
    asked = {key: wanted for key, wanted in asked.items() if key not in OWN}
    other = [key for key in {**there, **asked} if there.get(key) != asked.get(key)]
    if other:
        shown = ", ".join(f"{key}={there.get(key)} (now {asked.get(key)})" for key in other[:4])
        more = f" and {len(other) - 4} more" if len(other) > 4 else ""
        raise ConfigError(
            f"{job.folder} was begun with other settings: {shown}{more}; choose another out=, or remove that"
            " folder to run it again"
        )
