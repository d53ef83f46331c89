"""Problems in files: GSM8K's lines, MATH's tree of files or its lines."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from agentrl.env import SPLITS, Split
from agentrl.errors import ConfigError, DataError, nearest
from agentrl_envs.math.problem import FINAL, Problem, digest

NAMES: Mapping[Split, tuple[str, ...]] = {
    "train": ("train",),
    "dev": ("dev", "valid", "validation", "val"),
    "test": ("test",),
}
"""what files and folders of a split are called"""
INSIDE = ("", "data", "MATH", "grade_school_math/data")
"""where in a folder the splits may lie"""
_STEP = re.compile(r"<<([^<>=]+=[^<>]+)>>")
_BOX = re.compile(r"\\(?:boxed|fbox)(?![A-Za-z])\s*")
_BARE = re.compile(r"\\?\w+")
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)


def opened(data: str) -> "Files":
    """Return the problems at a path: a folder, or one file of lines.

    Errors: ConfigError where there is nothing, or nothing that holds problems.
    """
    path = Path(data)
    if not path.exists():
        near = [str(other) for other in path.parent.iterdir()] if path.parent.is_dir() else []
        raise ConfigError(f"env.data={data}: no such file or folder{nearest(data, near)}")
    if path.is_file():
        if path.suffix != ".jsonl":
            raise ConfigError(f"env.data={data}: expected a folder, or a file ending in .jsonl")
        return Files({_split_of(path.stem): path})
    for inside in INSIDE:
        found = _splits(path / inside)
        if found:
            return Files(found)
    if next(path.rglob("*.json"), None) is not None:
        return Files({_split_of(path.name): path})
    raise ConfigError(
        f"env.data={data}: no problems there. It should hold train.jsonl and test.jsonl (as GSM8K does), or"
        " folders train and test of .json files (as MATH does)"
    )


def _split_of(name: str) -> Split:
    """Return the split that a name speaks of; train where it speaks of none."""
    return next((split for split in SPLITS if _speaks(name, split)), "train")


def _speaks(name: str, split: Split) -> bool:
    return any(re.fullmatch(rf"(?:.*[_-])?{word}", name) for word in NAMES[split])


def _splits(folder: Path) -> dict[Split, Path]:
    """Return the file or folder of each split that lies here; plain names before longer ones."""
    found: dict[Split, Path] = {}
    there = sorted(folder.iterdir(), key=lambda p: (len(p.stem), p.name)) if folder.is_dir() else []
    for path in there:
        for split in SPLITS:
            if (path.is_dir() or path.suffix == ".jsonl") and _speaks(path.stem, split):
                found.setdefault(split, path)
    return found


class Files:
    """A file of lines, or a folder of files, for each split that there is."""

    def __init__(self, places: Mapping[Split, Path]) -> None:
        self._places = places

    @property
    def splits(self) -> Sequence[Split]:
        """Names of the splits there are."""
        return tuple(self._places)

    def problems(self, split: Split) -> list[Problem]:
        """Return the problems of a split, in an order that mixes sorts: the first so many hold every one.

        Errors: DataError, with file and line, for what is no problem with an answer.
        """
        return sorted(self._read(split), key=lambda one: digest(one.id))

    def _read(self, split: Split) -> list[Problem]:
        place = self._places[split]
        if place.is_file():
            return _of_lines(place, split)
        files = sorted(place.rglob("*.json"))
        lines = sorted(place.rglob("*.jsonl"))
        found = [one for file in lines for one in _of_lines(file, f"{split}/{file.stem}")]
        for file in files:
            name = file.relative_to(place).with_suffix("").as_posix()
            found.append(_problem(_decoded(_text(file), file, 1), f"{split}/{name}", str(file)))
        if not found:
            raise DataError(f"{place}: holds no .json or .jsonl file with problems")
        return found


def _of_lines(file: Path, name: str) -> list[Problem]:
    found = [
        _problem(_decoded(line, file, number), f"{name}-{number}", f"{file}, line {number}")
        for number, line in _lines(file)
    ]
    if not found:
        raise DataError(f"{file}: holds no problem")
    return found


def _lines(file: Path) -> Iterator[tuple[int, str]]:
    # Not splitlines: a problem may hold other characters that end lines, such as U+2028.
    for number, line in enumerate(_text(file).split("\n"), 1):
        if line.strip():
            yield number, line


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except OSError as why:
        raise DataError(f"{file}: cannot be read: {why.strerror or why}") from None
    except UnicodeDecodeError as why:
        raise DataError(f"{file}: not UTF-8 at byte {why.start}") from None


def _decoded(text: str, file: Path, line: int) -> Any:
    """Return JSON text that begins in this line of a file."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as why:
        where, what = f"{file}, line {line + why.lineno - 1}", why.msg.removesuffix(" at")
        raise DataError(f"{where}: not JSON, or cut off: {what} at column {why.colno}") from None
    except (ValueError, RecursionError) as why:
        raise DataError(f"{file}, line {line}: cannot be read as JSON: {why}") from None


def _problem(record: Any, name: str, where: str) -> Problem:
    if not isinstance(record, dict):
        raise DataError(f"{where}: a problem is a JSON object, this is a {type(record).__name__}")
    if "problem" in record:
        question = _field(record, "problem", where)
        kind = record.get("type") or record.get("subject") or "math"
        return Problem(name, question, _answer(record, where), str(kind))
    if "question" not in record:
        has = ", ".join(map(repr, list(record)[:8])) or "nothing"
        raise DataError(f"{where}: has neither 'question' (GSM8K) nor 'problem' (MATH); it has {has}")
    question, solution = _field(record, "question", where), _field(record, "answer", where)
    _, mark, last = solution.rpartition(FINAL)
    answer = last.strip().lstrip("$").replace(",", "")
    if not mark or not answer:
        raise DataError(f"{where}: 'answer' does not end in '{FINAL} N', so there is no final answer")
    steps = tuple(" ".join(step.split()) for step in _STEP.findall(solution))
    return Problem(name, question, answer, f"{len(steps)} steps" if steps else "gsm8k", steps)


def _field(record: Mapping[str, Any], key: str, where: str) -> str:
    found = record.get(key)
    if isinstance(found, int | float) and not isinstance(found, bool):
        found = str(found)
    if not isinstance(found, str) or not found.strip():
        said = "is missing" if key not in record else f"is {str(found)[:40]!r}, not a text"
        raise DataError(f"{where}: '{key}' {said}")
    return found


def _answer(record: Mapping[str, Any], where: str) -> str:
    """Return the final answer of a MATH problem: its own field, else what its solution puts in a box."""
    if "answer" in record:
        return _field(record, "answer", where)
    found = boxed(_field(record, "solution", where))
    if found is None:
        raise DataError(f"{where}: 'solution' has no complete \\boxed{{...}}, so there is no final answer")
    return found


def boxed(solution: str) -> str | None:
    r"""Return what the last box of a solution holds; None where there is none, or it is empty or not closed.

    >>> boxed(r"Not \boxed{1}, but $\boxed{\frac{1}{2}}$.")
    '\\frac{1}{2}'
    >>> boxed(r"It is \boxed 7.")
    '7'
    """
    boxes = list(_BOX.finditer(solution))
    if not boxes:
        return None
    rest = solution[boxes[-1].end() :]
    if not rest.startswith("{"):
        bare = _BARE.match(rest)
        return bare[0] if bare else None
    depth = 0
    for brace in _BRACE.finditer(rest):
        depth += {"{": 1, "}": -1}.get(brace[0], 0)
        if not depth:
            return rest[1 : brace.start()].strip() or None
    return None
