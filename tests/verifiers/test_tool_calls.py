"""Tool calls against the right ones: values, types, order, and how they are matched."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentrl.toolcalls import written
from agentrl.types import Task
from agentrl.verify import Submission, Verdict
from agentrl_verifiers.tool_calls import ToolCalls, fits_schema, most_pairs, same_object, same_value

KINDS = {"n": "integer", "x": "number", "s": "string", "o": "object", "b": "boolean"}
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": name,
            "parameters": {"properties": {key: {"type": kind} for key, kind in KINDS.items()}},
        },
    }
    for name in ("f", "g.h")
]
PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)
LISTS = st.recursive(PLAIN, lambda inner: st.lists(inner, max_size=3), max_leaves=6)
JSON = st.recursive(
    PLAIN,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


def right(name: str = "f", **arguments: Any) -> dict[str, Any]:
    return {"name": name, "arguments": arguments}


def judged(calls: list[dict[str, Any]], answer: str, judge: ToolCalls | None = None) -> Verdict:
    verdict = (judge or ToolCalls()).verify(
        Submission(answer), Task("t", "train", 0, {"tools": TOOLS, "calls": calls})
    )
    assert verdict.known, verdict.reason
    return verdict


def f(**arguments: Any) -> str:
    return written("f", arguments)


@pytest.mark.parametrize("pair", ToolCalls.pairs, ids=lambda pair: repr(pair.answer[:60]))
def test_its_own_pairs_hold(pair: Any) -> None:
    verdict = ToolCalls().verify(Submission(pair.answer), Task("t", "train", 0, pair.data))
    assert verdict.known and (verdict.score == 1.0) == pair.passes
    assert (verdict.reason == "") == pair.passes


def test_order_counts_only_where_it_is_asked_for() -> None:
    calls = [right(n=[1]), right(n=[2]), right(n=[3])]
    swapped = f(n=2) + f(n=1) + f(n=3)
    assert judged(calls, swapped).score == 1.0
    assert judged(calls, swapped, ToolCalls(order="exact")).score == 0.0
    assert judged(calls, swapped, ToolCalls(order="exact", partial=True)).score == pytest.approx(1 / 3)
    assert judged(calls, f(n=1) + f(n=2) + f(n=3), ToolCalls(order="exact")).score == 1.0


def test_partial_credit_is_over_the_larger_number_of_calls() -> None:
    judge = ToolCalls(partial=True)
    assert judged([right(n=[1]), right(n=[2])], f(n=1), judge).score == 0.5
    over = judged([right(n=[1])], f(n=1) + f(n=1) + f(n=5), judge)
    assert over.score == over.parts["fitting"] == pytest.approx(1 / 3) and over.parts["found"] == 1.0
    assert judged([], "an answer", judge).score == 1.0


def test_calls_are_matched_as_well_as_they_can_be() -> None:
    """First come first served, n=2 would take the right call that n=1 is in need of."""
    calls = [right(n=[1, 2]), right(n=[2])]
    assert judged(calls, f(n=2) + f(n=1)).score == 1.0
    assert judged(calls, f(n=1) + f(n=1)).score == 0.0


@given(st.lists(st.lists(st.booleans(), min_size=3, max_size=3), max_size=4))
def test_no_matching_is_larger(fits: list[list[bool]]) -> None:
    def best(row: int, free: frozenset[int]) -> int:
        if row == len(fits):
            return 0
        taken = [1 + best(row + 1, free - {c}) for c in free if fits[row][c]]
        return max([best(row + 1, free), *taken])

    assert most_pairs(fits) == best(0, frozenset(range(3)))


@pytest.mark.parametrize(
    ("given", "allowed", "same"),
    [
        ({"s": "A-b c"}, {"s": ["abc"]}, True),
        ({"s": "it's"}, {"s": ['it"s']}, True),
        ({"n": 1}, {"n": [1, 2]}, True),
        ({"n": True}, {"n": [1]}, False),
        ({}, {"s": ["", "x"]}, True),
        ({}, {"s": ["x"]}, False),
        ({"o": {"k": 1}}, {"o": [{"k": [1, 2], "l": ["", 3]}]}, True),
        ({"o": {"k": 3}}, {"o": [{"k": [1, 2]}]}, False),
        ({"o": {"k": 1, "m": 1}}, {"o": [{"k": [1]}]}, False),
        ({"l": ["A", 1]}, {"l": [["a", 1]]}, True),
        ({"l": [1, "A"]}, {"l": [["a", 1]]}, False),
        ({"n": 1}, {"n": 1}, True),
    ],
)
def test_values_compare_by_the_rules(given: dict[str, Any], allowed: dict[str, Any], same: bool) -> None:
    assert same_object(given, allowed) is same


@pytest.mark.parametrize(
    ("value", "schema", "fits"),
    [
        (3, {"type": "number"}, True),
        (3.0, {"type": "integer"}, False),
        (True, {"type": "integer"}, False),
        (True, {"type": ["integer", "boolean"]}, True),
        (None, {"type": ["string", "null"]}, True),
        ([1, 2.5], {"type": "array", "items": {"type": "number"}}, True),
        ([1, "2"], {"type": "array", "items": {"type": "number"}}, False),
        ("x", {"type": "colour"}, True),
        ([], {}, True),
    ],
)
def test_types_are_those_of_the_schema(value: object, schema: dict[str, Any], fits: bool) -> None:
    assert fits_schema(value, schema) is fits


def test_the_name_of_a_variable_may_stand_in_place_of_a_value() -> None:
    assert judged([right(n=["count"])], f(n="count")).score == 1.0
    assert judged([right(n=[3])], f(n="3")).score == 0.0


def test_dots_of_a_name_may_be_underscores() -> None:
    assert judged([right("g.h")], written("g_h", {})).score == 1.0
    assert judged([right("g.h")], written("gh", {})).reason == "gh is not g.h"


def test_a_submissions_own_calls_go_before_its_text() -> None:
    call = {"name": "f", "arguments": '{"n": 1}'}
    task = Task("t", "train", 0, {"tools": TOOLS, "calls": [right(n=[1])]})
    assert ToolCalls().verify(Submission(f(n=2), calls=(call,)), task).score == 1.0


@given(LISTS)
def test_a_value_without_objects_equals_itself(value: Any) -> None:
    assert same_value(value, value)


@given(st.dictionaries(st.sampled_from([*KINDS, "z"]), JSON, max_size=3))
def test_whatever_is_called_it_is_judged(arguments: dict[str, Any]) -> None:
    judged([right(n=[1], s=["a", ""], o=[{"k": [1]}])], f(**arguments))


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"tools": TOOLS},
        {"tools": TOOLS, "calls": [{"name": "none", "arguments": {}}]},
        {"tools": TOOLS, "calls": [{"name": "f"}]},
        {"tools": [3], "calls": []},
    ],
)
def test_a_task_that_cannot_be_judged_is_an_error_not_a_zero(data: dict[str, Any]) -> None:
    assert ToolCalls().verify(Submission(f(n=1)), Task("t", "train", 0, data)).status == "error"
