"""Searched trees on disk: those of an iteration in a file, a JSON line each.

`trajectories/trees/000012.jsonl.gz` holds the trees of iteration 12. Reading a line back gives the tree, its
figures and its episodes, bit for bit. While they grow, `000012.heard` beside it holds what the sampler said.
"""

import gzip
import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, get_type_hints

import msgspec

from agentrl.disk import replacing, said
from agentrl.errors import DataError
from agentrl.rollout.recorded import RecordedSampler
from agentrl.rollout.tree import Grown
from agentrl.trajectories import dump, parse
from agentrl.types import Node, Sampler, Trajectory, Tree

VERSION = 1
FOLDER = "trees"


def once_grown(
    folder: Path, number: int, sampler: Sampler, grow: Callable[[Sampler], Sequence[Grown]]
) -> list[Grown]:
    """Return the trees that `grow` makes of a sampler; those of an iteration that are on disk are read.

    Edge: a kill loses nothing that the sampler said: the next call with the same number hears it again.
    """
    path = folder / FOLDER / f"{number:06d}.jsonl.gz"
    if path.exists():
        return list(read_trees(path))
    heard = path.with_name(f"{number:06d}.heard")
    made = list(grow(RecordedSampler(sampler, heard)))
    write_trees(path, made)
    heard.unlink(missing_ok=True)
    return made


def thin_out(folder: Path, before: int, every: int) -> None:
    """Remove the trees of iterations up to `before`, but for each `every`-th one (0: of all)."""
    for path in (folder / FOLDER).glob("*.jsonl.gz"):
        number = int(path.name.partition(".")[0])
        if number <= before and not (every and number % every == 0):
            path.unlink()


def write_trees(path: Path, grown: Sequence[Grown]) -> None:
    """Write a file of trees, whole or not at all.

    Errors: RunError where the disk does not take it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with (
        replacing(path) as part,
        said(path),
        part.open("wb") as raw,
        gzip.GzipFile("", "wb", compresslevel=5, fileobj=raw, mtime=0) as packed,
    ):
        for one in grown:
            packed.write(dump_tree(one).encode() + b"\n")


def read_trees(path: Path) -> Iterator[Grown]:
    """Yield the trees of a file, in order.

    Errors: DataError naming file and line where a line is broken or the file is cut off.
    """
    number = 0
    try:
        with gzip.open(path, "rb") as lines:
            for number, line in enumerate(lines, 1):
                try:
                    yield parse_tree(line)
                except DataError as why:
                    raise DataError(f"{path}, line {number}: {why}") from why
    except (EOFError, gzip.BadGzipFile, zlib.error) as why:
        raise DataError(f"{path}, after line {number}: {why}") from why


def dump_tree(grown: Grown) -> str:
    """Return a tree as one line of JSON, without its line break."""
    tree, episodes = grown
    ends = _ends(tree)
    # Episodes that ended in a node have its turns; only where an environment failed there is one more.
    short = [replace(one, turns=()) for one in episodes[: len(ends)]]
    played = Trajectory(tree.task, "", 0, tuple(node.turn for node in tree.nodes), "failure")
    plain = {
        "version": VERSION,
        "way": tree.way,
        "figures": [[getattr(node, name) for name in _NAMES] for node in tree.nodes],
        "turns": dump(played),
        "episodes": [dump(one) for one in (*short, *episodes[len(ends) :])],
    }
    return json.dumps(plain, separators=(",", ":"))


def parse_tree(line: str | bytes) -> Grown:
    """Return what `dump_tree` wrote.

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
    return Grown(tree, tuple(episodes))


def _ends(tree: Tree) -> list[int]:
    """Return the nodes in which episodes ended, in the order of these."""
    return [index for index, node in enumerate(tree.nodes) if node.terminal]


_HINTS = {name: hint for name, hint in get_type_hints(Node).items() if name != "turn"}
_NAMES = tuple(_HINTS)
_FIGURES: Any = msgspec.defstruct("Figures", list(_HINTS.items()), array_like=True)
_LINE: Any = msgspec.defstruct(
    "Line",
    [
        *(("version", int), ("way", tuple[int, ...])),
        *(("figures", list[_FIGURES]), ("turns", str), ("episodes", list[str])),
    ],
)
