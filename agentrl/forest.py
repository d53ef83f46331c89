"""Searched trees on disk, a line each, written as soon as a tree is done: a killed run keeps those it has.

`trajectories/trees/000012.jsonl.gz` holds the trees of iteration 12. Each line is a gzip member of its own,
so that lines can be added, and the torn end that a kill leaves is cut off on opening. Reading a line back
gives the tree, its figures and its episodes, bit for bit.
"""

import gzip
import json
import os
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, get_type_hints

import msgspec

from agentrl.disk import said, write_whole
from agentrl.errors import DataError
from agentrl.rollout.tree import Grown
from agentrl.trajectories import dump, parse
from agentrl.types import Node, Task, Trajectory, Tree

VERSION = 1
FOLDER = "trees"


class Forest:
    """The trees of an iteration that are done, by their places among its tasks."""

    def __init__(self, folder: Path, number: int, tasks: Sequence[Task]) -> None:
        """Read what is there already.

        Errors: DataError where that is broken but for a torn end, or of other tasks.
        """
        self.path = folder / FOLDER / f"{number:06d}.jsonl.gz"
        self.known: dict[int, Grown] = {}
        held = self.path.read_bytes() if self.path.exists() else b""
        whole = 0
        for line, end in _members(held):
            try:
                place, grown = parse_tree(line)
            except DataError as why:
                raise DataError(f"{self.path}, tree {len(self.known) + 1}: {why}") from why
            if not (0 <= place < len(tasks) and tasks[place].id == grown.tree.task.id):
                raise DataError(f"{self.path} holds a tree of task {grown.tree.task.id} at place {place},"
                                " which is another task's: it is of another run")  # fmt: skip
            self.known[place], whole = grown, end
        if whole < len(held):
            write_whole(self.path, held[:whole])

    def add(self, place: int, grown: Grown) -> None:
        """Keep a tree: once this returns, no kill loses it.

        Errors: RunError where the disk does not take it.
        """
        packed = gzip.compress(dump_tree(place, grown).encode() + b"\n", compresslevel=5, mtime=0)
        with said(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab") as file:
                file.write(packed)
                file.flush()
                os.fsync(file.fileno())
        self.known[place] = grown


def thin_out(folder: Path, before: int, every: int) -> None:
    """Remove the trees of iterations up to `before`, but for each `every`-th one (0: of all)."""
    for path in (folder / FOLDER).glob("*.jsonl.gz"):
        number = int(path.name.partition(".")[0])
        if number <= before and not (every and number % every == 0):
            path.unlink()


def read_trees(path: Path) -> Iterator[tuple[int, Grown]]:
    """Yield the trees of a file with their places; a torn end is left out.

    Errors: DataError where a line is not one of a tree.
    """
    for line, _ in _members(path.read_bytes()):
        yield parse_tree(line)


def dump_tree(place: int, grown: Grown) -> str:
    """Return a tree as one line of JSON, without its line break."""
    tree, episodes = grown
    ends = _ends(tree)
    # Episodes that ended in a node have its turns; only where an environment failed there is one more.
    short = [replace(one, turns=()) for one in episodes[: len(ends)]]
    played = Trajectory(tree.task, "", 0, tuple(node.turn for node in tree.nodes), "failure")
    plain = {
        "version": VERSION,
        "place": place,
        "way": tree.way,
        "figures": [[getattr(node, name) for name in _NAMES] for node in tree.nodes],
        "turns": dump(played),
        "episodes": [dump(one) for one in (*short, *episodes[len(ends) :])],
    }
    return json.dumps(plain, separators=(",", ":"))


def parse_tree(line: str | bytes) -> tuple[int, Grown]:
    """Return what `dump_tree` wrote: the tree's place, and the tree.

    Errors: DataError where it is something else.
    """
    try:
        record = msgspec.convert(json.loads(line), _LINE)
        if record.version != VERSION:
            raise DataError(f"a tree of version {record.version}; this agentrl reads {VERSION}")
        played = parse(record.turns)
        nodes = tuple(
            Node(turn=turn, **{name: getattr(figures, name) for name in _NAMES})
            for turn, figures in zip(played.turns, record.figures, strict=True)
        )
        tree = Tree(played.task, nodes, record.way)
        episodes = [parse(one) for one in record.episodes]
        for number, index in enumerate(_ends(tree)):
            turns = tuple(nodes[i].turn for i in tree.path(index))
            episodes[number] = replace(episodes[number], turns=turns)
    except (ValueError, IndexError) as why:
        raise DataError(f"not a tree: {why}") from why
    return record.place, Grown(tree, tuple(episodes))


def _ends(tree: Tree) -> list[int]:
    """Return the nodes in which episodes ended, in the order of these."""
    return [index for index, node in enumerate(tree.nodes) if node.terminal]


def _members(held: bytes) -> Iterator[tuple[bytes, int]]:
    """Yield the content of each whole gzip member, and where it ends; stop at a torn one."""
    start = 0
    while start < len(held):
        one = zlib.decompressobj(wbits=31)
        try:
            content = one.decompress(held[start:])
        except zlib.error:
            return
        if not one.eof:
            return
        start = len(held) - len(one.unused_data)
        yield content, start


_HINTS = {name: hint for name, hint in get_type_hints(Node).items() if name != "turn"}
_NAMES = tuple(_HINTS)
_FIGURES: Any = msgspec.defstruct("Figures", list(_HINTS.items()), array_like=True)
_LINE: Any = msgspec.defstruct(
    "Line",
    [
        *(("version", int), ("place", int), ("way", tuple[int, ...])),
        *(("figures", list[_FIGURES]), ("turns", str), ("episodes", list[str])),
    ],
)
