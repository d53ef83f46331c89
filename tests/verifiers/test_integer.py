"""The last integer of a text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentrl_verifiers.integer import last_integer


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("7", 7),
        ("guess -3", -3),
        ("between 3 and 12", 12),
        ("1,234,567 people", 1234567),
        ("3, 4, 5", 5),
        ("3,4", 4),
        ("12.", 12),
        ("007", 7),
        ("", None),
        ("seven", None),
        ("3.5", None),
        ("x7", None),
        ("9" * 5000, None),
        ("٣", 3),
    ],
)
def test_the_last_integer_is_found(text, wanted):
    assert last_integer(text) == wanted


@given(st.text())
def test_any_text_is_read_without_an_error(text):
    assert last_integer(text) is None or isinstance(last_integer(text), int)


@given(st.integers(-(10**18) + 1, 10**18 - 1), st.text(st.characters(categories=["L"]), max_size=5))
def test_a_number_after_words_is_read_back(number, words):
    assert last_integer(f"{words} {number}") == last_integer(f"{words} {number:,}") == number
