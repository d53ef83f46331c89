"""Goals made from the recorded files against the recorded goals; limits, weights, splits."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentrl_envs.webshop.goals import LADDER, NO_LIMIT, build, price_limit, splits
from agentrl_envs.webshop.product import Goal
from agentrl_envs.webshop.records import parse


def unpriced(text):
    return text.partition(", and price lower")[0]


@pytest.mark.parametrize("kind", ["human", "synthetic"])
def test_recorded_goals_but_for_their_drawn_limits(recorded, kind):
    file = recorded.file
    records = parse(
        file["items_shuffle"], file["items_ins_v2"], file["items_human_ins"] if kind == "human" else None
    )
    made = build(records.products, records.wishes).accepted

    def facts(asin, text, attributes, options, weight):
        named = sorted(options.items()) if isinstance(options, dict) else list(options)
        return [asin, unpriced(text), list(attributes), named, round(weight, 9)]

    mine = [facts(g.asin, g.text, g.attributes, g.options, g.weight) for g in made]
    theirs = [
        facts(g["asin"], g["instruction_text"], g["attributes"], g["goal_options"], g["weight"])
        for g in file[f"goals_{kind}"]
    ]
    assert sorted(mine, key=repr) == sorted(theirs, key=repr)


def test_goals_without_attributes_are_refused_with_the_reason(recorded):
    file = recorded.file
    records = parse(file["items_shuffle"], file["items_ins_v2"], file["items_human_ins"])
    refused = build(records.products, records.wishes).refused
    assert len(refused) == 3
    assert all(line.endswith(": the goal has no attributes") for line in refused)


@given(price=st.floats(0, 2000), seed=st.integers(0, 100))
def test_a_limit_is_the_second_to_fourth_rung_above_the_price(price, seed):
    limit, clause = price_limit(price, random.Random(seed))
    above = [rung for rung in LADDER if rung > price]
    if len(above) < 2:
        assert (limit, clause) == (NO_LIMIT, "")
    else:
        assert limit in above[1:4]
        assert clause == f", and price lower than {limit:.2f} dollars"


def test_limits_depend_on_the_seed_alone(recorded):
    file = recorded.file
    records = parse(file["items_shuffle"], file["items_ins_v2"])
    random.seed(1)
    one = build(records.products, records.wishes, seed=3)
    random.seed(2)
    assert build(records.products, records.wishes, seed=3) == one
    assert build(records.products, records.wishes, seed=4) != one


def numbered(count):
    return [Goal(str(i), "", "", "", "", "", ("a",), 1.0) for i in range(count)]


@pytest.mark.parametrize(
    ("count", "sizes"),
    [(12087, (10587, 1000, 500)), (2000, (500, 1000, 500)), (1999, (1001, 499, 499)), (3, (3, 0, 0))],
)
def test_splits_deal_every_goal_once(count, sizes):
    dealt = splits(numbered(count))
    assert tuple(len(dealt[split]) for split in ("train", "dev", "test")) == sizes
    assert sorted(int(g.asin) for goals in dealt.values() for g in goals) == list(range(count))


def test_splits_are_the_same_whatever_the_process_draws():
    random.seed(5)
    one = splits(numbered(100))
    random.seed(6)
    assert splits(numbered(100)) == one
    assert splits(numbered(100), seed=1) != one
