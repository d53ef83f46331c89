"""Which split a file is for, and what stands in for a split that is not there."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from agentrl.env import SPLITS, Split
from agentrl.errors import ConfigError, nearest

T = TypeVar("T")
NAMES: Mapping[str, Split] = {
    "train": "train", "dev": "dev", "valid": "dev", "validation": "dev", "val": "dev", "test": "test",
}  # fmt: skip
"""words in the name of a file, and the split that they mean"""
HELD_OUT = 10
"""every so many-th entry for training stands in for a split that is not there"""
_PLACE: Mapping[Split, int] = {"dev": HELD_OUT - 2, "test": HELD_OUT - 1}


def split_of(name: str) -> Split | None:
    """Return the split that a file's name speaks of.

    >>> split_of("hotpot_dev_distractor_v1")
    'dev'
    """
    return next((NAMES[word] for word in re.split(r"[^a-z]+", name.lower()) if word in NAMES), None)


def there(name: str, key: str) -> Path:
    """Return a path that was given under a key.

    Errors: ConfigError where there is nothing.
    """
    path = Path(name)
    if not path.exists():
        near = [str(other) for other in path.parent.iterdir()] if path.parent.is_dir() else []
        raise ConfigError(f"{key}={name}: no such file or folder{nearest(name, near)}")
    return path


def files_of(name: str, key: str) -> dict[Split, Path]:
    """Return the file of each split: of a folder by their names, or the one that is named, for training.

    Errors: ConfigError where there is none.
    """
    path = there(name, key)
    if path.is_file():
        return {split_of(path.stem) or "train": path}
    found: dict[Split, Path] = {}
    for file in sorted(path.iterdir(), key=lambda one: (len(one.name), one.name)):
        split = split_of(file.stem)
        if split and file.suffix in (".json", ".jsonl"):
            found.setdefault(split, file)
    if not found:
        raise ConfigError(f"{key}={name}: nothing there; expected files such as train.jsonl and test.jsonl")
    return {split: found[split] for split in SPLITS if split in found}


def dealt(split: Split, given: Mapping[Split, Sequence[T]]) -> Sequence[T]:
    """Return the entries of a split; those for training give a part where another split is not there.

    Edge: without entries for training there is nothing to learn from, only to measure on.
    """
    lacking = {place for other, place in _PLACE.items() if other not in given}
    if split in given and not (split == "train" and lacking):
        return given[split]
    wanted = set(range(HELD_OUT)) - lacking if split == "train" else {_PLACE[split]}
    return [one for number, one in enumerate(given.get("train", ())) if number % HELD_OUT in wanted]
