"""The reward against the original's, its loopholes, and the strict variant that has none of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentrl_envs.webshop.goals import refusal
from agentrl_envs.webshop.nouns import built_in
from agentrl_envs.webshop.product import Goal, Product
from agentrl_envs.webshop.reward import score, token_set_ratio, winning_options

PATH = "Clothing › Men › Shirts"


def product(options=None, **fields):
    given_fields = {"title": "Harlow Shirt", "description": "", "bullets": (), "category": "fashion"}
    given_fields |= {"query": "shirt", "product_category": PATH, "price_tag": "$5.0", "price": 5.0}
    given_fields |= {"attributes": ("machine wash",), **fields}
    return Product(asin="B000000001", options=options or {}, **given_fields)


def goal(options=(), attributes=("machine wash",), upper=40.0, name="Harlow Shirt"):
    return Goal("B000000001", "fashion", "shirt", name, PATH, "", attributes, upper, options)


def test_recorded_rewards_and_their_parts(golden, goal_of):
    for case in golden("reward")["cases"]:
        expected = case["expected"]
        if "raises" in expected:
            continue
        bought, wanted = case["purchased"], goal_of(case["goal"])
        own = product(
            title=bought["Title"],
            description=bought["Description"],
            bullets=tuple(bought["BulletPoints"]),
            query=bought["query"],
            product_category=bought["product_category"],
            price=case["price"],
            attributes=tuple(bought["Attributes"]),
        )
        nouns = iter([case["purchased_nouns"], case["goal_nouns"]])
        got = score(own, wanted, case["options"], lambda _title, nouns=nouns: next(nouns))
        asked = len(wanted.attributes) + len(wanted.options) + 1
        parts = {
            "total": got.total,
            "num_attr_matches": got.attributes_met,
            "num_option_matches": got.options_met,
            "r_att": got.r_att,
            "r_price": got.r_price,
            "r_type": got.r_type,
            "query_match": got.query_match,
            "category_match": got.category_match,
            "title_score": got.title_score,
            "w_att": len(wanted.attributes) / asked,
            "w_price": 1 / asked,
        }
        if got.r_option is not None:
            parts |= {"r_option": got.r_option, "w_option": len(wanted.options) / asked}
        assert parts == pytest.approx(expected, abs=1e-9), case["name"]


def test_recorded_goals_that_made_the_original_fail_are_refused(golden, goal_of):
    cases = [case for case in golden("reward")["cases"] if "raises" in case["expected"]]
    reasons = {case["name"]: refusal(goal_of(case["goal"])) for case in cases if case["price"] is not None}
    assert reasons == {
        "price_upper 0 fails": "the goal's price limit is 0, not above 0",
        "empty goal attributes fail": "the goal has no attributes",
    }


def test_recorded_ratios(golden):
    for one, two, expected in golden("reward")["token_set_ratio"]:
        assert token_set_ratio(one, two) == expected


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [
        ({"size": "x-large"}, {"size": "large"}),
        (("x-large",), {"size": "xx-large"}),
        ({"size": "8 wide"}, {"size": "8"}),
        (("dark green",), {"color": "dark grey"}),
        ({"size": "8 ounce (pack of 6)"}, {"size": "8 ounce (pack of 1)"}),
        ({"size": "36 inch"}, {"anything": "size"}),
        ({"color": "red"}, {"trim": "red"}),
    ],
)
def test_loopholes_pay_in_the_original_reward_and_not_in_the_strict_one(wanted, chosen):
    assert score(product(), goal(wanted), chosen, built_in()).total == 1.0
    assert score(product(), goal(wanted), chosen, built_in(), strict=True).total == pytest.approx(2 / 3)


def test_strict_takes_equal_options_in_their_group_whatever_case_and_slashes():
    wanted = {"size": "9 women | 7.5 men"}
    assert score(product(), goal(wanted), {"Size": "9 Women/7.5 Men"}, built_in(), strict=True).total == 1.0


def test_strict_human_goals_name_no_group_but_need_one_choice_a_wish():
    bought = {"color": "red"}
    assert score(product(), goal(("red",)), bought, built_in(), strict=True).options_met == 1
    assert score(product(), goal(("red", "red")), bought, built_in(), strict=True).options_met == 1


VALUES = st.sampled_from(["red", "dark red", "large", "x-large", "8", "8 wide", "mint"])
CHOICES = st.dictionaries(st.sampled_from(["size", "color", "scent"]), VALUES, max_size=3)


@given(wanted=CHOICES, chosen=CHOICES)
def test_strict_never_pays_more_options_than_it_is_given(wanted, chosen):
    got = score(product(), goal(wanted), chosen, built_in(), strict=True)
    assert got.options_met == sum(chosen.get(name) == value for name, value in wanted.items())


@given(
    options=st.dictionaries(st.sampled_from(["size", "color"]), st.lists(VALUES, min_size=1, max_size=3)),
    wanted=st.one_of(CHOICES, st.lists(VALUES, max_size=2).map(tuple)),
    strict=st.booleans(),
)
def test_winning_options_win_and_none_means_that_none_do(options, wanted, strict):
    own = product({name: tuple(values) for name, values in options.items()})
    found = winning_options(own, goal(wanted), strict=strict)
    some = [{}]
    for name, values in own.options.items():
        some += [{**chosen, name: value} for chosen in some for value in values]
    wins = [c for c in some if score(own, goal(wanted), c, built_in(), strict=strict).total == 1.0]
    assert (found in wins) if wins else found is None


def test_one_exact_choice_answers_one_wish_only():
    own = product({"size": ("red",), "color": ("red",)})
    assert winning_options(own, goal(("red", "red")), strict=True) == {"size": "red", "color": "red"}
    assert winning_options(product({"size": ("red",)}), goal(("red", "red")), strict=True) is None


def test_winning_options_prefer_what_was_asked_to_what_passes_for_it():
    own = product({"size": ("large", "x-large"), "length": ("large",)})
    assert winning_options(own, goal({"size": "x-large", "length": "large"})) == {
        "size": "x-large",
        "length": "large",
    }


def test_a_price_at_the_limit_is_within_it():
    assert score(product(price=40.0), goal(upper=40.0), {}, built_in()).r_price
    assert not score(product(price=40.01), goal(upper=40.0), {}, built_in()).r_price
