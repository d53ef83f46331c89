"""The fewest calls: found by search, equal to trying everything, proven by playing them."""

import random

import pytest

from agentrl_envs.tools.draw import SMALL, drawn
from agentrl_envs.tools.options import Options
from agentrl_envs.tools.plan import Known, answered, shortest
from agentrl_envs.tools.world import RELATIONS, Chain, Question, Records, keys_of, records

LITTLE = Records(
    ("ada", "bob"),
    {
        ("ada", "boss"): "bob", ("bob", "boss"): "ada", ("bob", "home"): "france", ("ada", "coins"): "12",
        ("ada", "keys"): "30", ("bob", "keys"): "41", ("france", "capital"): "paris",
    },
    RELATIONS["train"],
)  # fmt: skip
HEART = ("france", "capital")


def plan(question: Question, *known: tuple[str, str]) -> list[str]:
    return [" ".join([s.tool, *s.arguments]) for s in shortest(LITTLE, question, Known(frozenset(known)))]


def test_a_chain_takes_a_call_for_every_fact_that_is_not_known() -> None:
    question = Question((Chain("ada", ("boss", "home", "capital")),))
    assert plan(question, HEART) == ["lookup ada boss", "lookup bob home"]
    assert plan(question, HEART, ("bob", "home")) == ["lookup ada boss"], (
        "a fact in the middle saves its call"
    )
    assert plan(question, HEART, ("ada", "boss"), ("bob", "home")) == []
    assert plan(question) == ["lookup ada boss", "lookup bob home", "lookup france capital"]


def test_a_number_of_two_takes_a_calculation_and_never_fewer() -> None:
    question = Question((Chain("ada", ("coins",)), Chain("bob", ("keys",))), "*")
    assert plan(question) == ["lookup ada coins", "lookup bob keys", "calculate 12 * 41"]
    assert plan(question, ("ada", "coins"), ("bob", "keys")) == ["calculate 12 * 41"]


def test_one_search_finds_what_two_lookups_would() -> None:
    question = Question((Chain("ada", ("coins",)), Chain("ada", ("keys",))), "*")
    assert plan(question) == ["search ada", "calculate 12 * 30"]
    assert plan(question, ("ada", "keys")) == ["lookup ada coins", "calculate 12 * 30"], (
        "the cheaper of equals"
    )


@pytest.mark.parametrize("seed", range(12))
def test_trying_every_call_finds_no_shorter_plan(seed: int) -> None:
    """Small worlds: every lookup and search of every name read so far, of use or not, in any order."""
    dice = random.Random(seed)
    found = records(["ada", "bob", "cy"], ["france", "peru", "chad"], SMALL, RELATIONS["train"], dice)
    links = [dice.choice(["boss", "friend"]) for _ in range(2)]
    questions = [
        Question((Chain("ada", (*links, dice.choice(["home", "keys"]))),)),
        Question((Chain("ada", ("coins",)), Chain(dice.choice(["ada", "bob"]), ("keys",))), "+"),
    ]
    for question in questions:
        keys = [key for chain in question.chains for key in keys_of(chain, found.facts)]
        told = [*dice.sample(list(found.facts), 4), dice.choice(keys)]
        known = Known(frozenset(told))
        quick, slow = (shortest(found, question, known, every=every) for every in (False, True))
        assert len(quick) == len(slow)


@pytest.mark.parametrize("form", ["text", "line"])
def test_drawn_questions_take_what_was_asked_for_and_no_less_is_enough(form: str) -> None:
    options = Options(form=form)  # type: ignore[arg-type]
    for seed in range(60):
        scene = drawn("train", seed, seed % 5, options)
        assert len(shortest(scene.records, scene.question, scene.start)) == seed % 5 <= scene.missing
        assert answered(scene.question, scene.records, scene.start) == (seed % 5 == 0)
        assert len(scene.told) == options.shown and scene == drawn("train", seed, seed % 5, options)
