"""Passages and questions in files: lines of JSON, HotpotQA's, and lines as those of Natural Questions."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from agentrl.env import Split
from agentrl.errors import DataError
from agentrl_envs.search_qa.passages import Passage, Question
from agentrl_envs.splits import files_of, there

ANSWERS = ("answer", "answers", "golden_answers")
"""fields that hold what is right: a text, or several of which any is"""


def questions(data: str) -> dict[Split, list[Question]]:
    """Return the questions of a file, or of a folder with a file for each split.

    Errors: ConfigError where there is no such file, DataError where one is broken.
    """
    return {split: list(_questions(file)) for split, file in files_of(data, "env.data").items()}


def passages(corpus: str) -> list[Passage]:
    """Return the passages of a file of lines: id, title and text each.

    Errors: ConfigError where there is no such file, DataError where it is broken or an id is there twice.
    """
    found: dict[str, Passage] = {}
    for where, record in _records(there(corpus, "env.corpus")):
        name = str(record.get("id", record.get("_id", len(found))))
        if name in found:
            raise DataError(f"{where}: id {name!r} is there twice")
        found[name] = Passage(name, str(record.get("title", "")), _text(record, "text", where))
    return list(found.values())


def gathered(asked: Sequence[Question]) -> list[Passage]:
    """Return the passages that come with questions, each once."""
    texts = {(one.title, one.text) for question in asked for one in question.passages}
    return [Passage(f"{number:07}", title, text) for number, (title, text) in enumerate(sorted(texts))]


def _questions(file: Path) -> Iterator[Question]:
    for number, (where, record) in enumerate(_records(file)):
        context = tuple(_context(record, where))
        name = str(record.get("_id", record.get("id", f"{file.stem}-{number}")))
        yield Question(
            name,
            _text(record, "question", where),
            _answers(record, where),
            str(record.get("type", record.get("kind", ""))),
            tuple(dict.fromkeys(title for title, _ in _pairs(record, "supporting_facts", "sent_id", where))),
            passages=context,
        )


def _records(file: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the objects of a file, lines or one list, each with where it stands."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as why:
        raise DataError(f"{file}: cannot be read: {getattr(why, 'strerror', None) or why}") from None
    if text.lstrip().startswith("["):
        entries = _decoded(text, str(file))
        named = [(f"{file}, entry {number}", entry) for number, entry in enumerate(entries, 1)]
    else:
        # Not splitlines: a text may hold other characters that end lines, such as U+2028.
        lines = ((f"{file}, line {number}", line) for number, line in enumerate(text.split("\n"), 1))
        named = [(where, _decoded(line, where)) for where, line in lines if line.strip()]
    if not named:
        raise DataError(f"{file}: is empty")
    for where, entry in named:
        if not isinstance(entry, dict):
            raise DataError(f"{where}: expected a JSON object, this is a {type(entry).__name__}")
        yield where, entry


def _decoded(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as why:
        raise DataError(f"{where}: not JSON, or cut off: {why}") from None


def _text(record: Mapping[str, Any], key: str, where: str) -> str:
    found = record.get(key)
    if not isinstance(found, str) or not found.strip():
        said = f"is {str(found)[:40]!r}, not a text" if key in record else "is missing"
        raise DataError(f"{where}: '{key}' {said}; there are: {', '.join(map(str, list(record)[:8]))}")
    return found


def _answers(record: Mapping[str, Any], where: str) -> tuple[str, ...]:
    key = next((key for key in ANSWERS if key in record), "answer")
    found = record.get(key)
    if not isinstance(found, list):
        return (_text(record, key, where),)
    if not found or not all(isinstance(one, str) and one.strip() for one in found):
        raise DataError(f"{where}: '{key}' is {str(found)[:40]!r}, not a list of texts")
    return tuple(found)


def _context(record: Mapping[str, Any], where: str) -> Iterator[Passage]:
    for title, sentences in _pairs(record, "context", "sentences", where):
        if not isinstance(sentences, list) or not all(isinstance(one, str) for one in sentences):
            raise DataError(f"{where}: 'context' holds no list of sentences for {title!r}")
        yield Passage("", title, "".join(sentences).strip())


def _pairs(record: Mapping[str, Any], key: str, second: str, where: str) -> list[tuple[str, Any]]:
    """Return pairs of a title and something; they are listed one by one, or as two lists by name."""
    found = record.get(key) or []
    if isinstance(found, dict):
        titles, others = found.get("title", []), found.get(second, [])
        found = list(zip(titles, others, strict=False)) if len(titles) == len(others) else None
    pairs = [tuple(one) for one in found if isinstance(one, list | tuple)] if isinstance(found, list) else []
    if (
        found is None
        or len(pairs) < len(found)
        or any(len(p) != 2 or not isinstance(p[0], str) for p in pairs)
    ):
        raise DataError(f"{where}: '{key}' holds no pairs of a title and {second}, as HotpotQA's does")
    return pairs
