"""What the learner made of an iteration's episodes: `credit/NNNNNN.jsonl.gz` of a run.

The first line says what the file is of, and holds the trees that preferences were drawn from. Each further
one belongs to an episode that was learnt from, or to a node of a tree, and holds a number a token, by name:
float32, little-endian, base64. Tokens are the last ones of each turn listed; what a turn has before them was
context. Episodes are numbered as they lie in `trajectories/NNNNNN.jsonl.gz`, and on from there in
`credit/episodes/NNNNNN.jsonl.gz`: those that were not fresh (stored, given, demonstrated).
"""

import base64
import gzip
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from agentrl.disk import write_whole
from agentrl.errors import DataError

if TYPE_CHECKING:
    from agentrl.algo import Preference
    from agentrl.table import TokenTable
    from agentrl.types import Trajectory, Tree

FOLDER, FURTHER = "credit", "credit/episodes"
VERSION = 1
Floats = NDArray[np.float32]
Grown: TypeAlias = "tuple[Tree, Sequence[Trajectory], Sequence[Preference]]"
"""A tree, the episodes it holds, and the preferences drawn from it"""


class Pair(NamedTuple):
    """A preference: of episodes, or of nodes of a tree, by their numbers."""

    chosen: int
    rejected: int
    weight: float
    margin: float


@dataclass(frozen=True, slots=True)
class NodeRecord:
    """A node of a tree."""

    parent: int
    action: str
    episode: int
    """an episode that went through it; -1: none was played to an end"""
    turn: int
    """of that episode"""
    visits: int
    q: float
    value: float
    reward: float
    prior: float
    terminal: bool
    outcome: str | None
    score: float


@dataclass(frozen=True, slots=True)
class TreeRecord:
    """A tree and the preferences drawn from it."""

    task: str
    nodes: tuple[NodeRecord, ...]
    pairs: tuple[Pair, ...]
    way: tuple[int, ...] = ()
    """the nodes that a search went along"""


@dataclass(frozen=True, slots=True)
class Header:
    """What a file is of."""

    iteration: int
    algo: str
    columns: tuple[str, ...] = ()
    """names of what is told of each token"""
    further: int = 0
    """episodes in `credit/episodes/`"""
    trees: tuple[TreeRecord, ...] = ()
    pairs: tuple[Pair, ...] = ()
    """of whole episodes"""
    version: int = VERSION


@dataclass(frozen=True, slots=True)
class Credited:
    """An episode, or the turn of a node, that was learnt from."""

    episode: int
    """of the iteration; of a node: the episode that holds its turn, or -1"""
    node: tuple[int, int] | None
    """number of a tree, and of a node in it"""
    turns: tuple[tuple[int, int], ...]
    """(turn, tokens at its end)"""
    columns: Mapping[str, Floats] = field(default_factory=dict[str, Floats])
    """a number a token"""


def write_credit(path: Path, header: Header, credited: Sequence[Credited]) -> None:
    """Write a file, whole or not at all.

    Errors: RunError where the disk does not take it.
    """
    lines = [header, *(_Line(one.episode, one.node, one.turns, _packed(one.columns)) for one in credited)]
    text = "".join(json.dumps(msgspec.to_builtins(line), separators=(",", ":")) + "\n" for line in lines)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, gzip.compress(text.encode(), compresslevel=5, mtime=0))


def read_credit(path: Path) -> tuple[Header, list[Credited]]:
    """Return what a file holds.

    Errors: DataError naming the file where it is broken.
    """
    try:
        first, *rest = gzip.decompress(path.read_bytes()).splitlines()
        header = msgspec.convert(json.loads(first), Header)
        lines = [msgspec.convert(json.loads(line), _Line) for line in rest]
        return header, [
            Credited(line.episode, line.node, line.turns, _unpacked(line.columns)) for line in lines
        ]
    except (ValueError, EOFError, OSError, zlib.error) as why:
        raise DataError(f"{path}: {why}") from why


def read_header(path: Path) -> Header:
    """Return what a file is of.

    Errors: DataError naming the file where it is broken.
    """
    try:
        with gzip.open(path, "rb") as lines:
            return msgspec.convert(json.loads(next(lines, b"")), Header)
    except (ValueError, EOFError, OSError, zlib.error) as why:
        raise DataError(f"{path}: {why}") from why


def credited(table: "TokenTable", columns: Mapping[str, Floats]) -> Iterator[tuple[int, Credited]]:
    """Yield each trajectory of a table and what it got, named by that number; `columns` are [N].

    Edge: trajectories that have no token in the table are left out.
    """
    owner, turn = table.trajectory.numpy(), table.turn.numpy()
    edges = np.flatnonzero(np.diff(owner, prepend=-1, append=-1))
    for start, stop in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        numbers, counts = np.unique(turn[start:stop], return_counts=True)
        index = table.turns.index.numpy()[numbers]
        turns = tuple(zip(index.tolist(), counts.tolist(), strict=True))
        own = {name: array[start:stop] for name, array in columns.items()}
        yield int(owner[start]), Credited(int(owner[start]), None, turns, own)


def pairs_of(table: "TokenTable") -> Iterator[Pair]:
    """Yield the preferences of a table, told by the numbers of its trajectories."""
    if table.pairs is not None:
        ends = [
            table.trajectory[spans[:, 0]].tolist() for spans in (table.pairs.chosen, table.pairs.rejected)
        ]
        for told in zip(*ends, table.pairs.weight.tolist(), table.pairs.margin.tolist(), strict=True):
            yield Pair(*told)


def tree_records(grown: Sequence[Grown]) -> tuple[TreeRecord, ...]:
    """Return trees with the preferences drawn from each; their episodes stand one tree's after another's."""
    made: list[TreeRecord] = []
    before = 0
    for tree, episodes, preferences in grown:
        place: dict[int, tuple[int, int]] = {}
        for number, episode in enumerate(episodes, before):
            for index, turn in enumerate(episode.turns):
                place.setdefault(id(turn), (number, index))
        nodes = tuple(
            NodeRecord(n.parent, n.turn.action, *place.get(id(n.turn), (-1, 0)), n.visits, n.q, n.value,
                       n.reward, n.prior, n.terminal, n.outcome, n.score)
            for n in tree.nodes
        )  # fmt: skip
        pairs = tuple(Pair(p.chosen, p.rejected, p.weight, p.margin) for p in preferences)
        made.append(TreeRecord(tree.task.id, nodes, pairs, tree.way))
        before += len(episodes)
    return tuple(made)


class _Line(msgspec.Struct):
    """A line of the file: its numbers as text."""

    episode: int
    node: tuple[int, int] | None
    turns: tuple[tuple[int, int], ...]
    columns: dict[str, str]


def _packed(columns: Mapping[str, Floats]) -> dict[str, str]:
    return {name: base64.b64encode(array.astype("<f4").tobytes()).decode() for name, array in columns.items()}


def _unpacked(columns: Mapping[str, str]) -> dict[str, Floats]:
    return {
        name: np.frombuffer(base64.b64decode(text, validate=True), dtype="<f4")
        for name, text in columns.items()
    }
