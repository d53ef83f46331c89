"""What the learner made of stored episodes, beside them: `credit/NNNNNN.jsonl.gz` of a run.

The first line says what the file is of, and holds the trees that preferences were drawn from; each further
one belongs to an episode that was learnt from (a tree's: to a node) and holds a number a token, by name:
float32, little-endian, base64. Tokens are those of the turns listed, in order.
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
    from torch import Tensor

    from agentrl.algo import Preference
    from agentrl.table import TokenTable
    from agentrl.types import Trajectory, Tree

FOLDER = "credit"
VERSION = 1
Floats = NDArray[np.float32]
Grown: TypeAlias = "tuple[Tree, Sequence[Trajectory], Sequence[Preference]]"
"""A tree, the episodes it holds, and the preferences drawn from it"""


class Pair(NamedTuple):
    """A preference: of episodes, by their lines in the file; of nodes, by their numbers in the tree."""

    chosen: int
    rejected: int
    weight: float
    margin: float


@dataclass(frozen=True, slots=True)
class NodeRecord:
    """A node of a tree, its turn told by where the episode's file has it."""

    parent: int
    episode: int
    """number of an episode in its file, which holds the turn"""
    turn: int
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


@dataclass(frozen=True, slots=True)
class Header:
    """What a file is of."""

    iteration: int
    algo: str
    episodes: str
    """name of the file of episodes, in `trajectories/`"""
    columns: tuple[str, ...] = ()
    """names of what is told of each token"""
    lines: int = 0
    """episodes or nodes that follow"""
    trees: tuple[TreeRecord, ...] = ()
    pairs: tuple[Pair, ...] = ()
    """of whole episodes"""
    version: int = VERSION


@dataclass(frozen=True, slots=True)
class Credited:
    """An episode, or a node's turn, that was learnt from."""

    group: str
    """of the episode; of a node, its tree's number"""
    sample: int
    """of the episode; of a node, its number"""
    turns: tuple[tuple[int, int], ...]
    """(turn, tokens of it)"""
    columns: Mapping[str, Floats] = field(default_factory=dict[str, Floats])
    """a number a token"""


def write_credit(path: Path, header: Header, credited: Sequence[Credited]) -> None:
    """Write a file, whole or not at all.

    Errors: RunError where the disk does not take it.
    """
    lines = [header, *(_Line(one.group, one.sample, one.turns, _packed(one.columns)) for one in credited)]
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
            Credited(line.group, line.sample, line.turns, _unpacked(line.columns)) for line in lines
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


def credited(table: "TokenTable", columns: "Mapping[str, Tensor]") -> Iterator[Credited]:
    """Yield what each trajectory of a table got, in order; `columns` are [N].

    Edge: trajectories that have no token in the table are left out.
    """
    arrays = {name: column.detach().float().numpy() for name, column in columns.items()}
    owner, turn = table.trajectory.numpy(), table.turn.numpy()
    edges = np.flatnonzero(np.diff(owner, prepend=-1, append=-1))
    for start, stop in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        numbers, counts = np.unique(turn[start:stop], return_counts=True)
        group, sample = table.trajectories.name[int(owner[start])]
        index = table.turns.index.numpy()[numbers]
        turns = tuple(zip(index.tolist(), counts.tolist(), strict=True))
        yield Credited(group, sample, turns, {name: array[start:stop] for name, array in arrays.items()})


def pairs_of(table: "TokenTable") -> tuple[Pair, ...]:
    """Return the preferences of a table, told by the places of their episodes in what `credited` yields."""
    if table.pairs is None:
        return ()
    place = {name: number for number, name in enumerate(table.trajectory.unique_consecutive().tolist())}
    ends = [table.trajectory[spans[:, 0]].tolist() for spans in (table.pairs.chosen, table.pairs.rejected)]
    values = zip(*ends, table.pairs.weight.tolist(), table.pairs.margin.tolist(), strict=True)
    return tuple(Pair(place[one], place[other], weight, margin) for one, other, weight, margin in values)


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
            NodeRecord(node.parent, *place[id(node.turn)], node.visits, node.q, node.value, node.reward,
                       node.prior, node.terminal, node.outcome, node.score)
            for node in tree.nodes
        )  # fmt: skip
        pairs = tuple(Pair(p.chosen, p.rejected, p.weight, p.margin) for p in preferences)
        made.append(TreeRecord(tree.task.id, nodes, pairs))
        before += len(episodes)
    return tuple(made)


class _Line(msgspec.Struct):
    """A line of the file: an episode or node, its numbers as text."""

    group: str
    sample: int
    turns: tuple[tuple[int, int], ...]
    columns: dict[str, str]


def _packed(columns: Mapping[str, Floats]) -> dict[str, str]:
    return {name: base64.b64encode(array.astype("<f4").tobytes()).decode() for name, array in columns.items()}


def _unpacked(columns: Mapping[str, str]) -> dict[str, Floats]:
    return {
        name: np.frombuffer(base64.b64decode(text, validate=True), dtype="<f4")
        for name, text in columns.items()
    }
