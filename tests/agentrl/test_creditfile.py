"""What was made of tokens, written and read back."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from agentrl.algo import Preference
from agentrl.batch import episode_pairs, preference_table, token_table
from agentrl.creditfile import Credited, Header, read_credit, read_header, write_credit
from agentrl.errors import DataError
from agentrl.kept import Origin
from agentrl.table import TokenTable
from agentrl.trajectories import read_trajectories
from agentrl.types import Node, Task, Trajectory, Tree, Turn, floats32, ids32

FLOATS = st.lists(st.floats(width=32), max_size=5)
HEADER = Header(7, "mine")


def turn(*ids: int) -> Turn:
    return Turn("o", ids32([1]), ids32(ids), floats32([-1.0] * len(ids)), f"say {ids}", f"say {ids}", {}, "k")


def played(name: str, sample: int, *turns: Turn) -> Trajectory:
    return Trajectory(Task(name, "train", 0), name, sample, turns, "success")


def kept(origin: Origin, run: Path, table: TokenTable | None) -> tuple[Header, list[Credited]]:
    """Return what is read after keeping a table whose tokens got 0, 1, 2 and so on."""
    columns = {} if table is None else {"push": torch.arange(float(len(table)))}
    origin.keep(run, HEADER, table, columns)
    return read_credit(run / "credit" / "000007.jsonl.gz")


@given(texts=st.text(), values=st.dictionaries(st.text(), FLOATS, max_size=3))
def test_what_is_written_is_read_back(
    texts: str, values: dict[str, list[float]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("credit") / "000001.jsonl.gz"
    columns = {name: np.array(floats, np.float32) for name, floats in values.items()}
    lines = [Credited(3, None, ((0, 1), (2, 4)), columns), Credited(-1, (2, 5), ())]
    header = Header(1, texts, tuple(values), 2)
    write_credit(path, header, lines)
    again, found = read_credit(path)
    assert again == header == read_header(path)
    assert [(one.episode, one.node, one.turns) for one in found] == [
        (one.episode, one.node, one.turns) for one in lines
    ]
    for name, column in columns.items():
        np.testing.assert_array_equal(found[0].columns[name], column)


def test_equal_content_gives_equal_bytes(tmp_path: Path) -> None:
    lines = [Credited(0, None, ((0, 1),), {"push": np.array([math.nan], np.float32)})]
    for name in ("one", "two"):
        write_credit(tmp_path / name, HEADER, lines)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


@pytest.mark.parametrize("text", [b"", b"not gzip", b"\x1f\x8b\x08"])
def test_a_broken_file_is_named(text: bytes, tmp_path: Path) -> None:
    (tmp_path / "bad.jsonl.gz").write_bytes(text)
    for read in (read_credit, read_header):
        with pytest.raises(DataError, match=r"bad\.jsonl\.gz"):
            read(tmp_path / "bad.jsonl.gz")


def test_each_episode_gets_its_tokens_and_those_without_any_take_no_place(tmp_path: Path) -> None:
    left_out, empty = played("a", 0, turn(3)), played("b", 0, turn())
    one, two = played("b", 1, turn(4, 5), turn(6)), played("b", 2, turn(7))
    learnt = [empty, one, two]
    header, lines = kept(Origin([left_out, *learnt], learnt), tmp_path, token_table(learnt))
    assert header == Header(7, "mine", ("push",))
    assert [(line.episode, line.turns) for line in lines] == [(2, ((0, 2), (1, 1))), (3, ((0, 1),))]
    assert [line.columns["push"].tolist() for line in lines] == [[0, 1, 2], [3]]
    assert not (tmp_path / "credit" / "episodes").exists()


def test_episodes_that_were_not_fresh_are_kept_once(tmp_path: Path) -> None:
    fresh, shown = played("a", 0, turn(4)), played("a", 8, turn(5))
    learnt = [shown, fresh, shown]
    header, lines = kept(Origin([fresh], learnt), tmp_path, token_table(learnt))
    assert [line.episode for line in lines] == [1, 0, 1] and header.further == 1
    assert list(read_trajectories(tmp_path / "credit" / "episodes" / "000007.jsonl.gz")) == [shown]


def test_pairs_of_episodes_are_told_by_number(tmp_path: Path) -> None:
    learnt = [played("a", sample, turn(4 + sample)) for sample in range(4)]
    table = episode_pairs(token_table(learnt), torch.tensor([3, 3]), torch.tensor([0, 1]))
    header, lines = kept(Origin([played("x", 0, turn(1)), *learnt], learnt), tmp_path, table)
    assert [(pair.chosen, pair.rejected) for pair in header.pairs] == [(4, 1), (4, 2)]
    assert sorted(line.episode for line in lines) == [1, 2, 4]


def test_nodes_say_who_played_them_and_sides_of_pairs_which_node_they_are(tmp_path: Path) -> None:
    first, lost, won, tried = turn(4), turn(5), turn(6, 7), turn(6, 8)
    trunk, other = played("t", 0, first, lost), played("t", 1, first, won)
    tree = Tree(trunk.task, (Node(-1, first), Node(0, lost), Node(0, won), Node(0, tried)), way=(0, 2))
    preferences = [Preference(2, 1, 0.5, 0.25), Preference(2, 3, shared=1)]
    before = played("s", 0, turn(9))
    grown = [
        (Tree(before.task, (Node(-1, before.turns[0]),)), [before], []),
        (tree, [trunk, other], preferences),
    ]
    table = preference_table([one for one, _, _ in grown], [drawn for _, _, drawn in grown])
    header, lines = kept(Origin([before, trunk, other], (), list(grown)), tmp_path, table)
    [_, record] = header.trees
    assert [(n.parent, n.episode, n.turn) for n in record.nodes] == [
        (-1, 1, 0),
        (0, 1, 1),
        (0, 2, 1),
        (0, -1, 0),
    ]
    assert record.nodes[3].action == "say (6, 8)" and record.way == (0, 2) and header.pairs == ()
    assert record.pairs[0] == (2, 1, 0.5, 0.25)
    assert [(line.episode, line.node, line.turns) for line in lines] == [
        (2, (1, 2), ((1, 2),)), (1, (1, 1), ((1, 1),)), (2, (1, 2), ((1, 1),)), (-1, (1, 3), ((0, 1),)),
    ]  # fmt: skip


def test_an_iteration_that_learnt_nothing_says_so(tmp_path: Path) -> None:
    assert kept(Origin([played("a", 0, turn(4))]), tmp_path, None) == (HEADER, [])
