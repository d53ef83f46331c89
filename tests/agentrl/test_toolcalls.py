"""Tool calls read from what models write, and what tools say made safe."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentrl.toolcalls import MOST_CALLS, MOST_CHARS, harmless, said, said_in_message, spoken, written

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.text(min_size=1, max_size=20), st.dictionaries(st.text(max_size=8), VALUES, max_size=4))
def test_what_was_written_as_a_call_is_read_as_that_call(name: str, arguments: dict[str, object]) -> None:
    text = f"First {written(name, arguments)} then"
    if "<think>" in text or "</think>" in text:
        return  # a thought's tag inside an argument ends the thought: said so in `spoken`
    found = said(text)
    assert [(c.name, c.arguments, c.error) for c in found.calls] == [(name, arguments, "")]
    assert found.text == "First  then"


@given(st.text())
def test_no_text_makes_reading_raise(text: str) -> None:
    for tried in (text, f"<tool_call>{text}", f"<tool_call>{text}</tool_call>", f"<think>{text}"):
        for call in said(tried).calls:
            assert call.error or call.name
    assert "<tool_call>" not in harmless(text, 50)


def test_several_calls_come_from_one_block_or_from_several() -> None:
    one, two = '{"name": "a", "arguments": {"x": 1}}', '{"name": "b", "parameters": {"y": {"z": "}"}}}'
    apart = f"<tool_call>{one}</tool_call> and <tool_call>\n{two}\n</tool_call>"
    together = f"<tool_call>\n{one}\n{two}\n</tool_call>"
    assert said(apart).calls == said(together).calls
    assert [c.arguments for c in said(apart).calls] == [{"x": 1}, {"y": {"z": "}"}}]
    assert said(apart).text == "and"


@pytest.mark.parametrize(
    ("inside", "why"),
    [
        ('{"name": "a"', "Expecting ',' delimiter at character 12"),
        ('{"name": "a", "arguments": {"x": NaN}}', "NaN is no JSON"),
        ('{"name": "a", "arguments": {"x": 1, "x": 2}}', "'x' is given twice"),
        ('["a"]', "a JSON object with a name"),
        ('{"arguments": {}}', "needs the name"),
        ('{"name": "a", "arguments": [1]}', "not a JSON object"),
        ('{"name": "a", "arguments": "{1}"}', "arguments are not valid JSON"),
        ('{"name": "a", "arguments": {"x": ' + "[" * 40 + "]" * 40 + "}}", "nested more than 32 deep"),
        ('{"a":' * 100_000, "nested too deeply"),
        ("", "empty"),
        ("import os", "Expecting value at character 0"),
    ],
)
def test_a_wrong_call_says_what_is_wrong_with_it(inside: str, why: str) -> None:
    (call,) = said(f"<tool_call>{inside}</tool_call>").calls
    assert why in call.error


def test_arguments_may_be_json_in_a_string_and_may_spell_the_closing_tag() -> None:
    inside = json.dumps({"name": "a", "arguments": json.dumps({"q": "</tool_call>"})})
    (call,) = said(f"<tool_call>{inside}</tool_call>").calls
    assert call.arguments == {"q": "</tool_call>"}


def test_a_block_that_is_not_closed_is_a_wrong_call() -> None:
    assert [c.error for c in said('<tool_call>{"name": "a"}').calls][-1:] == [
        "The call is not valid JSON: the block is not closed."
    ]
    assert said("<tool_call>").calls[0].error


def test_a_call_in_a_thought_is_no_call() -> None:
    call = written("a", {})
    assert said(f"<think>{call}</think>So.").calls == ()
    assert said(f"{call}</think>So.").calls == (), "the prompt had opened the thought"
    assert said(f"So.<think>{call}").calls == (), "the thought was cut off"
    assert said(f"<think>no</think>{call}").calls[0].name == "a"
    assert spoken("a<think>b</think>c<think>d") == "ac"


def test_replies_are_read_up_to_a_bound() -> None:
    many = written("a", {}) * (MOST_CALLS + 5)
    calls = said(many).calls
    assert len(calls) == MOST_CALLS + 1 and "the rest was left out" in calls[-1].error
    assert "longer than" in said("x" * (MOST_CHARS + 1)).calls[0].error
    assert said("<tool_call>" * 50_000).calls[0].error
    assert said("<think>" * 100_000).text == ""


def test_openai_messages_carry_calls_beside_the_text() -> None:
    function = {"name": "add", "arguments": '{"a": 1}'}
    found = said_in_message(
        {
            "content": "<think>x</think>Now.",
            "tool_calls": [{"id": "c1", "type": "function", "function": function}],
        }
    )
    assert found.text == "Now."
    assert [(c.id, c.name, c.arguments) for c in found.calls] == [("c1", "add", {"a": 1})]
    assert said_in_message({"content": written("add", {"a": 1})}).calls[0].arguments == {"a": 1}
    assert said_in_message({"content": None, "tool_calls": None}).calls == ()
    assert said_in_message({"tool_calls": "rubbish"}).calls[0].error
    assert said_in_message({"tool_calls": [{"function": {"name": "a", "arguments": "{"}}]}).calls[0].error


@pytest.mark.parametrize(
    "tag",
    [
        "<tool_call>",
        "</tool_response>",
        "<|im_start|>",
        "[INST]",
        "[/INST]",
        "< /think>",
        "<ACTION>",
        "<system>",
    ],
)
def test_what_a_tool_says_cannot_pass_for_somebody_else(tag: str) -> None:
    cleaned = harmless(f"a {tag} b", 100)
    assert tag not in cleaned
    assert re.sub(r"[\s]", "", cleaned) == re.sub(r"[\s]", "", f"a {tag} b"), "but it can still be read"


def test_what_a_tool_says_is_bounded_and_plain_text() -> None:
    assert harmless("a\x00b\x1b[31m\u202ec\ud800\u200b", 100) == "a\ufffdb\ufffd[31m\ufffdc\ufffd\ufffd"
    assert harmless("one\ntwo\t3", 100) == "one\ntwo\t3"
    assert harmless("x" * 1000, 10) == "xxxxxxxxxx [990 characters left out]"
    assert harmless("if a < b: [1] <b>", 100) == "if a < b: [1] <b>"
