"""Short answers as SQuAD judges them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentrl.types import Task
from agentrl.verify import FunctionVerifier, Pair, Submission
from agentrl_verifiers.answers import contains_match, em, exact_match, f1, shared_words, squad_words


def score(judge: object, answer: str, *accepted: str) -> float:
    assert isinstance(judge, FunctionVerifier)
    verdict = judge.verify(Submission(answer), Task("t", "test", 0, {"answer": list(accepted)}))
    assert verdict.known, verdict.reason
    return verdict.score


@pytest.mark.parametrize(
    ("judge", "pair"), [(j, p) for j in (em, f1) for p in j.pairs], ids=lambda x: getattr(x, "answer", "")
)
def test_its_own_pairs_hold(judge: FunctionVerifier, pair: Pair) -> None:
    verdict = judge.verify(Submission(pair.answer), Task("t", "train", 0, pair.data))
    assert verdict.known and (verdict.score == 1.0) == pair.passes


def test_shared_words_by_hand() -> None:
    """Given: paris france (2), wanted: paris (1); one shared: precision 1/2, recall 1, F1 2/3."""
    assert score(f1, "Paris, France", "the Paris") == pytest.approx(2 / 3)
    assert score(f1, "Paris, France", "Rome", "France Paris") == 1.0
    assert shared_words("a b b", "b c") == pytest.approx(2 / 4)


def test_an_article_inside_a_word_stays() -> None:
    assert squad_words("Theatre, another a-team") == "theatre another ateam"


@given(st.text(max_size=30), st.text(max_size=30))
def test_an_exact_match_shares_all_words_and_the_other_way_round_in_order(one: str, two: str) -> None:
    if exact_match(one, two):
        assert shared_words(one, two) == 1.0
    if squad_words(two):
        assert exact_match(two, two) and contains_match(f"x {two} y", two)
    assert 0.0 <= shared_words(one, two) <= 1.0


@given(st.text(max_size=20))
def test_an_empty_answer_is_never_right(reference: str) -> None:
    assert score(em, "", reference) == score(f1, "", reference) == 0.0
