"""Text as ids and messages as endpoints take them, and back."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentrl.rollout.messages import Messages, text_of
from agentrl.toolcalls import MOST_CALLS, said, written

WORDS = Messages()
OFFER = [{"type": "function", "function": {"name": "add"}}]
CALL = written("add", {"a": 1})


def sent(*said: tuple[str, str], offered: bool = True) -> list[dict[str, object]]:
    messages = [{"role": role, "content": text} for role, text in said]
    body = json.loads(WORDS.apply_chat_template(messages, tools=OFFER if offered else None))
    assert ("tools" in body) == offered
    found: list[dict[str, object]] = body["messages"]
    return found


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_nothing_is_lost(text: str) -> None:
    ids = WORDS.encode(text).ids
    assert WORDS.decode(ids) == text and all(0 < i < 1 << 31 for i in ids)
    assert len(ids) == -(-len(text.encode()) // 3)


def test_half_characters_become_question_marks() -> None:
    assert WORDS.decode(WORDS.encode("a\ud800").ids) == "a?"


def test_calls_and_results_stand_in_their_fields() -> None:
    two = sent(("user", "sum?"), ("assistant", f"Let me see.\n{CALL}\n{CALL}"), ("tool", "[1] 2 [2] 2"))
    assert two[1]["content"] == "Let me see."
    calls: list[dict[str, object]] = two[1]["tool_calls"]  # type: ignore[assignment]
    assert [call["function"] for call in calls] == [{"name": "add", "arguments": '{"a": 1}'}] * 2
    assert [one["tool_call_id"] for one in two[2:]] == [call["id"] for call in calls]
    assert two[2]["content"] == "[1] 2 [2] 2" and "together" in str(two[3]["content"])


@pytest.mark.parametrize(
    "reply", ["no call", "<tool_call>{broken</tool_call>", written("a name that no server takes", {})]
)
def test_a_reply_without_good_calls_stays_text_and_is_answered_by_the_user(reply: str) -> None:
    told = sent(("user", "sum?"), ("assistant", reply), ("tool", "That is no call."))
    assert told[1] == {"role": "assistant", "content": reply}
    assert told[2]["role"] == "user" and "That is no call." in str(told[2]["content"])


def test_without_tools_nothing_is_read_into_a_reply() -> None:
    assert sent(("assistant", CALL), offered=False) == [{"role": "assistant", "content": CALL}]


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5)


@given(st.text(min_size=1, max_size=20), st.dictionaries(st.text(), JSON), st.text())
def test_a_call_in_a_message_is_the_call_that_is_read(
    name: str, arguments: dict[str, object], text: str
) -> None:
    function = {"name": name, "arguments": json.dumps(arguments)}
    found = said(text_of({"content": text, "tool_calls": [{"function": function}]}))
    [call] = found.calls
    assert (call.name, call.arguments, call.error) == (name, arguments, "")


@pytest.mark.parametrize("spelt", ["<think>", "</think>", "</tool_call>", "<tool_call>"])
def test_tags_beside_and_inside_a_call_do_not_hide_it(spelt: str) -> None:
    function = {"name": "say", "arguments": {"text": spelt}}
    [call] = said(text_of({"content": f"so {spelt}", "tool_calls": [{"function": function}]})).calls
    assert (call.name, call.arguments) == ("say", {"text": spelt})


@pytest.mark.parametrize("entry", [None, 3, [], {}, {"function": None}, {"function": {"name": 3}}])
def test_what_is_no_call_is_a_wrong_one(entry: object) -> None:
    [call] = said(text_of({"tool_calls": [entry]})).calls
    assert call.error


def test_more_calls_than_are_read_are_noticed() -> None:
    calls = [{"function": {"name": "add", "arguments": {}}}] * 1000
    assert len(said(text_of({"tool_calls": calls})).calls) == MOST_CALLS + 1
