"""The verifier judges as it says, and keeps the rules of every verifier."""

import pytest

from agentrl import Task
from agentrl.check import check_command
from agentrl.registry import find
from agentrl.verify import Submission


@pytest.mark.parametrize(
    ("answer", "score"), [("blue", 1.0), (" BLUE\n", 1.0), ("red", 0.0), ("", 0.0), ("blue blue", 0.0)]
)
def test_the_answer_of_the_task_passes(answer: str, score: float) -> None:
    task = Task("sky", "test", 0, {"answer": "Blue"})
    assert find("verifiers", "draft").verify(Submission(answer), task).score == score


def test_it_keeps_the_rules_of_every_verifier() -> None:
    assert check_command(["verifier=draft"])
