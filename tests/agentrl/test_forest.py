"""Searched trees on disk: read back as they were, and not grown twice."""

import gzip
from pathlib import Path

import pytest

from agentrl.errors import DataError
from agentrl.forest import dump_tree, once_grown, parse_tree, read_trees, thin_out, write_trees
from agentrl.rollout.scripted import ScriptedSampler
from agentrl.rollout.tree import Grown
from agentrl.types import Sampler, Sampling
from tests.agentrl.rollout.examples import Doors
from tests.agentrl.rollout.test_search import SMALL, both_ways, chat_of, grown, searched, starts_of


@pytest.fixture(scope="module")
def trees() -> list[Grown]:
    """Return trees of three tasks, one of which met an error of its environment."""
    from agentrl.rollout.collect import Collector

    chat = chat_of()
    actor = both_ways(chat, mistakes=("break",))
    first = searched(starts_of(1, group=1), Collector(Doors, actor, chat, 0), SMALL)
    return [*first, *grown(count=3)[1:]]


def test_a_file_gives_back_the_trees_and_their_episodes(trees: list[Grown], tmp_path: Path) -> None:
    assert any(not episode.scorable for episode in trees[0].episodes)
    for tree in trees:
        assert parse_tree(dump_tree(tree)) == tree
    one, other = tmp_path / "trees" / "one.jsonl.gz", tmp_path / "other.jsonl.gz"
    write_trees(one, trees)
    assert list(read_trees(one)) == trees
    write_trees(other, list(read_trees(one)))
    assert one.read_bytes() == other.read_bytes()


def test_what_is_no_tree_is_told(trees: list[Grown], tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"version": 1}\n'))
    with pytest.raises(DataError, match=r"x\.jsonl\.gz, line 1: not a tree: .*missing required field"):
        list(read_trees(path))
    write_trees(path, trees)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(DataError, match=r"x\.jsonl\.gz, after line"):
        list(read_trees(path))
    line = dump_tree(trees[0])
    with pytest.raises(DataError, match="a tree of version 9; this agentrl reads 1"):
        parse_tree(line.replace('"version":1', '"version":9', 1))
    with pytest.raises(DataError, match="not a tree"):
        parse_tree(line.replace('"figures":[[', '"figures":[[-1],[', 1))


def test_trees_on_disk_are_not_grown_again(trees: list[Grown], tmp_path: Path) -> None:
    sampler = ScriptedSampler(lambda context: [1])
    grown: list[Sampler] = []

    def grow(heard: Sampler) -> list[Grown]:
        grown.append(heard)
        heard.generate([], Sampling())
        assert (tmp_path / "trees" / "000004.heard").exists()
        return trees

    assert once_grown(tmp_path, 4, sampler, grow) == once_grown(tmp_path, 4, sampler, grow) == trees
    assert len(grown) == 1
    assert [path.name for path in (tmp_path / "trees").iterdir()] == ["000004.jsonl.gz"]


def test_trees_that_no_resume_needs_are_removed_but_for_some(tmp_path: Path) -> None:
    folder = tmp_path / "trees"
    folder.mkdir()
    for number in range(1, 13):
        (folder / f"{number:06d}.jsonl.gz").touch()
    thin_out(tmp_path, 8, 5)
    assert sorted(int(p.name[:6]) for p in folder.iterdir()) == [5, 9, 10, 11, 12]
    thin_out(tmp_path, 12, 0)
    assert not list(folder.iterdir())
