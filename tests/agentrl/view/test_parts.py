"""Stored episodes joined with what the learner made of their tokens."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from agentrl.creditfile import Header, write_credit
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
    run = write_run(tmp_path / "run", {1: episodes}, lines=credit_of(episodes[1:]))
    part = read_part(sources(run)[0])
    assert part.columns[0] == {} and part.columns[1]["credit"].tolist() == [1]


def test_a_task_played_twice_in_an_iteration_keeps_its_order(tmp_path: Path) -> None:
    episodes = [one("a", 0, [1]), one("a", 0, [2, 3])]
    part = read_part(sources(write_run(tmp_path / "run", {1: episodes}))[0])
    assert [len(columns["credit"]) for columns in part.columns] == [1, 2]


def test_an_episode_without_a_token_takes_no_place(tmp_path: Path) -> None:
    empty, full = one("a", 0, []), one("a", 0, [2, 3])
    run = write_run(tmp_path / "run", {1: [empty, full]}, lines=credit_of([full]))
    part = read_part(sources(run)[0])
    assert part.columns[0] == {} and len(part.columns[1]["credit"]) == 2


def test_a_node_is_found_by_its_tree_and_pushes_of_its_pairs_add_up(tmp_path: Path) -> None:
    part = read_part(sources(tree_run(tmp_path / "run"))[0])
    trunk, other = (columns["push"] for columns in part.columns)
    assert np.isnan(trunk[:2]).all() and trunk[2] == -0.75
    assert np.isnan(other[:2]).all() and other[2:].tolist() == [0.25, 0.25]


def test_a_batch_of_stored_episodes_is_shown_where_it_was_learnt_from(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", {}, credited=False)
    store = [one("a", 0, [1]), one("b", 0, [2]), one("c", 0, [3])]
    write_trajectories(run / "trajectories" / "stored.jsonl.gz", store)
    for number, batch in ((1, [store[2], store[0]]), (2, [store[1], store[1]])):
        lines = credit_of(batch)
        header = Header(number, "sft", "stored.jsonl.gz", ("push",), len(lines))
        write_credit(run / "credit" / f"{number:06d}.jsonl.gz", header, lines)
    first, second = (read_part(source) for source in sources(run))
    assert [e.task.id for e in first.episodes] == ["c", "a"]
    assert [e.task.id for e in second.episodes] == ["b"], "drawn twice, shown once"
    assert second.columns[0]["push"].tolist() == [2.0], "and it pushed twice"


def test_episodes_stored_before_training_are_iteration_0_where_nothing_says_more(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", {3: [one("a", 0, [1])]}, credited=False)
    write_trajectories(run / "trajectories" / "stored.jsonl.gz", [one("a", 0, [1])])
    assert [(s.iteration, s.credit) for s in sources(run)] == [(0, None), (3, None)]


def test_credit_of_other_tokens_is_refused(tmp_path: Path) -> None:
    episodes = [one("a", 0, [1, 2])]
    [line] = credit_of(episodes)
    for wrong in (replace(line, turns=((0, 1),)), replace(line, sample=1), replace(line, turns=((4, 2),))):
        run = write_run(tmp_path / f"{wrong.turns} {wrong.sample}", {1: episodes}, lines=[wrong])
        with pytest.raises(DataError, match=r"is not of .*(has other tokens|is missing)"):
            read_part(sources(run)[0])


def test_a_torn_file_of_credit_is_named(tmp_path: Path) -> None:
    run = plain_run(tmp_path / "run", iterations=1)
    path = run / "credit" / "000010.jsonl.gz"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(DataError, match=r"000010\.jsonl\.gz"):
        read_part(sources(run)[0])


def source(iteration: int, count: int) -> Source:
    return Source(iteration, Path("x"), None, count)


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
