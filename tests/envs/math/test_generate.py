"""Problems made here: the same for the same words, never in two splits, and right."""

import re
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentrl.env import SPLITS
from agentrl.errors import ConfigError
from agentrl_envs.math.generate import Generated, problem
from agentrl_envs.math.options import Options
from agentrl_envs.math.problem import Problem
from agentrl_envs.math.templates import HELD_OUT, PARTS, TRAIN

NUMBER = re.compile(r"\d+")
FORMS = [
    Options(problems=300),
    Options(form="arithmetic", problems=300),
    Options(form="arithmetic", problems=300, min_steps=2, max_steps=3, largest=50),
]


def asked(options: Options) -> dict[str, list[Problem]]:
    return {split: Generated(options).problems(split) for split in SPLITS}


def results(steps: Sequence[str]) -> list[int]:
    return [int(step.rpartition("= ")[2]) for step in steps]


@pytest.mark.parametrize("options", FORMS, ids=lambda o: f"{o.form}-{o.largest}")
def test_no_question_is_in_two_splits(options: Options) -> None:
    train, dev, test = ({one.question for one in problems} for problems in asked(options).values())
    assert not train & dev and not train & test and not dev & test
    assert (len(train), len(dev), len(test)) == (300, 200, 300), "no question comes twice"


@given(number=st.integers(0, 10**6), form=st.sampled_from(["stories", "arithmetic"]))
def test_a_problem_is_a_pure_function_of_its_number_and_seed(number: int, form: str) -> None:
    options = Options(form=form)  # type: ignore[arg-type]
    assert problem("train", number, options) == problem("train", number, options)
    other = Options(form=form, problem_seed=1)  # type: ignore[arg-type]
    assert problem("train", number, options) != problem("train", number, other)


@pytest.mark.parametrize("options", FORMS, ids=lambda o: f"{o.form}-{o.largest}")
def test_every_step_is_right_uses_what_is_known_and_the_last_is_the_answer(options: Options) -> None:
    for split, problems in asked(options).items():
        for one in problems[:100]:
            told = {int(word) for word in NUMBER.findall(one.question)}
            told |= {n for n, words in PARTS.items() if words in one.question}
            for step in one.steps:
                left, sign, right, _, found = step.split()
                assert {int(left), int(right)} <= told, (split, one)
                assert eval(f"{left} {sign.replace('/', '//')} {right}") == int(found)
                if sign == "/":
                    assert int(left) % int(right) == 0
                assert 0 <= int(found) <= options.largest
                told.add(int(found))
            assert str(results(one.steps)[-1]) == one.answer
            assert options.min_steps <= len(one.steps) <= options.max_steps


def test_every_step_of_a_story_is_needed() -> None:
    """Each result but the last enters a later step."""
    for one in Generated(Options(problems=200)).problems("train"):
        entered = [set(map(int, NUMBER.findall(step.partition("=")[0]))) for step in one.steps]
        for number, result in enumerate(results(one.steps)[:-1]):
            assert result in set.union(*entered[number + 1 :]), one


def test_no_question_shows_its_answer() -> None:
    for options in FORMS:
        for problems in asked(options).values():
            assert all(one.answer not in NUMBER.findall(one.question) for one in problems)


def test_arithmetic_is_what_python_makes_of_it() -> None:
    for one in Generated(FORMS[1]).problems("train"):
        assert str(eval(one.question)) == one.answer


def test_held_out_stories_are_told_in_sentences_that_training_never_used() -> None:
    for field in TRAIN.__slots__:
        trained, held = getattr(TRAIN, field), getattr(HELD_OUT, field)
        assert trained and held and not set(trained) & set(held)


def test_distractors_are_told_as_often_as_asked() -> None:
    idle = (" years old", "school bus", "lives at")

    def share(distractors: float) -> float:
        problems = Generated(Options(problems=200, distractors=distractors)).problems("train")
        return sum(any(part in one.question for part in idle) for one in problems) / len(problems)

    assert share(0.0) == 0.0 and share(1.0) == 1.0 and 0.3 < share(0.5) < 0.7


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"min_steps": 5, "max_steps": 4}, "the first not above the second"),
        ({"max_steps": 9}, "must be from 1 to 8"),
        ({"form": "story"}, "did you mean 'stories'"),
        ({"largest": 10}, "must be from 50 to 999"),
        ({"noise": 2.0}, "must be from 0 to 1"),
        ({"problems": 0}, "must be at least 1"),
    ],
)
def test_wrong_settings_are_named(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        Options(**wrong)  # type: ignore[arg-type]


def test_more_problems_than_there_are_is_refused() -> None:
    few = Options(form="arithmetic", min_steps=1, max_steps=1, largest=50, problems=300)
    with pytest.raises(ConfigError, match=r"only \d+ different train problems"):
        Generated(few).problems("train")
