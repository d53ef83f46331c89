"""A verifier as the reward function of another trainer."""

from pathlib import Path

import pytest

import agentrl
from agentrl.errors import ConfigError
from agentrl.types import Task
from agentrl.verify import Submission, Verdict
from agentrl_verifiers.exact import exact
from agentrl_verifiers.format import Format

WRAPPED = "<think>hm</think><answer>{}</answer>"


def test_columns_are_the_tasks_data() -> None:
    rewards = agentrl.reward_function(exact)
    found = rewards(["a?", "b?"], ["Yes.", "no"], answer=["yes", "yes"], completion_ids=[[1], [2]])
    assert found == [1.0, 0.0] and rewards.__name__ == "exact"


def test_of_a_conversation_the_last_message_is_judged_and_all_of_it_is_there() -> None:
    class Polite:
        name, low, high, pairs = "polite", 0.0, 1.0, ()

        def verify(self, submission: Submission, task: Task) -> Verdict:
            assert submission.messages[0]["role"] == "user"
            return Verdict(float(len(submission.messages) == 2 and submission.answer == "please"))

    rewards = agentrl.reward_function(Polite())
    prompt = [{"role": "user", "content": "Say please"}]
    assert rewards([prompt], [[{"role": "assistant", "content": "please"}]]) == [1.0]
    assert rewards(["Say please"], ["please"]) == [1.0]
    assert rewards([prompt], [[{"role": "assistant", "content": None}]]) == [0.0]
    assert rewards([], []) == []


def test_what_is_unknown_is_none_and_no_zero() -> None:
    rewards = agentrl.reward_function(exact)
    assert rewards(["a?", "b?"], ["yes", "yes"], answer=[7, "yes"]) == [None, 1.0]


def test_a_column_that_is_not_there_is_told_by_name() -> None:
    with pytest.raises(ConfigError, match="'exact' judges by the column answer, and the data set has label"):
        agentrl.reward_function(exact)(["a?"], ["yes"], label=["yes"])


def test_a_chain_and_a_scale() -> None:
    rewards = agentrl.reward_function(Format() & exact, scale=2.0)
    assert rewards(["?"] * 2, [WRAPPED.format("yes"), "yes"], answer=["yes"] * 2) == [2.0, 0.0]


def test_what_is_no_column_is_left_out_and_short_ones_are_refused() -> None:
    rewards = agentrl.reward_function(exact)
    assert rewards(["?"], ["yes"], answer=["yes"], trainer_state=object(), log_metric=print) == [1.0]
    with pytest.raises(ConfigError, match="column 'answer' has 1 entries for 2 completions"):
        rewards(["?"] * 2, ["yes"] * 2, answer=["yes"])


def test_a_file_is_a_verifier_too(tmp_path: Path) -> None:
    (tmp_path / "score.py").write_text(
        "def score(answer, task): return float(answer == task.data['label'])\n"
    )
    assert agentrl.reward_function(f"{tmp_path / 'score.py'}:score")(["?"], ["x"], label=["x"]) == [1.0]
    with pytest.raises(ConfigError, match="there is no file"):
        agentrl.reward_function("./nothing.py")
