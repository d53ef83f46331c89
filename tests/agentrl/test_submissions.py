"""Finished episodes as verifiers see them, and the stricter check beside the reward."""

import pytest

from agentrl.submissions import strict_metrics, submission, unmet
from agentrl.types import Task, Trajectory, Turn, floats32, ids32
from agentrl.verify import FunctionVerifier, Verdict, as_verifier
from agentrl_verifiers.exact import exact
from agentrl_verifiers.format import Format


def turn(action: str) -> Turn:
    call = {"name": action}
    return Turn(
        "seen", ids32(), ids32([1]), floats32([0.0]), f"I say {action}", action, {}, "k", calls=(call,)
    )


def episode(*actions: str, **more: object) -> Trajectory:
    task = Task("t", "train", 0, {"answer": "yes"})
    return Trajectory(task, "g", 0, tuple(map(turn, actions)), "failure", **more)  # type: ignore[arg-type]


def test_the_last_turn_answers_and_all_of_them_are_the_conversation() -> None:
    found = submission(episode("no", "yes", final_state={"door": "open"}))
    assert (found.answer, found.final_state) == ("yes", {"door": "open"})
    assert [message["role"] for message in found.messages] == ["user", "assistant"] * 2
    assert [call["name"] for call in found.calls] == ["no", "yes"]
    assert submission(episode("yes"), "reply").answer == "I say yes"
    assert submission(episode()).answer == ""


def test_what_all_pairs_hold_must_be_in_a_task() -> None:
    assert unmet(exact, Task("t", "train", 0, {"goal": 3})) == ["answer"]
    assert unmet(exact, Task("t", "train", 0, {"answer": "x"})) == []
    assert unmet(Format() & exact, Task("t", "train", 0)) == ["answer"]
    assert unmet(as_verifier(lambda answer, task: 1.0), Task("t", "train", 0)) == []


def test_a_verifier_is_asked_about_each_episode_and_the_unknown_do_not_count() -> None:
    def sure(answer: str, task: Task) -> float | Verdict:
        return Verdict(0.0, "timeout") if answer == "slow" else exact(answer, task)

    judge = FunctionVerifier(sure, "sure")
    played = [episode("yes"), episode("no"), episode("slow"), episode("slow")]
    assert strict_metrics(played, judge) == {"strict": 0.5, "strict_unknown": 0.5}
    assert strict_metrics(played[2:], judge) == {"strict_unknown": 1.0}
    assert strict_metrics([], judge) == {}


def test_other_ranges_are_brought_to_0_and_1() -> None:
    judge = FunctionVerifier(lambda answer, task: -1.0 if answer == "no" else 0.0, "signed", -1.0, 1.0)
    assert strict_metrics([episode("no"), episode("yes")], judge)["strict"] == pytest.approx(0.25)


def test_without_a_verifier_the_environments_own_check_counts() -> None:
    played = [episode("a", metrics={"strict": 0.5}), episode("b", metrics={"strict": 1.0})]
    assert strict_metrics(played, None) == {"strict": 0.75}
    assert strict_metrics([episode("a")], None) == {}
