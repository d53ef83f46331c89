"""Generated problems: the same every time, told apart by what they do, with tests that notice mistakes."""

import pytest

from agentrl.env import SPLITS
from agentrl_envs.code.generate import FAMILIES, HIDDEN, PUBLIC, behaviour, problems, written
from agentrl_envs.code.holes import tried

MADE = {split: problems(split, 60, 3, 0) for split in SPLITS}


@pytest.mark.parametrize("split", SPLITS)
def test_the_reference_passes_every_test_and_each_usual_mistake_fails_a_hidden_one(split: str) -> None:
    for problem in MADE[split]:  # type: ignore[index]
        names = FAMILIES[problem.kind][1]
        right = written(problem.chain, problem.kind)
        assert tried(right, names, [*problem.public, *problem.hidden]).passed  # type: ignore[list-item]
        for place in range(len(problem.chain)):
            slipped = written(problem.chain, problem.kind, frozenset([place]))
            assert not tried(slipped, names, problem.hidden).passed, problem.text  # type: ignore[arg-type]


def test_the_reference_is_python_that_gives_what_the_tests_want() -> None:
    for problem in MADE["test"]:
        names: dict[str, object] = {}
        exec(problem.reference, names)
        for case in problem.hidden:
            assert names["solve"](*case["args"]) == case["returns"]  # type: ignore[operator,index]


def test_a_shown_test_never_decides() -> None:
    for problem in MADE["train"]:
        assert len(problem.public) == PUBLIC and len(problem.hidden) == HIDDEN
        shown = [case["args"] for case in problem.public]
        assert all(case["args"] not in shown for case in problem.hidden)  # type: ignore[index]


def test_no_function_is_in_two_splits_or_twice_in_one() -> None:
    behaviours = [behaviour(p.kind, p.chain) for split in SPLITS for p in MADE[split]]
    assert len(set(behaviours)) == len(behaviours)


def test_problems_depend_on_split_place_seed_and_difficulty_alone() -> None:
    again = problems("train", 30, 3, 0)
    assert [p.digest for p in again] == [p.digest for p in MADE["train"][:30]]
    assert [p.digest for p in problems("train", 30, 3, 1)] != [p.digest for p in again]


def test_problems_of_this_version_are_these() -> None:
    """A change here changes every panel: raise VERSION with it."""
    assert [problem.digest for problem in MADE["test"][:3]] == FIRST


def test_difficulty_is_the_longest_chain() -> None:
    for difficulty in (1, 2, 4):
        lengths = {len(problem.chain) for problem in problems("train", 40, difficulty, 0)}
        assert max(lengths) == difficulty and min(lengths) == 1


def test_every_family_is_there() -> None:
    assert {problem.kind for problem in MADE["train"]} == set(FAMILIES)


def test_a_small_supply_ends() -> None:
    assert 20 < len(problems("train", 10_000, 1, 0)) < 100


FIRST = ["f95170a4f232", "a79d79bc54af", "28fcfabc2a6e"]
