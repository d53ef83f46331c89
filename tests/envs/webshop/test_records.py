"""WebShop's own files: what is read, and what is said about broken ones."""

import copy
import json

import pytest

from agentrl.errors import ConfigError, DataError
from agentrl_envs.webshop.records import parse, read


@pytest.fixture
def items(golden):
    return copy.deepcopy(golden("transcripts")["items_shuffle"])


@pytest.fixture
def attributes(golden):
    return copy.deepcopy(golden("transcripts")["items_ins_v2"])


def test_recorded_prices_and_tags(recorded):
    for asin, price in recorded.file["product_prices_human"].items():
        product = recorded.stock[asin]
        amounts = [float(part) for part in product.price_tag.replace("$", "").split(" to ")]
        if len(amounts) == 1:
            assert product.price == pytest.approx(price) == pytest.approx(amounts[0])
        else:
            assert amounts[0] <= product.price <= amounts[1]
            assert amounts[0] <= price <= amounts[1]


def test_price_draws_depend_on_the_seed_alone(items, attributes):
    first, again, other = (parse(items, attributes, seed=seed).products for seed in (0, 0, 1))
    assert first == again
    ranged = [i for i, product in enumerate(first) if " to " in product.price_tag]
    assert ranged
    assert all(first[i].price != other[i].price for i in ranged)


def test_products_are_normalised(items, attributes):
    items[0] |= {
        "query": " Coffee Table ",
        "small_description": "one",
        "customization_options": {"Color": [{"value": " White/Gold "}], "size": None},
    }
    product = parse(items, attributes).products[0]
    assert product.query == "coffee table"
    assert product.bullets == ("one",)
    assert product.options == {"color": ("white | gold",)}


def test_bad_asins_and_repeats_are_skipped_and_the_limit_counts_records(items, attributes):
    items[1]["asin"] = "nan"
    items[2]["asin"] = items[0]["asin"]
    items[3]["asin"] = "B0123456789"
    found = parse(items, attributes, limit=5).products
    assert [product.asin for product in found] == [items[0]["asin"], items[4]["asin"]]


def test_a_product_without_attributes_gets_the_dummy_with_human_goals(items, attributes):
    del attributes[items[0]["asin"]]
    assert parse(items, attributes, {}).products[0].attributes == ("DUMMY_ATTR",)


def test_synthetic_goals_need_every_product_in_the_attribute_file(items, attributes):
    asin = items[0]["asin"]
    del attributes[asin]
    with pytest.raises(DataError, match=f"items_ins_v2: record {asin}: it is missing"):
        parse(items, attributes)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: r.update(pricing=None), r"record 3 \(B\w+\): field 'pricing' is null, not text"),
        (lambda r: r.update(pricing=12.5), r"field 'pricing' is 12.5, not text"),
        (lambda r: r.update(pricing="$-"), r"field 'pricing' is '\$-', which holds no price"),
        (lambda r: r.pop("asin"), r"items_shuffle: record 3: field 'asin' is missing"),
        (lambda r: r.update(asin=7), r"record 3: field 'asin' is 7, not text"),
        (lambda r: r.pop("name"), r"record 3 \(B\w+\): field 'name' is missing"),
        (lambda r: r.update(full_description=[]), r"field 'full_description' is a list, not text"),
        (lambda r: r.update(small_description=["a", None]), r"item 1 of field 'small_description' is null"),
        (lambda r: r.update(small_description=3), r"'small_description' is 3, not text or a list"),
        (lambda r: r.update(product_category=None), r"'product_category' is null, not text"),
        (lambda r: r.update(customization_options=[1]), r"'customization_options' is not an object"),
        (lambda r: r.update(customization_options={"size": "x"}), r"option 'size': it is text, not a list"),
        (lambda r: r.update(customization_options={"size": [{}]}), r"'size': field 'value' is missing"),
        (lambda r: r.update(customization_options={"size": [{"value": 8}]}), r"field 'value' is 8, not text"),
        (lambda r: r.update(images={"a": 1}), r"field 'images' is an object, not a list"),
    ],
)
def test_a_broken_product_is_named_with_its_field(items, attributes, change, message):
    change(items[3])
    with pytest.raises(DataError, match=message) as caught:
        parse(items, attributes)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda e: e.pop("instruction"), r"field 'instruction' is missing"),
        (lambda e: e.update(instruction=None), r"field 'instruction' is null, not text"),
        (lambda e: e.update(instruction_attributes="red"), r"'instruction_attributes' is text, not a list"),
        (
            lambda e: e.update(instruction_options=[1]),
            r"item 0 of field 'instruction_options' is 1, not text",
        ),
    ],
)
def test_a_broken_instruction_is_named_with_its_field(golden, items, attributes, change, message):
    human = copy.deepcopy(golden("transcripts")["items_human_ins"])
    change(human[items[3]["asin"]][0])
    with pytest.raises(DataError, match=r"items_human_ins.json: record B\w+, instruction 0: .*" + message):
        parse(items, attributes, human)


@pytest.mark.parametrize("content", [None, 3, "text", {}, [[]], [None], ["B0"], [{}]])
def test_contents_of_the_wrong_shape_are_data_errors(attributes, content):
    with pytest.raises(DataError, match="items_shuffle: "):
        parse(content, attributes)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b'[{"asin": "B0', r"items_shuffle.json: not JSON at line 1, column \d+"),
        (b"", r"items_shuffle.json: not JSON at line 1, column 1"),
        (b'["\xff"]', r"items_shuffle.json: not UTF-8 text at byte \d+"),
        (b"[" * 100_000, r"items_shuffle.json: "),
        (b"[" + b"1" * 5000 + b"]", r"items_shuffle.json: "),
    ],
)
def test_a_file_that_is_not_json_is_named(folder, text, message):
    (folder / "items_shuffle.json").write_bytes(text)
    with pytest.raises(DataError, match=message) as caught:
        read(folder)
    assert "\n" not in str(caught.value)


def test_every_truncation_of_a_file_is_one_line(folder):
    whole = (folder / "items_ins_v2.json").read_bytes()
    for cut in range(0, len(whole) - 1, 997):
        (folder / "items_ins_v2.json").write_bytes(whole[:cut])
        with pytest.raises(DataError) as caught:
            read(folder)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["items_shuffle.json", "items_ins_v2.json"])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(ConfigError, match=name.removesuffix(".json")):
        read(folder)


def test_a_missing_folder_is_named(folder):
    with pytest.raises(ConfigError, match="no such folder"):
        read(folder / "nowhere")


def test_human_goals_without_their_file_are_an_error_and_by_default_synthetic(folder):
    (folder / "items_human_ins.json").unlink()
    with pytest.raises(ConfigError, match="items_human_ins"):
        read(folder, "human")
    assert all(wish.options is None for wish in read(folder).wishes)


def test_the_smallest_file_that_suffices_is_read(folder, items):
    (folder / "items_shuffle_10.json").write_text(json.dumps(items[40:]))
    assert read(folder, limit=10).products[0].asin == items[40]["asin"]
    assert read(folder, limit=11).products[0].asin == items[0]["asin"]
