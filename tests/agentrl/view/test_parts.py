"""Stored episodes joined with what the learner made of their tokens."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from agentrl.creditfile import Credited, Header, write_credit
from agentrl.errors import ConfigError, DataError
from agentrl.trajectories import write_trajectories
from agentrl.types import Trajectory
from agentrl.view.parts import Source, chosen, read_part, sources
from tests.agentrl.view.examples import credit_of, episode, plain_run, tree_run, turn, write_run


def one(task: str, sample: int, ids: list[int]) -> Trajectory:
    return episode(task, sample, [turn("a", "o", ids=ids)], success=True)


def test_each_iteration_is_found_with_its_credit(tmp_path: Path) -> None:
    found = sources(plain_run(tmp_path / "run"))
    assert [(s.iteration, s.count, s.credit is not None) for s in found] == [(10, 12, True), (20, 12, True)]
    assert set(found[0].columns) == {"credit", "push", "logp", "part/episode", "part/step"}


def test_credit_lands_on_the_tokens_of_its_episode(tmp_path: Path) -> None:
    run = plain_run(tmp_path / "run", tasks=2, size=2, iterations=1)
    part = read_part(sources(run)[0])
    assert [columns["credit"][0] for columns in part.columns] == [1, -1, 1, -1]
    assert part.columns[0]["part/step"].tolist() == [0.5, 0.5, 0.5, 0, 0, 0]


def test_an_episode_that_was_not_learnt_from_has_no_columns(tmp_path: Path) -> None:
    episodes = [one("a", 0, [1]), one("b", 0, [2])]
    run = write_run(tmp_path / "run", {1: episodes}, lines=credit_of(episodes)[1:])
    part = read_part(sources(run)[0])
    assert part.columns[0] == {} and part.columns[1]["credit"].tolist() == [1]


def test_tokens_of_a_line_are_the_last_of_their_turn(tmp_path: Path) -> None:
    line = Credited(0, None, ((0, 2),), {"push": np.array([3, 4], np.float32)})
    run = write_run(tmp_path / "run", {1: [one("a", 0, [1, 2, 3])]}, lines=[line])
    push = read_part(sources(run)[0]).columns[0]["push"]
    assert np.isnan(push[0]) and push[1:].tolist() == [3, 4]


def test_pushes_of_a_node_s_pairs_add_up_in_the_episode_that_went_through_it(tmp_path: Path) -> None:
    part = read_part(sources(tree_run(tmp_path / "run"))[0])
    trunk, other = (columns["push"] for columns in part.columns)
    assert np.isnan(trunk[:2]).all() and trunk[2] == -0.25
    assert np.isnan(other[:2]).all() and other[2:].tolist() == [0.25, 0.75]
    assert part.pushes == {(0, 1): -0.25, (0, 2): 0.75, (0, 3): -0.5}, "one that nobody played on too"


def test_episodes_that_were_not_fresh_follow_those_that_were(tmp_path: Path) -> None:
    fresh, further = [one("a", 0, [1])], [one("b", 0, [2])]
    run = write_run(tmp_path / "run", {1: fresh}, credited=False)
    write_trajectories(run / "trajectories" / "stored.jsonl.gz", further)
    for number in (1, 2):
        write_trajectories(run / "credit" / "episodes" / f"{number:06d}.jsonl.gz", further)
        lines = credit_of(fresh + further)[-1:] if number == 1 else credit_of(further)
        header = Header(number, "sft", ("push",), further=1)
        write_credit(run / "credit" / f"{number:06d}.jsonl.gz", header, lines)
    found = sources(run)
    assert [(s.iteration, s.count) for s in found] == [(1, 2), (2, 1)], "what was stored is told there"
    first, second = map(read_part, found)
    assert [e.task.id for e in first.episodes] == ["a", "b"] and first.columns[0] == {}
    assert first.columns[1]["push"].tolist() == second.columns[0]["push"].tolist() == [1]


def test_an_episode_that_was_drawn_twice_was_pushed_twice(tmp_path: Path) -> None:
    episodes = [one("a", 0, [1])]
    run = write_run(tmp_path / "run", {1: episodes}, lines=credit_of(episodes) * 2)
    assert read_part(sources(run)[0]).columns[0]["push"].tolist() == [2.0]


def test_episodes_stored_before_training_are_iteration_0_where_nothing_says_more(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", {3: [one("a", 0, [1])]}, credited=False)
    write_trajectories(run / "trajectories" / "stored.jsonl.gz", [one("a", 0, [1])])
    assert [(s.iteration, s.credit) for s in sources(run)] == [(0, None), (3, None)]


def test_credit_of_other_tokens_is_refused(tmp_path: Path) -> None:
    episodes = [one("a", 0, [1, 2])]
    [line] = credit_of(episodes)
    for wrong in (replace(line, turns=((0, 3),)), replace(line, episode=1), replace(line, turns=((4, 2),))):
        run = write_run(tmp_path / f"{wrong.turns} {wrong.episode}", {1: episodes}, lines=[wrong])
        with pytest.raises(DataError, match=r"is not of .*(has other tokens|is missing)"):
            read_part(sources(run)[0])


def test_a_torn_file_of_credit_is_named(tmp_path: Path) -> None:
    run = plain_run(tmp_path / "run", iterations=1)
    path = run / "credit" / "000010.jsonl.gz"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(DataError, match=r"000010\.jsonl\.gz"):
        read_part(sources(run)[0])


def source(iteration: int, count: int) -> Source:
    return Source(iteration, [], None, count)


def test_iterations_are_left_out_evenly_and_never_the_last(tmp_path: Path) -> None:
    many = [source(n, 10) for n in range(1, 11)]
    assert [s.iteration for s in chosen(many, tmp_path, None, 100)] == list(range(1, 11))
    assert [s.iteration for s in chosen(many, tmp_path, None, 50)] == [2, 4, 6, 8, 10]
    assert [s.iteration for s in chosen(many, tmp_path, None, 9)] == [10]
    assert len(chosen(many, tmp_path, None, 0)) == 10, "0 is no limit"


def test_one_iteration_may_be_asked_for(tmp_path: Path) -> None:
    many = [source(n, 10) for n in (5, 10)]
    assert [s.iteration for s in chosen(many, tmp_path, 5, 1)] == [5]
    with pytest.raises(ConfigError, match=r"iteration=7: .* keeps the episodes of 5, 10"):
        chosen(many, tmp_path, 7, 1)
