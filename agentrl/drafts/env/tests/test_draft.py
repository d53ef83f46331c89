"""The world answers as it says, and keeps the rules of every environment."""

import pytest

import agentrl
from agentrl.check import check_command


def test_the_right_sum_solves_a_task() -> None:
    env = agentrl.make("draft")
    question, _ = env.reset(seed=0)
    left, right = (int(word) for word in question.removesuffix("?").split() if word.isdigit())
    _, reward, terminated, _, info = env.step(str(left + right))
    assert (reward, terminated, info["success"]) == (1.0, True, True)


@pytest.mark.parametrize("action", ["", "19", "two", "²"])
def test_what_is_no_answer_is_said_to_be_none(action: str) -> None:
    env = agentrl.make("draft")
    env.reset(seed=0)
    said, reward, terminated, _, info = env.step(action)
    assert (reward, terminated, info["valid"]) == (0.0, False, False)
    assert said == "Answer with a number from 0 to 18."


def test_it_keeps_the_rules_of_every_environment() -> None:
    assert check_command(["env=draft"])
