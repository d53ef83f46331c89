"""Files of problems: HumanEval, MBPP, LiveCodeBench, one JSON object a line.

| format | known by | public tests | hidden tests |
|---|---|---|---|
| HumanEval | `entry_point` | examples in the docstring | `test`: a text that defines check(candidate) |
| MBPP | `test_list` | the first assertion | `test_list` and `challenge_test_list` |
| LiveCodeBench | `public_test_cases` | these | `private_test_cases`, converted to JSON beforehand |
"""

import gzip
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import msgspec

from agentrl.env import SPLITS, Split
from agentrl.errors import ConfigError, DataError, nearest
from agentrl_envs.code.formats import humaneval, livecodebench, mbpp
from agentrl_envs.code.problem import Problem
from agentrl_envs.code.row import Row

SUFFIXES = (".jsonl", ".jsonl.gz")
_READERS: Mapping[str, Callable[[Row], Problem]] = {
    "entry_point": humaneval,
    "test_list": mbpp,
    "public_test_cases": livecodebench,
}


def read(data: str, split: Split) -> Sequence[Problem]:
    """Return the problems of a split: of the folder's file of that name, or of a part of the one file.

    Edge:   a file's problems are divided by a hash of their ids, a tenth each for dev and test. A folder
            without a dev file lends every tenth problem of train to dev.
    Errors: ConfigError where there is nothing to read; DataError, with file and line, where it is broken.
    """
    path = Path(data)
    if path.is_file():
        return _parts(path)[split]
    if not path.is_dir():
        near = [str(other) for other in path.parent.iterdir()] if path.parent.is_dir() else []
        raise ConfigError(f"env.data={data}: no such file or folder{nearest(data, near)}")
    own = _file(path, split)
    if own is not None and split != "train":
        return _problems(own)
    train = _file(path, "train")
    if train is None:
        raise ConfigError(
            f"env.data={data}: no {split}.jsonl there; a folder holds train, dev and test.jsonl"
        )
    if split == "test":
        raise ConfigError(f"env.data={data}: no test.jsonl there. Give the file itself to have it divided")
    if _file(path, "dev") is not None:
        return _problems(train)
    lent = split == "dev"
    return [problem for i, problem in enumerate(_problems(train)) if (i % 10 == 9) == lent]


def _file(folder: Path, split: Split) -> Path | None:
    there = (folder / f"{split}{suffix}" for suffix in SUFFIXES)
    return next((path for path in there if path.is_file()), None)


@lru_cache(maxsize=4)
def _parts(path: Path) -> Mapping[Split, Sequence[Problem]]:
    """Return a file's problems, divided."""
    found = _problems(path)
    if len(found) < len(SPLITS):
        raise DataError(f"{path}: {len(found)} problems cannot be divided into train, dev and test")
    mixed = sorted(found, key=lambda problem: hashlib.sha256(problem.id.encode()).digest())
    tenth = max(1, len(mixed) // 10)
    return {"dev": mixed[:tenth], "test": mixed[tenth : 2 * tenth], "train": mixed[2 * tenth :]}


@lru_cache(maxsize=4)
def _problems(path: Path) -> Sequence[Problem]:
    if not path.name.endswith(SUFFIXES):
        raise ConfigError(f"env.data={path}: not one of {', '.join(SUFFIXES)}: one JSON object a line")
    found: dict[str, Problem] = {}
    for place, line in _lines(path):
        problem = _problem(line, place)
        if problem.id in found:
            raise DataError(f"{place}: id {problem.id!r} was there before")
        found[problem.id] = problem
    if not found:
        raise DataError(f"{path}: holds no problem")
    return list(found.values())


def _lines(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the lines that are not empty, each with its place."""
    number = 0
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield f"{path}, line {number}", line
    except (OSError, EOFError) as why:
        raise DataError(f"{path}: cannot be read after line {number}: {why}") from None


def _problem(line: bytes, place: str) -> Problem:
    try:
        fields = msgspec.json.decode(line)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as why:
        raise DataError(f"{place}: not JSON: {why}") from None
    if not isinstance(fields, dict):
        raise DataError(f"{place}: a {type(fields).__name__}, not an object")
    for mark, reader in _READERS.items():
        if mark in fields:
            return reader(Row(fields, place))
    has = ", ".join(map(str, fields)) or "nothing"
    raise DataError(
        f"{place}: none of {', '.join(_READERS)} is there, so it is no known format; it has {has}"[:400]
    )
