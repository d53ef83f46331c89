"""Which part of a response is its answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentrl_verifiers.math_find import RESPONSE, answer_in


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        ("\\boxed{1} no, \\boxed{2}", "2"),
        ("\\boxed{\\frac{1}{2}}", "\\frac{1}{2}"),
        ("\\boxed{\\{1,2\\}}", "\\{1,2\\}"),
        ("\\boxed{\\boxed{4}}", "\\boxed{4}"),
        ("\\boxed{1} and \\boxed{2}", "1, 2"),
        ("\\boxed{41}. \\boxed{42}", "42"),
        ("\\boxed{41}, so \\boxed{42", "41"),
        ("\\boxed{42", None),
        ("\\boxed{}", None),
        ("{ \\boxed{4}", "4"),
        ("#### 3\n\\boxed{4}", "4"),
        ("\\boxed{4} I mean: the final answer is $5$.", "5"),
        ("#### 1\nno\n#### 2\nyes", "2"),
        ("The answer is 1. No, the answer is 2.", "2"),
        ("The answer is $x+1$, I think.", "x+1"),
        ("The answer is $1$ or $2$.", "1, 2"),
        ("**Answer:** 42", "42"),
        ("The final answer is **42**.", "42"),
        ("The answer is 42, because 6 times 7 is.", "42"),
        ("The answer to the second question is 7.", "7"),
        ("42", "42"),
        ("First 41.\nThen 42.", None),
    ],
)
def test_the_answer_is_the_one_that_is_marked(response: str, answer: str | None) -> None:
    assert answer_in(response) == answer


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        ("It was 12.\nNow it is 14 cm.", "14"),
        ("It could be\n40, 41 or 42", "40, 41, 42"),
        ("We get $x=3$ there,\nas $y$ shows", "y"),
        ("She earns $1,200.50 a\nweek", "$1,200.50"),
        ("nothing\nhere", None),
    ],
)
def test_the_last_number_is_taken_where_that_is_asked_for(response: str, answer: str | None) -> None:
    assert answer_in(response) is None
    assert answer_in(response, "number") == answer


def test_only_the_end_of_a_response_is_read() -> None:
    assert answer_in("\\boxed{1}" + " " * RESPONSE) is None
    assert answer_in(" " * RESPONSE + "\\boxed{1}") == "1"


def test_an_answer_that_is_too_long_is_none() -> None:
    assert answer_in("\\boxed{" + "1" * 2001 + "}") is None


@given(st.text(alphabet="\\boxed{}$#answer is:42.,() \n", max_size=300))
def test_any_text_has_an_answer_or_none(text: str) -> None:
    for unmarked in ("nothing", "formula", "number"):
        found = answer_in(text, unmarked)
        assert found is None or found.strip()
