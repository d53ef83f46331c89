"""The space of all texts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentrl.charset import AnyText


@given(st.text(max_size=200))
def test_every_text_is_in_the_space(text: str) -> None:
    assert text in AnyText()


@pytest.mark.parametrize("other", [b"go", 1, None, ["go"]])
def test_nothing_else_is(other: object) -> None:
    assert other not in AnyText()


def test_samples_are_short_and_follow_the_seed() -> None:
    first, second = AnyText(), AnyText()
    first.seed(3)
    second.seed(3)
    drawn = [first.sample() for _ in range(20)]
    assert drawn == [second.sample() for _ in range(20)]
    assert all(len(text) <= 80 and text in first for text in drawn) and len(set(drawn)) > 15
    assert first == second
