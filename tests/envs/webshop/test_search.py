"""Ranking and scores against the original search engine; speed at a thousand products."""

import random

import pytest

from agentrl_envs.bm25 import TOP, Index, lossy_length
from agentrl_envs.webshop.product import document


@pytest.fixture(scope="module")
def index(golden):
    return Index((entry["id"], entry["contents"]) for entry in golden("search")["documents"])


def test_recorded_hits_in_the_recorded_order(golden, index):
    for query in golden("search")["queries"]:
        found = index.search(query["query"])
        assert [name for name, _ in found] == [name for name, _ in query["hits"]]
        assert [score for _, score in found] == pytest.approx([score for _, score in query["hits"]], abs=1e-4)


def test_the_text_of_a_product_is_what_was_indexed(golden, recorded):
    for entry in golden("search")["documents"]:
        assert document(recorded.stock[entry["id"]]) == entry["contents"]


def test_by_hand():
    """Two documents of two words, term in one: idf ln(1 + 1.5/1.5); lengths are average, so tf/(tf + 0.9)."""
    index = Index([("a", "red shirt"), ("b", "blue shirt")])
    assert index.search("red") == [("a", pytest.approx(0.6931472 / 1.9))]


def test_equal_scores_come_in_the_order_of_ids():
    names = [f"p{i}" for i in range(9)]
    shuffled = random.Random(1).sample(names, len(names))
    assert [name for name, _ in Index((name, "cup") for name in shuffled).search("cup")] == names


def test_no_more_than_fifty_hits_even_among_ties():
    found = Index((f"p{i:03}", "cup") for i in range(200)).search("cup")
    assert [name for name, _ in found] == [f"p{i:03}" for i in range(TOP)]


def test_a_word_said_twice_counts_twice(index):
    once, twice = dict(index.search("shirt")), dict(index.search("shirt shirt"))
    assert twice == pytest.approx({name: 2 * score for name, score in once.items()})


@pytest.mark.parametrize("query", ["<r>", "<a> long sleeve", "<c> fashion", "<q> dress shirt"])
def test_special_first_words_of_the_original_are_plain_text(index, query):
    assert index.search(query) == index.search(query.replace("<", " ").replace(">", " "))


@pytest.mark.parametrize("query", ["", " ", "the of", "zzzz", "[]{}", "\x00\ud800"])
def test_nothing_known_finds_nothing(index, query):
    assert index.search(query) == []


def test_an_empty_shop_finds_nothing():
    assert Index([]).search("shirt") == []


def test_lengths_are_kept_exactly_to_forty_then_to_four_bits():
    assert [lossy_length(n) for n in range(41)] == list(range(41))
    assert [lossy_length(n) for n in (41, 55, 57, 100, 1000)] == [40, 54, 56, 96, 984]
