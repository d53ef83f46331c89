"""Prompts in files: rows of JSON lines, CSV or Parquet, and the split that each prompt belongs to."""

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

from agentrl.env import SPLITS, Split
from agentrl.errors import ConfigError, DataError, nearest
from agentrl.types import Panel, Task
from agentrl_envs.splits import HELD_OUT, NAMES, split_of, there

FORMS = (".jsonl", ".json", ".csv", ".tsv", ".parquet")
_HELD: Mapping[int, Split] = {HELD_OUT - 2: "dev", HELD_OUT - 1: "test"}
PROMPT, ANSWER = "prompt", "answer"
"""what the fields are called in a task's data, whatever the file calls them"""


@dataclass(frozen=True, slots=True)
class Fields:
    """What the fields of a row are called in the file."""

    prompt: str
    answer: str | None
    """none: `answer`, where a row has it"""
    split: str | None


@dataclass(frozen=True, slots=True)
class _Row:
    place: str
    """file and line, for messages"""
    values: Mapping[str, Any]
    split: Split | None
    """as its file's name has it; None where the files do not say"""


@lru_cache(maxsize=8)
def panels(data: str, fields: Fields) -> Mapping[Split, Panel]:
    """Return the tasks of each split, in the order of the files.

    A prompt is for training, dev or test by a field of its row, by the name of its file, or else by a hash of
    its words: a tenth each is held out. One prompt is never in two splits.

    Errors: ConfigError where there is no file or no such field, DataError where a row is broken; both name
            file and line.
    """
    rows = [row for split, file in _files(data) for row in _rows(file, split)]
    if not rows:
        raise ConfigError(f"env.data={data}: no prompts there")
    given = {row.split for row in rows}
    name = Path(data).resolve().stem
    found: dict[Split, list[Task]] = {split: [] for split in SPLITS}
    first: dict[str, tuple[Split, str]] = {}
    for number, row in enumerate(rows):
        values = _values(row, fields)
        words = " ".join(values[PROMPT].split())
        split = _split(row, words, fields.split, given)
        other, place = first.setdefault(words, (split, row.place))
        if other != split:
            raise DataError(
                f"{row.place}: this prompt is for {split}, and for {other} in {place}; a prompt belongs to"
                " one split"
            )
        found[split].append(Task(f"{name}-{number}", split, number, values))
    made = {split: Panel(f"prompts/{name}/{split}", tuple(tasks)) for split, tasks in found.items()}
    empty = [split for split in SPLITS if not made[split].tasks]
    if empty and fields.split is None and given & {None, "train"}:
        raise ConfigError(
            f"env.data={data}: none of its {len(rows)} prompts is for {' or '.join(empty)}; where nothing"
            " says otherwise a tenth each is held out: give more prompts, files named train, dev and test, or"
            " env.split_by=FIELD"
        )
    return made


def _files(data: str) -> list[tuple[Split | None, Path]]:
    """Return the files at a path, each with the split that its name speaks of."""
    path = there(data, "env.data")
    if path.is_file():
        if path.suffix not in FORMS:
            raise ConfigError(f"env.data={data}: expected a folder, or a file ending in {', '.join(FORMS)}")
        return [(split_of(path.stem), path)]
    for folder in (path, path / "data"):
        names = sorted(folder.iterdir()) if folder.is_dir() else []
        found = [(split_of(file.stem), file) for file in names if file.suffix in FORMS]
        if any(split for split, _ in found):
            return [(split, file) for split, file in found if split]
    raise ConfigError(
        f"env.data={data}: nothing there; expected files such as train.jsonl and test.jsonl"
        f" ({', '.join(FORMS)})"
    )


def _rows(file: Path, split: Split | None) -> Iterator[_Row]:
    """Yield the rows of a file."""
    try:
        if file.suffix == ".parquet":
            found = _parquet(file)
        elif file.suffix in (".csv", ".tsv"):
            found = _table(file)
        else:
            found = _lines(file) if file.suffix == ".jsonl" else _list(file)
        for place, values in found:
            if not isinstance(values, Mapping):
                raise DataError(
                    f"{file}, {place}: expected an object with fields, found {str(values)[:40]!r}"
                )
            yield _Row(f"{file}, {place}", values, split)
    except UnicodeDecodeError as why:
        raise DataError(f"{file}: not UTF-8: {why}") from None


def _lines(file: Path) -> Iterator[tuple[str, Any]]:
    # Not splitlines: a text may hold separators that are no ends of lines in JSON.
    for number, line in enumerate(file.read_text(encoding="utf-8-sig").split("\n"), 1):
        if line.strip():
            try:
                yield f"line {number}", json.loads(line)
            except (ValueError, RecursionError) as why:
                raise DataError(f"{file}, line {number}: not JSON, or cut off: {why}") from None


def _list(file: Path) -> Iterator[tuple[str, Any]]:
    try:
        found = json.loads(file.read_text(encoding="utf-8-sig"))
    except (json.JSONDecodeError, RecursionError) as why:
        raise DataError(f"{file}: not JSON, or cut off: {why}") from None
    if not isinstance(found, list):
        raise DataError(f"{file}: expected a list of objects; one object a line is a .jsonl file")
    return ((f"entry {number}", one) for number, one in enumerate(found, 1))


def _table(file: Path) -> Iterator[tuple[str, Any]]:
    with file.open(encoding="utf-8-sig", newline="") as text:
        reader = csv.DictReader(text, delimiter="\t" if file.suffix == ".tsv" else ",", strict=True)
        try:
            for row in reader:
                place = f"line {reader.line_num}"
                if None in row:
                    raise DataError(f"{file}, {place}: more values than the first line has names")
                yield place, {key: value for key, value in row.items() if value is not None}
        except csv.Error as why:
            raise DataError(f"{file}, line {reader.line_num}: {why}") from None


def _parquet(file: Path) -> Iterator[tuple[str, Any]]:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError:
        raise ConfigError(
            f"env.data: {file} needs the package pyarrow: pip install 'agentrl[parquet]'"
        ) from None
    try:
        rows = parquet.read_table(file).to_pylist()
    except (ArrowException, OSError) as why:
        raise DataError(f"{file}: not Parquet, or cut off: {why}") from None
    return ((f"row {number}", row) for number, row in enumerate(rows, 1))


def _values(row: _Row, fields: Fields) -> dict[str, Any]:
    """Return a row as a task's data: its own fields, prompt and answer under their names here."""
    prompt = _field(row, fields.prompt, "env.prompt")
    if not isinstance(prompt, str) or not prompt.strip():
        raise DataError(f"{row.place}: '{fields.prompt}' is {str(prompt)[:40]!r}, not a text")
    own = {key: value for key, value in row.values.items() if key not in (fields.prompt, fields.answer)}
    found = {**own, PROMPT: prompt}
    if fields.answer is not None:
        found[ANSWER] = _field(row, fields.answer, "env.answer")
    if ANSWER in found:
        found[ANSWER] = _answer(found[ANSWER], row.place)
    return found


def _field(row: _Row, name: str, key: str) -> Any:
    if row.values.get(name) is None:
        has = ", ".join(map(str, row.values))
        raise DataError(
            f"{row.place}: no field '{name}' ({key}){nearest(name, map(str, row.values))} (it has: {has})"
        )
    return row.values[name]


def _answer(given: Any, place: str) -> str | list[str]:
    """Return an answer, or several of which any is right, as text."""
    if isinstance(given, list) and given:
        return [text for one in given if isinstance(text := _answer(one, place), str)]
    if isinstance(given, bool) or not isinstance(given, str | int | float):
        raise DataError(
            f"{place}: the answer is {str(given)[:40]!r}, neither text nor number nor a list of them"
        )
    return str(given)


def _split(row: _Row, words: str, field: str | None, given: set[Split | None]) -> Split:
    """Return the split of a prompt."""
    if field is not None:
        said = str(_field(row, field, "env.split_by")).lower()
        if said not in NAMES:
            raise DataError(f"{row.place}: '{field}' is '{said}', not one of {', '.join(NAMES)}")
        return NAMES[said]
    if row.split not in (None, "train"):
        return row.split
    place = int.from_bytes(blake2b(words.encode(errors="replace"), digest_size=8).digest(), "little")
    held = _HELD.get(place % HELD_OUT, "train")
    return "train" if held in given else held
