"""Where games come from: the original tree of `game.tw-pddl` files, packed archives, one file alone.

A source has splits, a split has entries, an entry can be read as a game. Nothing is read before it is asked
for.
"""

import hashlib
import json
import lzma
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import msgspec

from agentrl.errors import ConfigError, DataError, nearest
from agentrl_envs.alfworld.game import KINDS, Game
from agentrl_envs.alfworld.pddl import game

GAME = "game.tw-pddl"
SPLITS = ("train", "valid_train", "valid_seen", "valid_unseen")
"""of the original data, those to learn from first"""
_ARCHIVE = re.compile(r"(?:games_)?(.+)\.jsonl\.xz")
_GOAL = "Your task is to: "
_UNPLAYED = re.compile("movable|Sliced")
"""in the name of a folder: tasks that the original leaves out"""
_MARK = re.compile(rb'"solvable":\s*(true|false)')
_TAIL = 4096
"""bytes from the end in which the mark is looked for"""


@dataclass(frozen=True, slots=True)
class Entry:
    """A game that can be read."""

    id: str
    """`split/folder/trial`, the same for files and archives"""
    kind: str
    """which of the six sorts of task it is"""
    packed: bytes = b""
    """of an archive: the row, compressed"""


class Source(Protocol):
    """Somewhere games come from."""

    @property
    def splits(self) -> Sequence[str]:
        """Names of the splits there are."""
        ...

    def entries(self, split: str) -> Sequence[Entry]:
        """Return the games of a split, by id.

        Errors: DataError where they cannot be listed.
        """
        ...

    def game(self, entry: Entry) -> Game:
        """Return a game, read and checked.

        Errors: DataError where it is no game that can be played.
        """
        ...


def opened(data: str) -> "Tree | Archives":
    """Return the source at a path: a folder or a file.

    Errors: ConfigError where there is nothing, or nothing that holds games.
    """
    path = Path(data)
    if not path.exists():
        near = [str(other) for other in path.parent.iterdir()] if path.parent.is_dir() else []
        raise ConfigError(f"env.data={data}: no such file or folder{nearest(data, near)}")
    if path.is_file():
        if path.suffix == ".tw-pddl":
            return Tree(path.parent, {"game": path})
        if _ARCHIVE.fullmatch(path.name):
            return Archives(path.parent, {_split(path): path})
        raise ConfigError(f"env.data={data}: neither a {GAME} nor a packed archive (games_*.jsonl.xz)")
    packed = {_split(archive): archive for archive in sorted(path.glob("games_*.jsonl.xz"))}
    if packed:
        return Archives(path, packed)
    root = path / "json_2.1.1" if (path / "json_2.1.1").is_dir() else path
    folders = {name: root / name for name in SPLITS if (root / name).is_dir()}
    if folders:
        return Tree(root, folders)
    if next(root.rglob(GAME), None) is not None:
        return Tree(root.parent, {root.name: root})
    raise ConfigError(
        f"env.data={data}: no games there. It should hold json_2.1.1/ (train/, valid_seen/, ... with"
        f" {GAME} files), those folders themselves, or packed archives games_*.jsonl.xz"
    )


def _split(archive: Path) -> str:
    found = _ARCHIVE.fullmatch(archive.name)
    assert found is not None
    return found[1]


class Tree:
    """The original's own files: `split/task-folder/trial/game.tw-pddl`."""

    def __init__(self, root: Path, folders: Mapping[str, Path]) -> None:
        self.root = root
        self._folders = folders
        self._lone = next((path for path in folders.values() if path.is_file()), None)

    @property
    def splits(self) -> Sequence[str]:
        """Names of the splits there are."""
        return tuple(self._folders)

    def entries(self, split: str) -> Sequence[Entry]:
        """Return the games of a split, by id: those that the original plays.

        Errors: DataError where there is none.
        """
        folder = self._folders[split]
        if self._lone:
            return [Entry(self._name(self._lone), self._only.goal.kind)]
        files = sorted(folder.rglob(GAME))
        played = [file for file in files if not _UNPLAYED.search(file.parent.parent.name) and _solvable(file)]
        if not played:
            raise DataError(f"{folder}: of {len(files)} files {GAME} below it none is marked as solvable")
        return [self._entry(file) for file in played]

    def _entry(self, file: Path) -> Entry:
        """Return a file's entry, with the sort of task from the folder's name where that says it."""
        said = file.parent.parent.name.partition("-")[0]
        kind = said if said in KINDS else game("", _texts(file), str(file)).goal.kind
        return Entry(self._name(file), kind)

    def _name(self, file: Path) -> str:
        return file.parent.relative_to(self.root).as_posix()

    @cached_property
    def _only(self) -> Game:
        """The game of a file alone, which is its name, its sort of task and itself."""
        assert self._lone is not None
        return game(self._name(self._lone), _texts(self._lone), str(self._lone))

    def texts(self, entry: Entry) -> Mapping[str, Any]:
        """Return what the game's file holds."""
        return _texts(self._file(entry))

    def game(self, entry: Entry) -> Game:
        """Return a game, read and checked."""
        if self._lone:
            return self._only
        return game(entry.id, self.texts(entry), str(self._file(entry)))

    def _file(self, entry: Entry) -> Path:
        return self._lone or self.root / entry.id / GAME


def _solvable(file: Path) -> bool:
    """Tell whether the original marks a game as solvable; the mark stands near the end of the file."""
    try:
        with file.open("rb") as opened_file:
            opened_file.seek(max(0, file.stat().st_size - _TAIL))
            found = _MARK.findall(opened_file.read())
    except OSError as why:
        raise DataError(f"{file}: cannot be read: {why.strerror or why}") from None
    return found[-1] == b"true" if found else bool(_texts(file).get("solvable"))


def _texts(file: Path) -> Mapping[str, Any]:
    try:
        found = msgspec.json.decode(file.read_bytes())
    except OSError as why:
        raise DataError(f"{file}: cannot be read: {why.strerror or why}") from None
    except msgspec.DecodeError as why:
        raise DataError(f"{file}: not JSON, or cut off: {why}") from None
    if not isinstance(found, dict):
        raise DataError(f"{file}: holds a {type(found).__name__}, not the texts of a game")
    return found


class Archives:
    """Packed games, one a line, with the domain and grammar that they share beside them."""

    def __init__(self, root: Path, files: Mapping[str, Path]) -> None:
        self.root = root
        self._files = files
        self._kept: dict[str, Sequence[Entry]] = {}

    @property
    def splits(self) -> Sequence[str]:
        """Names of the splits there are."""
        return tuple(self._files)

    def entries(self, split: str) -> Sequence[Entry]:
        """Return the games of a split, by id.

        Errors: DataError where the archive is damaged or holds something else.
        """
        if split not in self._kept:
            self._kept[split] = sorted(self._rows(self._files[split]), key=lambda entry: entry.id)
        return self._kept[split]

    def _rows(self, file: Path) -> list[Entry]:
        found: list[Entry] = []
        try:
            with lzma.open(file) as lines:
                for number, line in enumerate(lines, 1):
                    found.append(_entry(line, f"{file}, line {number}"))
        except (OSError, EOFError, lzma.LZMAError) as why:
            raise DataError(f"{file}: damaged or cut off after {len(found)} games: {why}") from None
        if not found:
            raise DataError(f"{file}: holds no game")
        return found

    def texts(self, entry: Entry) -> Mapping[str, Any]:
        """Return what the game's own `game.tw-pddl` held, checked against the fingerprint it was packed with.

        Written by `json.dumps` it is that file to the byte.
        """
        row = msgspec.json.decode(zlib.decompress(entry.packed))
        domain, grammar = self._shared
        found = {
            "pddl_domain": domain,
            "grammar": re.sub(f'{_GOAL}[^"\n]*', lambda _: _GOAL + row["goal"], grammar, count=1),
            "pddl_problem": row["pddl_problem"],
            "solvable": row.get("solvable", True),
            "walkthrough": row.get("walkthrough", []),
        }
        wanted = row.get("sha1")
        if wanted and hashlib.sha1(json.dumps(found).encode()).hexdigest() != wanted:
            raise DataError(
                f"{entry.id}: not the game that was packed; the archive, domain.pddl or grammar.twl2 in"
                f" {self.root} has been changed"
            )
        return found

    def game(self, entry: Entry) -> Game:
        """Return a game, read and checked."""
        return game(entry.id, self.texts(entry), entry.id)

    @cached_property
    def _shared(self) -> tuple[str, str]:
        texts = []
        for name in ("domain.pddl", "grammar.twl2"):
            try:
                texts.append((self.root / name).read_text(encoding="utf-8"))
            except (OSError, UnicodeDecodeError) as why:
                raise DataError(f"{self.root / name}: packed games need it beside them: {why}") from None
        return texts[0], texts[1]


def _entry(line: bytes, place: str) -> Entry:
    try:
        row = msgspec.json.decode(line)
    except msgspec.DecodeError as why:
        raise DataError(f"{place}: not JSON: {why}") from None
    for field in ("id", "task_type", "goal", "pddl_problem"):
        if not isinstance(row, dict) or not isinstance(row.get(field), str):
            raise DataError(
                f"{place}: no text '{field}'; a packed game has id, task_type, goal, pddl_problem"
            )
    if row["task_type"] not in KINDS:
        raise DataError(f"{place}: task_type {row['task_type']!r} is not one of {', '.join(KINDS)}")
    return Entry(row["id"], row["task_type"], zlib.compress(line, 1))
