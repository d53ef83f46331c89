"""Gymnasium's spaces in text: observations written, actions read."""

import json
import re
from typing import Any

import numpy as np
from gymnasium import Space, spaces

from agentrl.errors import InvalidAction

MOST = 512
"""numbers of an observation that are written down; more are a picture"""
LISTED = 64
"""most actions that are listed"""
DIGITS = 4
"""significant digits of a number that is written down"""
_COLOURS = {"0": "black", "1": "red", "2": "green", "3": "yellow", "4": "blue", "5": "magenta", "6": "cyan"}
_PAINTED = re.compile(r"\x1b\[([\d;]*)m(.*?)\x1b\[0?m", re.DOTALL)


def size_of(space: Space[Any]) -> int:
    """Return how many numbers an observation holds; texts count as none, graphs and the like as too many."""
    if isinstance(space, spaces.Text):
        return 0
    if isinstance(space, spaces.Discrete):
        return 1
    if isinstance(space, spaces.Box | spaces.MultiDiscrete | spaces.MultiBinary):
        return int(np.prod(space.shape))
    if isinstance(space, spaces.Tuple):
        return sum(map(size_of, space.spaces))
    if isinstance(space, spaces.Dict):
        return sum(map(size_of, space.spaces.values()))
    return MOST + 1


def plain(value: Any) -> Any:
    """Return an observation as JSON values.

    >>> plain((np.int64(14), np.array([0.123456, 2.0]), "x"))
    [14, [0.1235, 2.0], 'x']
    """
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    return value


def written(value: Any) -> str:
    """Return an observation as text: itself, or JSON."""
    return value if isinstance(value, str) else json.dumps(plain(value), default=str)


def uncoloured(picture: str) -> str:
    """Return a picture of characters without terminal colours; what they marked is told below it."""
    marks: list[str] = []
    text, rest = "", picture
    while found := _PAINTED.search(rest):
        text += rest[: found.start()]
        codes = [code for code in found[1].split(";") if len(code) == 2 and code[1] in _COLOURS]
        row, column = text.count("\n") + 1, len(text) - (text.rfind("\n") + 1) + 1
        if codes:
            marks.append(f"{_COLOURS[codes[0][1]]}: {found[2]!r} in line {row}, column {column}")
        text += found[2]
        rest = rest[found.end() :]
    return "\n".join([(text + rest).rstrip("\n"), *marks])


def words_of(doc: str) -> str:
    """Return Markdown in one line, without links and tags."""
    return " ".join(re.sub(r"<[^<>]*>", "", re.sub(r"\[([^\[\]]*)\]\([^()]*\)", r"\1", doc)).split())


def named_actions(doc: str, count: int) -> list[str]:
    """Return what a documentation calls the actions; empty where it does not name each."""
    section = section_of(doc, "Action Space")
    found = {
        int(n): name for n, name in re.findall(r"^[ \t]*[-*|]\s*(\d+)\s*[:|]\s*([^|\n]+)", section, re.M)
    }
    names = [re.sub(r"\s*\(.*?\)", "", found.get(number, "")).strip().lower() for number in range(count)]
    return names if all(names) and len(set(names)) == count else []


def section_of(doc: str, heading: str) -> str:
    """Return a section of a documentation; the text before all headings where `heading` is empty."""
    parts = re.split(r"^[ \t]*#+[ \t]*(.*?)[ \t]*$", doc, flags=re.M)
    if not heading:
        return parts[0]
    return next((parts[i + 1] for i in range(1, len(parts) - 1, 2) if parts[i] == heading), "")


def read(action: str, space: Space[Any], names: list[str]) -> Any:
    """Return the action that a text stands for: a name, a number, or JSON of the space's form.

    Errors: InvalidAction, saying what is allowed.
    """
    if isinstance(space, spaces.Text):
        return action
    said = action.strip()
    if isinstance(space, spaces.Discrete):
        if said.casefold() in names:
            return space.start + names.index(said.casefold())
        number = int(said) if re.fullmatch(r"-?\d{1,9}", said) else None
        if number is None or not space.contains(np.int64(number)):
            raise InvalidAction(f"Not an action. {allowed(space, names)}")
        return number
    try:
        made = _made(json.loads(said), space)
        good = space.contains(made)
    except (ValueError, TypeError, KeyError, IndexError, OverflowError, RecursionError):
        good = False
    if not good:
        raise InvalidAction(f"Not an action. {allowed(space, names)}")
    return made


def _made(value: Any, space: Space[Any]) -> Any:
    """Return JSON values as a member of a space, if it is one."""
    if isinstance(space, spaces.Tuple):
        return tuple(_made(one, part) for one, part in zip(value, space.spaces, strict=True))
    if isinstance(space, spaces.Dict):
        return {key: _made(value[key], part) for key, part in space.spaces.items()}
    if isinstance(space, spaces.Box | spaces.MultiDiscrete | spaces.MultiBinary):
        return np.asarray(value, dtype=space.dtype)
    return value


def allowed(space: Space[Any], names: list[str]) -> str:
    """Return what an action may be, as a sentence."""
    if isinstance(space, spaces.Text):
        return "Answer with a text."
    if isinstance(space, spaces.Discrete):
        last = space.start + space.n - 1
        numbers = f"a number from {space.start} to {last}"
        return f"Answer with one of: {', '.join(names)}." if names else f"Answer with {numbers}."
    return f"Answer with JSON of the form {json.dumps(plain(_example(space)))}, within {space}."


def _example(space: Space[Any]) -> Any:
    """Return a member of a space, the same each time."""
    space.seed(0)
    return space.sample()
