"""Rendered conversations read back."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentrl.rollout.chat import Chat, Format
from agentrl.rollout.unrendered import unrendered
from tests.agentrl.rollout.examples import TEMPLATES, tokenizer

CHATS = {family: Chat(tokenizer(family), Format("transcript", "plain")) for family in TEMPLATES}
TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20).map(
    lambda text: text.strip() or "x"
)
ROUNDS = st.lists(st.tuples(TEXT, TEXT), max_size=3)


@pytest.mark.parametrize("family", TEMPLATES)
@settings(max_examples=30)
@given(rounds=ROUNDS, first=TEXT, rules=st.none() | TEXT)
def test_messages_read_back_render_to_the_same_text(
    family: str, rounds: list[tuple[str, str]], first: str, rules: str | None
) -> None:
    chat = CHATS[family]
    said = [("system", chat.defused(rules))] if rules else []
    for asked, answered in rounds:
        said += [("user", chat.defused(asked)), ("assistant", chat.defused(answered))]
    said += [("user", chat.defused(first))]
    text = chat.rendered(said)
    found = unrendered(chat, text)
    assert found is not None and chat.rendered(found) == text
    if family == "chatml":
        assert found == said


def test_what_no_conversation_renders_to_is_not_read() -> None:
    chat = CHATS["chatml"]
    assert unrendered(chat, "once upon a time") is None
    assert unrendered(chat, "<|im_start|>user\nhello<|im_end|>\n and more") is None
