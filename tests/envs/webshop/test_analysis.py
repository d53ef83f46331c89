"""Index terms against those of the original search engine and by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentrl_envs.analysis import stem, terms


def test_recorded_queries_become_the_recorded_terms(golden):
    for query in golden("search")["queries"]:
        assert terms(query["query"]) == query["analyzed"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("O'Neil o'clock", ["o'neil", "o'clock"]),
        ("3,000.50 1:30", ["3,000.50", "1", "30"]),
        ("a_b __ _c", ["a_b", "_c"]),
        ("x.y z. 5.", ["x.y", "z", "5"]),
        ("women’s", ["women"]),
        ("5² m³ ½", ["5", "m"]),
        ("茶 杯子", ["茶", "杯", "子"]),
        ("crème brûlée", ["crème", "brûlée"]),
    ],
)
def test_words_break_where_unicode_says(text, expected):
    assert terms(text) == expected


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        # examples of Porter 1980, one a rule
        ("caresses", "caress"),
        ("ponies", "poni"),
        ("cats", "cat"),
        ("feed", "feed"),
        ("agreed", "agre"),
        ("plastered", "plaster"),
        ("motoring", "motor"),
        ("sing", "sing"),
        ("conflated", "conflat"),
        ("hopping", "hop"),
        ("falling", "fall"),
        ("filing", "file"),
        ("happy", "happi"),
        ("sky", "sky"),
        ("conditional", "condit"),
        ("digitizer", "digit"),
        ("vietnamization", "vietnam"),
        ("hopefulness", "hope"),
        ("triplicate", "triplic"),
        ("adjustment", "adjust"),
        ("adoption", "adopt"),
        ("bowdlerize", "bowdler"),
        ("probate", "probat"),
        ("rate", "rate"),
        ("controll", "control"),
        ("roll", "roll"),
        # the later departures, and short words
        ("conformably", "conform"),
        ("archaeology", "archaeolog"),
        ("us", "us"),
    ],
)
def test_stems(word, expected):
    assert stem(word) == expected


@given(st.text(max_size=60))
def test_any_text_has_terms(text):
    assert all(isinstance(term, str) and term for term in terms(text))
