"""ToolRL's reward with its switches; without them, golden numbers hold it (tests/golden)."""

import json
from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentrl.types import Task
from agentrl.verify import Pair, Submission, Verdict
from agentrl_verifiers.toolrl import Match, ToolRL, likeness, overlap

CALL = {"name": "weather", "parameters": {"city": "Oslo", "days": 3}}
NEAR = {"name": "weather", "parameters": {"city": "Oslo", "days": 4}}
MORE = {"name": "weather", "parameters": {"city": "Oslo", "days": 3, "unit": "C"}}
CALLS = st.lists(
    st.fixed_dictionaries(
        {
            "name": st.sampled_from("ab"),
            "parameters": st.dictionaries(st.sampled_from("xyz"), st.integers(0, 2), max_size=3),
        }
    ),
    max_size=4,
)


def reply(*calls: object, words: int = 1) -> str:
    block = "\n".join(["<tool_call>", *map(json.dumps, calls), "</tool_call>"])
    return f"<think>{'so ' * words}</think>\n{block}"


def judged(judge: ToolRL, answer: str, truth: str = reply(CALL)) -> Verdict:
    verdict = judge.verify(Submission(answer), Task("t", "train", 0, {"ground_truth": truth}))
    assert verdict.known, verdict.reason
    assert judge.low <= verdict.score <= judge.high
    return verdict


@pytest.mark.parametrize("pair", ToolRL.pairs, ids=lambda pair: repr(pair.answer[:40]))
@pytest.mark.parametrize("judge", [ToolRL(), ToolRL(equal=True), ToolRL(match="whole_calls")])
def test_its_own_pairs_hold_on_every_scale(judge: ToolRL, pair: Pair) -> None:
    verdict = judge.verify(Submission(pair.answer), Task("t", "train", 0, pair.data))
    assert (verdict.score == judge.high) == pair.passes


@pytest.mark.parametrize(
    ("match", "given", "near"),
    [
        # names 1, parameter names 1, one of two values; out of 1 + 1 + 2
        ("fine", [NEAR], 3 / 4),
        # names 1, parameter names 2/3, both values
        ("fine", [MORE], (1 + 2 / 3 + 2) / 4),
        ("exact_names", [MORE], (1 + 0 + 2) / 4),
        ("exact_names", [CALL, CALL], (0 + 1 + 2) / 4),
        # names 1, no call right in all; out of 1 + 1
        ("whole_calls", [NEAR], 1 / 2),
        ("whole_calls", [CALL, CALL], (1 / 2 + 1) / 2),
        ("all", [NEAR], 0.0),
        ("all", [CALL], 1.0),
    ],
)
def test_what_of_a_call_counts_by_hand(match: Match, given: list[dict[str, object]], near: float) -> None:
    assert likeness([CALL], given, match) == pytest.approx(near)
    assert judged(ToolRL(match=match), reply(*given)).parts["correctness"] == pytest.approx(6 * near - 3)


@given(CALLS, CALLS)
def test_nearness_lies_between_0_and_1_and_is_1_for_what_is_right(
    truth: list[dict[str, object]], made: list[dict[str, object]]
) -> None:
    least = likeness(truth, made, "all")
    for match in get_args(Match):
        assert least <= likeness(truth, made, match) <= 1.0
        assert likeness(truth, truth, match) == 1.0
    assert least == float(truth == made)


def test_overlap_counts_names() -> None:
    assert overlap(["a", "a", "b"], ["a", "c"]) == pytest.approx(1 / 4)
    assert overlap([], []) == overlap(["a", "b"], ["b", "a"]) == 1.0
    assert overlap(["a", "b"], ["b", "a"], exact=True) == overlap([], ["a"]) == 0.0


@pytest.mark.parametrize(
    ("judge", "layout", "calls"),
    [
        (ToolRL(), (0, 1), (-3, 3)),
        (ToolRL(equal=True), (0, 1), (-1, 1)),
        (ToolRL(two_stage=True, step=29), (0, 1), (-1, 1)),
        (ToolRL(two_stage=True, step=30), (0, 0.5), (-3, 3)),
        (ToolRL(schedule=True), (-2, 2), (-2, 2)),
        (ToolRL(schedule=True, step=75), (-1, 1.5), (-2.5, 2.5)),
        (ToolRL(schedule=True, step=300), (-1, 1), (-3, 3)),
    ],
)
def test_ranges_over_time_by_hand(
    judge: ToolRL, layout: tuple[float, float], calls: tuple[float, float]
) -> None:
    assert (judge.format_range, judge.correct_range) == (layout, calls)
    best, worst = judged(judge, reply(CALL)), judged(judge, "x")
    assert (best.parts["format"], best.parts["correctness"]) == (layout[1], calls[1])
    assert (worst.parts["format"], worst.parts["correctness"]) == (layout[0], calls[0])


@pytest.mark.parametrize(
    ("words", "step", "growing", "points"),
    [(256, 0, False, 0.5), (9999, 0, False, 1.0), (96, 0, True, 0.25), (320, 105, True, 0.5)],
)
def test_long_thoughts_earn_up_to_a_point(words: int, step: int, growing: bool, points: float) -> None:
    judge = ToolRL(length=True, growing=growing, step=step)
    assert judged(judge, reply(CALL, words=words)).parts["length"] == points
    assert judged(judge, "no thoughts").parts["length"] == 0.0
    assert judged(replace(judge, length=False), reply(CALL)).parts.keys() == {"format", "correctness"}


def test_a_right_reply_that_cannot_be_read_is_an_error_not_a_zero() -> None:
    task = Task("t", "train", 0, {"ground_truth": "<think>a</think>\n<tool_call>\n{\n</tool_call>"})
    assert ToolRL().verify(Submission(reply(CALL)), task).status == "error"


def test_calls_that_are_no_calls_get_the_least() -> None:
    for text in ('["a"]', "3", '{"name": ["x"], "parameters": {}}', "[" * 100_000):
        broken = f"<think>a</think>\n<tool_call>\n{text}\n</tool_call>"
        assert judged(ToolRL(), broken).parts == {"format": 1.0, "correctness": -3.0}
