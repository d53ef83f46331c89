"""The generated shop: the same from any seed and size, disjoint splits, every goal attainable."""

import itertools
import json
import re
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz.fuzz import token_set_ratio

from agentrl.errors import ConfigError
from agentrl_envs.bm25 import Index
from agentrl_envs.webshop import records, words
from agentrl_envs.webshop.catalogue import FAMILY, product, split_of, world
from agentrl_envs.webshop.goals import build
from agentrl_envs.webshop.product import document
from agentrl_envs.webshop.reward import score, winning_options
from agentrl_envs.webshop.world import unattained

SHOP = world()
BY_ASIN = {one.asin: one for one in SHOP.products}
GOALS = [goal for goals in SHOP.goals.values() for goal in goals]


def page_text(one):
    return " ".join([one.title, one.description, *one.bullets])


def satisfies(one, goal):
    """What a goal asks for, without the reward's fuzzy matching."""
    return (
        one.query == goal.query
        and set(goal.attributes) <= set(one.attributes)
        and all(value in one.options.get(name, ()) for name, value in goal.options.items())
        and one.price <= goal.price_upper
    )


def wish(goal):
    return goal.query, frozenset(goal.attributes), frozenset(goal.options.items())


@given(i=st.integers(0, 2_000_000), seed=st.integers(0, 1000))
def test_a_product_depends_on_seed_and_number_alone(i, seed):
    assert product(i, seed) == product(i, seed)


def test_a_larger_shop_begins_with_the_smaller_one():
    small = world(60, seed=3)
    large = world(200, seed=3)
    assert large.products[:60] == small.products
    for split, goals in small.goals.items():
        assert large.goals[split][: len(goals)] == goals


def test_another_seed_is_another_shop():
    assert product(5, seed=0) != product(5, seed=1)


def test_every_product_has_its_own_name():
    assert len({product(i).asin for i in range(5000)}) == 5000
    assert all(re.fullmatch(r"B0[0-9A-Z]{8}", one.asin) for one in SHOP.products)


def test_the_default_shop_has_700_150_and_300_goals():
    assert len(SHOP.products) == 1000
    assert {split: len(goals) for split, goals in SHOP.goals.items()} == {
        "train": 700,
        "dev": 150,
        "test": 300,
    }


def test_splits_share_no_target():
    targets = {split: {goal.asin for goal in goals} for split, goals in SHOP.goals.items()}
    assert all(not targets[a] & targets[b] for a, b in itertools.combinations(targets, 2))
    assert len(targets["test"]) == 150


def test_splits_share_no_combination_of_type_attributes_and_options():
    wishes = {split: {wish(goal) for goal in goals} for split, goals in SHOP.goals.items()}
    assert all(not wishes[a] & wishes[b] for a, b in itertools.combinations(wishes, 2))


def test_the_two_test_goals_of_a_product_differ():
    assert len({(goal.asin, wish(goal)) for goal in SHOP.goals["test"]}) == 300


def test_a_split_is_a_matter_of_seed_and_number():
    assert [split_of(i) for i in range(20)].count("train") == 14
    assert [split_of(i) for i in range(40)] != [split_of(i, seed=1) for i in range(40)]


def test_every_goal_is_satisfied_by_its_target():
    for goal in GOALS:
        target = BY_ASIN[goal.asin]
        assert satisfies(target, goal)
        assert 1 <= len(goal.attributes) <= 2
        assert list(goal.options) == list(target.options)
        assert goal.price_upper > target.price and goal.price_upper % 10 == 0


def test_a_product_lacks_what_its_pages_do_not_say():
    """The reward also looks for attributes in the text, so filler must not contain any."""
    pools = {kind.phrase: kind.attributes for kind in words.KINDS}
    for one in SHOP.products:
        said = {attribute for attribute in pools[one.query] if attribute in page_text(one)}
        assert said == set(one.attributes)


def test_most_attributes_are_not_in_the_title():
    shown = [attribute in one.title for one in SHOP.products for attribute in one.attributes]
    assert sum(shown) / len(shown) < 0.15


def test_no_attribute_or_option_of_a_type_passes_for_another():
    """Fuzzy matching accepts a token set ratio over 85."""
    for kind in words.KINDS:
        for pool in (kind.attributes, *(values for _, values in kind.options)):
            assert len(set(pool)) == len(pool)
            for a, b in itertools.combinations(pool, 2):
                assert token_set_ratio(a, b) <= 85, (kind.phrase, a, b)
                assert a not in b and b not in a


def test_types_share_no_word():
    said = [word for kind in words.KINDS for word in kind.phrase.split()]
    assert len(said) == len(set(said))


def test_a_family_is_a_base_and_three_near_misses():
    for first in range(0, 400, FAMILY):
        base, *others = (product(i) for i in range(first, first + FAMILY))
        for other in others:
            assert other.query == base.query
        changed = [
            (set(o.attributes) != set(base.attributes), o.options != base.options, o.price != base.price)
            for o in others
        ]
        assert changed == [(True, False, False), (False, True, False), (False, False, True)]
        assert len(set(base.attributes) - set(others[0].attributes)) == 1


def test_prices_read_as_the_shop_prints_them():
    for one in SHOP.products:
        assert one.price % 5 == 0
        assert one.price_tag == f"${one.price}"


def test_the_nouns_of_a_title_are_those_of_its_type():
    kinds = {kind.phrase: kind for kind in words.KINDS}
    assert SHOP.nouns("Norvel Slim Fit Dress Shirt shirt") == ["dress", "shirt", "shirt"]
    assert all(SHOP.nouns(one.title) == list(kinds[one.query].nouns) for one in SHOP.products)


def test_a_tiny_model_has_few_words_to_learn():
    said = set()
    for one in SHOP.products:
        options = " ".join(f"{name} {' '.join(values)}" for name, values in one.options.items())
        said |= set(re.findall(r"[a-z0-9]+", f"{page_text(one)} {options} {one.price_tag}"))
    for goal in GOALS:
        said |= set(re.findall(r"[a-z0-9]+", goal.text))
    assert 350 <= len(said) <= 450


def test_all_text_is_lower_case():
    assert all(page_text(one) == page_text(one).lower() for one in SHOP.products)
    assert all(goal.text == goal.text.lower() for goal in GOALS)


def test_records_hold_every_product_and_goal_and_survive_json():
    records = json.loads(json.dumps(SHOP.records()))
    assert set(records) == {"items_shuffle", "items_ins_v2", "items_human_ins"}
    items = {item["asin"]: item for item in records["items_shuffle"]}
    assert set(items) == set(records["items_ins_v2"]) == set(BY_ASIN)
    for asin, one in BY_ASIN.items():
        item = items[asin]
        assert (item["name"], item["full_description"]) == (one.title, one.description)
        assert item["pricing"] == f"${one.price:.2f}"
        told = {
            name: tuple(v["value"] for v in values) for name, values in item["customization_options"].items()
        }
        assert told == one.options
        assert records["items_ins_v2"][asin]["attributes"] == list(one.attributes)
    assert sum(len(entries) for entries in records["items_human_ins"].values()) == len(GOALS)
    for goal in GOALS:
        assert isinstance(goal.options, Mapping)
        entries = [
            (e["instruction_attributes"], e["instruction_options"])
            for e in records["items_human_ins"][goal.asin]
        ]
        assert (list(goal.attributes), list(goal.options.values())) in entries


@pytest.mark.parametrize("kind", ["human", "synthetic"])
def test_written_records_are_read_back_as_they_were(tmp_path, kind):
    for name, content in SHOP.records().items():
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    found = records.read(tmp_path, kind)
    assert list(found.products) == SHOP.products
    goals = build(found.products, found.wishes)
    assert not goals.refused
    if kind == "human":
        assert len(goals.accepted) == len(GOALS)
    by_asin = {one.asin: one for one in found.products}
    assert not any(unattained(by_asin[goal.asin], goal, SHOP.nouns) for goal in goals.accepted[:500])


def test_what_the_reward_accepts_is_what_is_exactly_asked_for():
    """The fuzzy matching of the reward opens no second way in this shop."""
    for goal in SHOP.goals["test"][:60]:
        for one in SHOP.products:
            if one.query == goal.query:
                won = winning_options(one, goal)
                earned = score(one, goal, won or {}, SHOP.nouns)
                assert (won is not None and earned.total == 1.0) == satisfies(one, goal)


def test_another_type_earns_nothing():
    for goal in SHOP.goals["test"][:20]:
        for one in SHOP.products[: FAMILY * len(words.KINDS) : FAMILY]:
            assert (score(one, goal, {}, SHOP.nouns).r_type == 1.0) == (one.query == goal.query)
            assert one.query == goal.query or score(one, goal, {}, SHOP.nouns).total == 0.0


def test_attributes_decide_where_the_target_ranks():
    index = Index((one.asin, document(one)) for one in SHOP.products)
    full, bare = [], []
    for goal in SHOP.goals["train"]:
        values = goal.options.values()
        full.append(index.hits(" ".join([goal.query, *goal.attributes, *values])).index(goal.asin))
        bare.append(index.hits(" ".join([goal.query, *values])).index(goal.asin))
    assert 0.45 < sum(rank == 0 for rank in full) / len(full) < 0.7
    assert sum(rank < 10 for rank in full) / len(full) > 0.97
    assert sum(rank == 0 for rank in bare) / len(bare) < 0.2


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"products": 0}, "products=0: a shop needs at least 1"),
        (
            {"instructions": "plane"},
            "instructions='plane' is not one of templates, plain; did you mean 'plain'?",
        ),
    ],
)
def test_bad_settings_are_refused_in_one_line(settings, message):
    with pytest.raises(ConfigError) as caught:
        world(**settings)
    assert str(caught.value) == message
