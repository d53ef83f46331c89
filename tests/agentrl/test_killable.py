"""Verifiers in a process: the verdict of those that answer, and a status for those that do not."""

import os
import pickle
import time

import pytest

from agentrl.errors import ConfigError
from agentrl.killable import Killable
from agentrl.types import Task
from agentrl.verify import Submission, Verdict
from agentrl_verifiers.exact import exact

TASK = Task("t", "test", 0, {"answer": "4"})


def odd(answer, task):
    match answer:
        case "hang":
            time.sleep(3600)
        case "spin":
            sum(range(10**12))
        case "die":
            os._exit(9)
        case "eat":
            return len(bytearray(2 << 30))
        case "raise":
            raise KeyError("nothing")
        case "much":
            return Verdict(7.0)
        case "parts":
            return Verdict(0.5, parts={"a": 1.0}, steps=(0.25, 1.0), reason="so so")
    return float(answer == "4")


@pytest.fixture
def verifier():
    made = Killable(odd, deadline=1.0, memory=500)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("answer", "status", "reason"),
    [
        ("hang", "timeout", "no answer within 1 s"),
        ("spin", "timeout", "no answer within 1 s"),
        ("die", "error", "exit code 9"),
        ("eat", "error", "MemoryError"),
        ("raise", "error", "KeyError"),
        ("much", "error", "outside"),
    ],
)
def test_what_gives_no_verdict_has_a_status_and_the_next_answer_is_judged(verifier, answer, status, reason):
    assert (
        verifier.verify(Submission("4"), TASK).score == 1.0
    )  # it has started: the next is not late for that
    found = verifier.verify(Submission(answer), TASK)
    assert (found.known, found.status) == (False, status)
    assert reason in found.reason
    assert verifier.verify(Submission("5"), TASK).known


def test_verdicts_arrive_whole(verifier):
    found = verifier.verify(Submission("parts", messages=({"role": "user"},)), TASK)
    assert (found.score, found.parts, found.steps, found.reason) == (0.5, {"a": 1.0}, (0.25, 1.0), "so so")


def test_it_stands_for_the_verifier_it_holds_and_joins_others():
    made = Killable(exact)
    assert (made.name, made.low, made.high, made.pairs) == (exact.name, exact.low, exact.high, exact.pairs)
    assert (made & odd).verify(Submission("4"), TASK).score == 1.0
    again = pickle.loads(pickle.dumps(made))
    assert again.verify(Submission("4"), TASK).known
    made.close()
    again.close()


def test_what_cannot_be_sent_to_another_process_is_refused():
    with pytest.raises(ConfigError, match="cannot be sent"):
        Killable(lambda answer, task: 1.0)
