"""Pages and clicks: the recorded episodes, and one test for each oddity of the original."""

import re
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agentrl_envs.webshop.pages import START, Shop, State, parsed
from agentrl_envs.webshop.product import Goal, Product
from agentrl_envs.webshop.render import page

TEA = Product(
    asin="B0TEA00001",
    title="Harlow Tea",
    description="",
    bullets=("Loose leaf", ""),
    category="grocery",
    query="tea",
    product_category="Food › Tea",
    options={"color": ("red", "dark red"), "trim": ("red", "gold")},
    price_tag="$5.0",
    price=5.0,
    attributes=("loose leaf",),
)
WISH = Goal(TEA.asin, "grocery", "tea", TEA.title, TEA.product_category, "Find tea", ("loose leaf",), 10.0)


def small_shop(view="text", options=None, **more):
    tea = TEA if options is None else replace(TEA, options=options)
    shop = Shop({tea.asin: tea}, lambda query: (tea.asin,) if "tea" in query else (), WISH, view=view, **more)
    return shop


def at_item(view="text", options=None, **more):
    shop = small_shop(view, options, **more)
    assert shop.do("search[tea]")
    assert shop.do(f"click[{TEA.asin}]")
    return shop


def test_recorded_episodes_byte_for_byte(recorded):
    states = 0
    for episode in recorded.file["transcripts"]:
        shop = recorded.shop(episode["mode"], episode["goal_kind"], episode["goal_index"])
        for step in episode["steps"]:
            if step["action"] is not None:
                shop.do(step["action"])
            assert page(shop, step["reward"]) == step["obs"]
            assert shop.clickables() == step["available"]["clickables"]
            assert (shop.state.kind == "start") == step["available"]["has_search_bar"]
            assert (shop.state.kind == "done") == step["done"]
            states += 1
    assert (len(recorded.file["transcripts"]), states) == (28, 228)


@given(st.text(alphabet="ab[]\n Xclick", max_size=14))
@example("search[a] click[b]")
@example("x[\n]")
@example("[[]]")
@example("a[b]]")
def test_the_grammar_is_the_originals_pattern(action):
    match = re.match(r"(.+)\[(.+)\]", action)
    assert parsed(action) == ((match[1], match[2].lower()) if match else None)


@pytest.mark.parametrize("view", ["text", "text_rich", "handles"])
@pytest.mark.parametrize(
    "action",
    [
        "",
        "tea",
        "search[]",
        "search",
        "Search[tea]",
        "SEARCH[tea]",
        " search[tea]",
        "search[tea",
        "click[search]",
        "search[a] click[b]",
        "click[x]",
        "click[buy now]",
        "click[]",
        "buy[now]",
        "search[te\na]",
        "]tea[",
        "[tea]",
    ],
)
def test_what_is_of_no_use_changes_nothing(view, action):
    shop = small_shop(view)
    before = page(shop)
    assert not shop.do(action)
    assert shop.state == START
    assert page(shop) == before


def test_a_search_for_a_blank_is_a_search_that_finds_nothing(recorded):
    shop = recorded.shop()
    assert shop.do("search[ ]")
    assert "Page 1 (Total results: 0) [SEP] Next >" in page(shop)


@pytest.mark.parametrize("on", [[], ["search[cup]"], ["search[tea]", "click[b0tea00001]"]])
@pytest.mark.parametrize("sub", [[], ["click[description]"]])
def test_search_works_on_every_page(on, sub):
    shop = small_shop()
    for action in on + (sub if len(on) == 2 else []):
        assert shop.do(action)
    assert shop.do("search[Tea]")
    assert (shop.state.kind, shop.state.query, shop.state.page) == ("results", "tea", 1)


def test_text_after_the_last_bracket_is_ignored():
    shop = small_shop()
    assert shop.do("search[tea] please")
    assert shop.results == ("B0TEA00001",)


def test_next_is_offered_for_ever_and_prev_from_page_two():
    shop = small_shop()
    shop.do("search[tea]")
    assert "< prev" not in shop.clickables()
    assert not shop.do("click[< prev]")
    for number in range(2, 9):
        assert shop.do("click[next >]")
        assert shop.state.page == number
        assert shop.results == ()
        assert shop.clickables() == ["back to search", "< prev", "next >"]
    assert shop.do("click[< Prev]")
    assert shop.state.page == 7


def test_going_back_to_the_results_or_searching_forgets_product_and_options():
    for action in ("click[< prev]", "search[tea]"):
        shop = at_item()
        shop.do("click[gold]")
        assert shop.do(action)
        assert (shop.state.asin, shop.state.options) == ("", ())


def test_sub_pages_keep_options_and_lead_back_to_the_product():
    shop = at_item()
    shop.do("click[gold]")
    for name in ("description", "features", "reviews"):
        assert shop.do(f"click[{name}]")
        assert shop.clickables() == ["back to search", "< prev"]
        assert shop.do("click[< prev]")
        assert (shop.state.kind, shop.state.options) == ("item", (("trim", "gold"),))


def test_back_to_search_forgets_everything():
    shop = at_item()
    shop.do("click[gold]")
    assert shop.do("click[back to search]")
    assert shop.state == START


def test_a_chosen_option_is_invisible_in_text_and_shown_in_the_other_views():
    for view, shown in (("text", False), ("text_rich", True), ("handles", True)):
        shop = at_item(view)
        before = page(shop)
        assert shop.do("click[gold]")
        assert (page(shop) != before) == shown


def test_choosing_again_in_a_group_replaces_the_choice():
    shop = at_item()
    shop.do("click[dark red]")
    shop.do("click[gold]")
    shop.do("click[red]")
    assert shop.state.options == (("color", "dark red"), ("trim", "red"))


def test_a_value_in_two_groups_is_one_clickable_of_the_last_group():
    shop = at_item()
    assert shop.clickables().count("red") == 1
    shop.do("click[red]")
    assert shop.state.options == (("trim", "red"),)


def test_an_option_that_reads_like_a_button_acts_as_that_button():
    shop = at_item(options={"size": ("attributes", "next >", "search")})
    assert shop.do("click[next >]")
    assert shop.state.options == (("size", "next >"),)
    assert not shop.do("click[search]")
    assert shop.do("click[attributes]")
    assert page(shop).endswith("< Prev [SEP] loose leaf [SEP] grocery [SEP] tea [SEP] Food › Tea")


def test_the_attributes_page_is_offered_on_request_only():
    assert "attributes" not in at_item().clickables()
    shop = at_item(show_attributes=True)
    assert "Reviews [SEP] Attributes [SEP] Buy Now" in page(shop)
    assert shop.do("click[attributes]")
    assert shop.state.sub == "attributes"


def test_a_query_cannot_lead_to_another_page():
    """The original reads the page's kind out of its address, which holds the query."""
    shop = small_shop()
    shop.do("search[tea search_results]")
    shop.do("click[b0tea00001]")
    shop.do("click[description]")
    assert shop.do("click[< prev]")
    assert shop.state.kind == "item"


def test_empty_and_blank_strings_are_written_as_the_original_writes_them():
    shop = at_item()
    shop.do("click[description]")
    assert page(shop).endswith("[SEP] < Prev")
    shop.do("click[< prev]")
    shop.do("click[features]")
    assert page(shop).endswith("[SEP] < Prev [SEP] Loose leaf [SEP] ")


def test_rich_text_marks_products_seen_and_a_new_start_forgets_them():
    shop = at_item("text_rich")
    shop.do("click[< prev]")
    assert "\n[clicked button] B0TEA00001 [clicked button_]\n" in page(shop)
    shop.do("click[back to search]")
    shop.do("search[tea]")
    assert "\n[button] B0TEA00001 [button_]\n" in page(shop)


def test_rich_text_lists_choices_last_first_and_is_fooled_by_quotes_in_the_query():
    shop = small_shop("text_rich")
    shop.do('search[tea "gold"]')
    shop.do("click[b0tea00001]")
    assert page(shop).startswith("You have clicked gold.\nInstruction:")
    shop.do("click[dark red]")
    assert page(shop).startswith("You have clicked gold.\nYou have clicked dark red.\nInstruction:")


def test_nothing_can_be_done_after_buying():
    shop = at_item()
    assert shop.do("click[Buy Now]")
    assert shop.clickables() == []
    assert not shop.do("search[tea]")


def test_the_last_page_escapes_options_as_the_original_does():
    shop = at_item(options={"scent": ("mint & lime's <b>",)})
    assert shop.do("click[mint & lime's <b>]")
    shop.do("click[buy now]")
    assert r'{"scent": "mint \u0026 lime\u0027s \u003cb\u003e"}' in page(shop, 0.5)


def test_handles_stand_after_the_price_and_open_the_product():
    shop = small_shop("handles")
    assert page(shop) == "webshop ; search"
    shop.do("search[tea]")
    assert page(shop) == "back to search ; page 1 ; next > ; harlow tea $5 n0"
    assert shop.clickables() == ["back to search", "next >", "n0"]
    assert shop.handle("B0TEA00001") == "n0"
    assert not shop.do("click[n1]")
    assert not shop.do("click[n²]")
    assert shop.do("click[n0]")
    assert shop.state.asin == "B0TEA00001"


def test_asins_open_products_in_every_view_and_handles_in_one():
    for view in ("text", "text_rich", "handles"):
        shop = small_shop(view)
        shop.do("search[tea]")
        assert shop.handle("B0TEA00001") == ("n0" if view == "handles" else "b0tea00001")
        assert shop.do("click[b0tea00001]")
    shop = small_shop("text")
    shop.do("search[tea]")
    assert not shop.do("click[n0]")


def test_the_item_page_with_handles_marks_what_is_chosen():
    shop = at_item("handles")
    shop.do("click[gold]")
    assert page(shop) == (
        "back to search ; < prev ; color ; red ; dark red ; trim ; red"
        " ; gold (chosen) ; harlow tea ; price $5 ; description ; features"
        " ; reviews ; buy now"
    )


def test_pages_with_handles_repeat_neither_instruction_nor_asin_nor_total(recorded):
    shop = recorded.shop("handles")
    for action in ("search[tea]", "click[n0]", "click[features]", "click[< prev]", "click[buy now]"):
        assert shop.do(action)
        text = page(shop)
        assert shop.goal.text.lower() not in text
        assert "total" not in text
        assert not re.search(r"b0\w{8}", text)


def test_the_second_page_starts_at_n0_again(recorded):
    shop = recorded.shop("handles")
    shop.do("search[free great gift for friends]")
    shop.do("click[next >]")
    assert " n0 ;" in page(shop)
    assert shop.do("click[n0]")
    assert shop.state.asin == shop.found[10]


def test_states_are_values():
    one = State("item", "tea", 2, "B0", (("color", "red"),), frozenset({"B0"}))
    assert one == replace(one)
    assert hash(one) == hash(replace(one))
