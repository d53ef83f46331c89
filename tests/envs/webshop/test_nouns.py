"""Finding nouns without a tagger, and saying what is missing for one with."""

import builtins
import pickle

import pytest

from agentrl.errors import ConfigError
from agentrl_envs.webshop.nouns import built_in, by_spacy


def test_a_lexicon_decides_first():
    nouns = built_in({"running": True, "harlow": False})
    assert nouns("Harlow Running Shoes") == ["running", "shoes"]


def test_repeats_are_kept_and_numbers_and_function_words_are_not():
    assert built_in()("Cream, Cream for the 3 Men and 12oz Jars") == ["cream", "cream", "men", "jars"]


def test_it_mostly_agrees_with_the_recorded_tagger(golden):
    agreed = wrong = missed = 0
    for case in golden("reward")["cases"]:
        if case["name"].startswith("sampled"):
            found, tagged = set(built_in()(case["goal"]["name"])), set(case["goal_nouns"])
            agreed, wrong, missed = (
                agreed + len(found & tagged),
                wrong + len(found - tagged),
                missed + len(tagged - found),
            )
    assert agreed / (agreed + wrong) > 0.95
    assert agreed / (agreed + missed) > 0.95


def test_it_travels_between_processes():
    assert pickle.loads(pickle.dumps(built_in({"red": False})))("red shirt") == ["shirt"]


def test_without_spacy_the_extra_is_named(monkeypatch):
    real = builtins.__import__

    def without(name, *rest):
        if name == "spacy":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ConfigError, match=r"agentrl\[spacy\]"):
        by_spacy()
