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
from agentrl.creditfile import (
    Credited,
    Header,
    credited,
    pairs_of,
    read_credit,
    read_header,
    tree_records,
    write_credit,
)
from agentrl.errors import DataError
from agentrl.types import Node, Task, Trajectory, Tree, Turn, floats32, ids32

FLOATS = st.lists(st.floats(width=32), max_size=5)


def turn(*ids: int) -> Turn:
    return Turn("o", ids32([1]), ids32(ids), floats32([-1.0] * len(ids)), "a", "a", {}, "k")


def played(name: str, sample: int, *turns: Turn) -> Trajectory:
    return Trajectory(Task(name, "train", 0), name, sample, turns, "success")


@given(texts=st.text(), values=st.dictionaries(st.text(), FLOATS, max_size=3))
def test_what_is_written_is_read_back(
    texts: str, values: dict[str, list[float]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("credit") / "000001.jsonl.gz"
    columns = {name: np.array(floats, np.float32) for name, floats in values.items()}
    lines = [Credited(texts, 3, ((0, 1), (2, 4)), columns), Credited("b", 0, ())]
    header = Header(1, texts, "000001.jsonl.gz", tuple(values), 2)
    write_credit(path, header, lines)
    again, found = read_credit(path)
    assert again == header == read_header(path)
    assert [(one.group, one.sample, one.turns) for one in found] == [
        (one.group, one.sample, one.turns) for one in lines
    ]
    for name, column in columns.items():
        np.testing.assert_array_equal(found[0].columns[name], column)


def test_equal_content_gives_equal_bytes(tmp_path: Path) -> None:
    lines = [Credited("a", 0, ((0, 1),), {"push": np.array([math.nan], np.float32)})]
    for name in ("one", "two"):
        write_credit(tmp_path / name, Header(1, "x", "y"), lines)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


@pytest.mark.parametrize("text", [b"", b"not gzip", b"\x1f\x8b\x08"])
def test_a_broken_file_is_named(text: bytes, tmp_path: Path) -> None:
    (tmp_path / "bad.jsonl.gz").write_bytes(text)
    for read in (read_credit, read_header):
        with pytest.raises(DataError, match=r"bad\.jsonl\.gz"):
            read(tmp_path / "bad.jsonl.gz")


def test_each_trajectory_gets_its_tokens() -> None:
    table = token_table([played("a", 0, turn(4, 5), turn(6)), played("a", 1, turn(7))])
    one, two = credited(table, {"push": torch.arange(4.0)})
    assert (one.group, one.sample, one.turns) == ("a", 0, ((0, 2), (1, 1)))
    assert one.columns["push"].tolist() == [0, 1, 2] and two.columns["push"].tolist() == [3]


def test_pairs_of_episodes_are_told_by_place() -> None:
    episodes = [played("a", sample, turn(4 + sample)) for sample in range(4)]
    table = episode_pairs(token_table(episodes), torch.tensor([3, 3]), torch.tensor([0, 1]))
    assert table is not None
    lines = list(credited(table, {"push": torch.zeros(len(table))}))
    named = [(lines[pair.chosen].sample, lines[pair.rejected].sample) for pair in pairs_of(table)]
    assert named == [(3, 0), (3, 1)]


def test_a_node_says_where_its_turn_is_stored_and_a_side_of_a_pair_which_node_it_is() -> None:
    first, lost, won = turn(4), turn(5), turn(6, 7)
    trunk, other = played("t", 0, first, lost), played("t", 1, first, won)
    tree = Tree(trunk.task, (Node(-1, first), Node(0, lost), Node(0, won)))
    preferences = [Preference(2, 1, 0.5, 0.25)]
    [record] = tree_records([(tree, [trunk, other], preferences)])
    assert [(n.parent, n.episode, n.turn) for n in record.nodes] == [(-1, 0, 0), (0, 0, 1), (0, 1, 1)]
    assert record.pairs == ((2, 1, 0.5, 0.25),)
    [_, later] = tree_records([(tree, [trunk, other], []), (tree, [trunk, other], [])])
    assert later.nodes[2].episode == 3, "episodes of trees stand one behind another"
    table = preference_table([tree], [preferences])
    assert table is not None
    sides = credited(table, {"push": torch.zeros(len(table))})
    assert [(s.group, s.sample, s.turns) for s in sides] == [("0", 2, ((1, 2),)), ("0", 1, ((1, 1),))]
