"""Verdicts: plain functions as verifiers, and verifiers joined."""

import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentrl import verifier
from agentrl.errors import ConfigError
from agentrl.types import Task
from agentrl.verify import All, FunctionVerifier, Pair, Submission, Verdict, Verifier, Weighted, as_verifier
from agentrl.verify import Any as AnyOf

TASK = Task("t", "train", 0, {"answer": "yes"})
SCORES = st.floats(0, 1)


def constant(score: float, name: str = "constant", low: float = 0.0, high: float = 1.0) -> FunctionVerifier:
    return FunctionVerifier(lambda answer, task: score, name, low, high)


def broken(answer: str, task: Task) -> float:
    raise KeyError("no such field")


def judged(judge: Any) -> Verdict:
    return as_verifier(judge).verify(Submission("yes"), TASK)


@verifier("decorated", low=-1, high=2, pairs=[Pair("yes", {}, True)])
def decorated(answer: str, task: Task) -> float:
    return 2.0 if answer == "yes" else -1.0


def test_a_plain_function_is_a_verifier() -> None:
    def same(answer: str, task: Task) -> float:
        return float(answer == task.data["answer"])

    found = as_verifier(same)
    assert isinstance(found, Verifier) and (found.name, found.low, found.high) == ("same", 0, 1)
    verdict = found.verify(Submission("yes"), TASK)
    assert (verdict.score, verdict.status) == (1.0, "ok") and verdict.seconds >= 0


def test_a_decorated_function_keeps_working_and_has_name_range_and_pairs() -> None:
    assert (decorated.name, decorated.low, decorated.high, len(decorated.pairs)) == ("decorated", -1, 2, 1)
    assert decorated("yes", TASK) == 2.0
    assert pickle.loads(pickle.dumps(decorated)) is decorated


def test_a_function_may_return_a_verdict() -> None:
    assert judged(lambda answer, task: Verdict(0.5, reason="half")).reason == "half"
    assert judged(lambda answer, task: Verdict(0.0, "timeout")).status == "timeout"


@pytest.mark.parametrize(
    ("judge", "reason"),
    [
        (broken, "KeyError: 'no such field'"),
        (constant(1.5), "score 1.5 is outside [0, 1]"),
        (constant(float("nan")), "score nan is outside [0, 1]"),
        (lambda answer, task: "good", "could not convert string to float"),
        (lambda answer, task: Verdict(7.0), "score 7 is outside"),
    ],
)
def test_a_verifier_at_fault_says_error_not_zero(judge: Any, reason: str) -> None:
    verdict = judged(judge)
    assert verdict.status == "error" and not verdict.known and reason in verdict.reason


def test_joined_by_hand() -> None:
    """0.25 and 0.75: the worst, the best, and 1 part of the one to 3 of the other."""
    low, high = constant(0.25, "low"), constant(0.75, "high")
    assert judged(All(low, high)).score == 0.25 and judged(low & high).score == 0.25
    assert judged(AnyOf(low, high)).score == 0.75
    assert judged(Weighted((low, 1), (high, 3))).score == pytest.approx(0.625)
    assert judged(low & high).parts == {"low": 0.25, "high": 0.75}


def test_other_ranges_are_brought_to_0_and_1() -> None:
    assert judged(All(constant(0.0, low=-1, high=1))).score == 0.5


def test_parts_of_one_name_are_kept_apart() -> None:
    assert judged(All(constant(0.1), constant(0.2))).parts == {"constant#1": 0.1, "constant#2": 0.2}


def test_a_member_that_does_not_know_decides_the_status() -> None:
    for joined in (
        All(constant(1), broken),
        AnyOf(constant(1), broken),
        Weighted((constant(1), 1), (broken, 0)),
    ):
        verdict = judged(joined)
        assert verdict.status == "error" and verdict.reason == "broken: KeyError: 'no such field'"


@given(st.lists(SCORES, min_size=1, max_size=5), st.data())
def test_joined_scores_lie_between_the_worst_and_the_best(scores: list[float], data: st.DataObject) -> None:
    weights = data.draw(st.lists(st.floats(0, 10), min_size=len(scores), max_size=len(scores)))
    members = [constant(score) for score in scores]
    worst, best = judged(All(*members)).score, judged(AnyOf(*members)).score
    assert (worst, best) == (min(scores), max(scores))
    if sum(weights) > 0:
        joined = judged(Weighted(*zip(members, weights, strict=True)))
        assert joined.known and worst - 1e-12 <= joined.score <= best + 1e-12


def test_what_is_no_verifier_is_refused() -> None:
    class Bare:
        def verify(self, submission: Submission, task: Task) -> Verdict:
            return Verdict(1.0)

    with pytest.raises(ConfigError, match="verifier Bare does not declare name, low, high, pairs"):
        as_verifier(Bare())
    with pytest.raises(ConfigError, match="3 is no verifier"):
        as_verifier(3)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="All needs at least one"):
        All()
    for weights in ([-1.0, 2.0], [0.0, 0.0], [float("nan"), 1.0]):
        with pytest.raises(ConfigError, match="weights must be 0 or more and not all 0"):
            Weighted(*((constant(1), weight) for weight in weights))
