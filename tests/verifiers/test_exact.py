"""Exact match after normalisation."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentrl.types import Task
from agentrl.verify import Submission
from agentrl_verifiers.exact import exact, normalised


@pytest.mark.parametrize("pair", exact.pairs, ids=lambda pair: repr(pair.answer))
def test_its_own_pairs_hold(pair: object) -> None:
    verdict = exact.verify(Submission(pair.answer), Task("t", "train", 0, pair.data))  # type: ignore[attr-defined]
    assert verdict.known and (verdict.score == 1.0) == pair.passes  # type: ignore[attr-defined]


@given(st.text())
def test_normalising_again_changes_nothing(text: str) -> None:
    assert normalised(normalised(text)) == normalised(text)


@given(st.text().filter(normalised))
def test_an_answer_agrees_with_itself_in_any_case_and_spacing(text: str) -> None:
    assert exact(f"  {text}. ", Task("t", "train", 0, {"answer": [text]})) == 1.0


def test_a_task_without_an_answer_is_an_error_not_a_zero() -> None:
    assert exact.verify(Submission("x"), Task("t", "train", 0)).status == "error"
