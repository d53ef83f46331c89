"""Stocked shops: built once, checked when built."""

from dataclasses import replace

import pytest

from agentrl.errors import ConfigError, DataError
from agentrl_envs.webshop.nouns import built_in
from agentrl_envs.webshop.options import Options
from agentrl_envs.webshop.product import Goal, Product
from agentrl_envs.webshop.world import ambiguity, stocked, unattained, world

CUP = Product(
    asin="B0CUP00001",
    title="Harlow Cup",
    description="easy clean",
    bullets=(),
    category="garden",
    query="cup",
    product_category="Home › Kitchen",
    options={"color": ("red", "blue")},
    price_tag="$8.0",
    price=8.0,
    attributes=("easy clean",),
)
WISH = Goal(
    CUP.asin,
    "garden",
    "cup",
    CUP.title,
    CUP.product_category,
    "a cup",
    ("easy clean",),
    10.0,
    {"color": "red"},
)


@pytest.mark.parametrize("goals", ["human", "synthetic"])
def test_recorded_goals_are_all_attainable(data, goals):
    made = world(Options(data=data, goals=goals))
    assert made.unattainable == ()
    assert sum(map(len, made.goals.values())) == {"human": 51, "synthetic": 209}[goals]
    assert len(made.refused) == {"human": 3, "synthetic": 0}[goals]


def test_equal_options_share_one_world(data):
    assert world(Options(data=data)) is world(Options(data=data))
    assert world(Options(data=data)) is not world(Options(data=data, catalogue_seed=1))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"options": {"color": "green"}}, "color 'green' cannot be chosen"),
        ({"options": ("green",)}, "options 0/1"),
        ({"attributes": ("waterproof",)}, "attributes 0/1"),
        ({"price_upper": 7.0}, "price above the limit"),
        ({"name": "Zentra Speaker", "query": "speaker"}, "type 0.0"),
    ],
)
def test_a_goal_whose_own_product_does_not_earn_one_is_found(change, why):
    assert why in unattained(CUP, replace(WISH, **change), built_in())
    assert unattained(CUP, WISH, built_in()) == ""


def test_an_option_that_no_click_reaches_is_found():
    cup = replace(CUP, options={"color": ("red [dark]",)})
    assert "cannot be chosen" in unattained(cup, replace(WISH, options={"color": "red [dark]"}), built_in())


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"attributes": ()}, "no attributes"),
        ({"price_upper": 0.0}, "not above 0"),
        ({"asin": "B0"}, "no such product"),
    ],
)
def test_goals_that_cannot_be_scored_never_get_into_a_shop(change, why):
    with pytest.raises(DataError, match=why):
        stocked([CUP], {"train": [replace(WISH, **change)]}, built_in())


def test_ambiguity_counts_the_others_that_can_also_earn_one():
    same = replace(CUP, asin="B0CUP00002")
    dear = replace(CUP, asin="B0CUP00003", price=11.0)
    blue = replace(CUP, asin="B0CUP00004", options={"color": ("blue",)})
    wine = replace(CUP, asin="B0CUP00005", options={"color": ("wine red",)})
    made = stocked([CUP, same, dear, blue, wine], {"train": [WISH]}, built_in())
    assert ambiguity(made, made.goals["train"]) == [2]
    assert ambiguity(made, made.goals["train"], strict=True) == [1]


def test_generated_goals_have_few_other_answers_and_fuzzy_options_open_none():
    made = world(Options())
    counts = ambiguity(made, made.goals["test"])
    assert len(counts) == 300
    assert sum(counts) / 300 < 2
    assert counts[:60] == ambiguity(made, made.goals["test"][:60], strict=True)


def test_no_goal_at_all_is_an_error(folder):
    (folder / "items_human_ins.json").write_text("{}")
    with pytest.raises(ConfigError, match="no goal for its first 1000 products"):
        world(Options(data=str(folder)))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"view": "handle"},
            r"env.view='handle' is not one of text, text_rich, handles; did you mean 'handles'",
        ),
        ({"reward": "exact"}, r"env.reward='exact' is not one of webshop, strict"),
        ({"nouns": "spaccy"}, r"did you mean 'spacy'"),
        ({"products": 0}, r"env.products=0: must be at least 1"),
        ({"goals": "human"}, r"env.goals=human needs"),
    ],
)
def test_wrong_settings_are_said_in_one_line(given, message):
    with pytest.raises(ConfigError, match=message) as caught:
        Options(**given)
    assert "\n" not in str(caught.value)
