"""Prices, options and colours against the recorded ones and by hand."""

import pytest

from agentrl_envs.webshop.normalise import COLOURS, normalize_color, option_value, price_numbers, price_tag


def test_recorded_colours(golden):
    pairs = golden("reward")["normalize_color"]
    assert [normalize_color(text) for text, _ in pairs] == [colour for _, colour in pairs]


def test_there_are_102_colour_words_in_alphabetical_order():
    assert len(COLOURS) == 102
    assert list(COLOURS) == sorted(COLOURS)


@pytest.mark.parametrize(
    ("pricing", "numbers", "tag"),
    [
        ("$12.99", (12.99,), "$12.99"),
        ("$1,006.69", (1006.69,), "$1006.69"),
        ("$91.60 - $123.70", (91.6, 123.7), "$91.6 to $123.7"),
        ("$1 $2 $3", (1.0, 2.0), "$1.0 to $2.0"),
        ("", (100.0,), "$100.0"),
        ("12.99", (100.0,), "$100.0"),
    ],
)
def test_prices(pricing, numbers, tag):
    assert price_numbers(pricing) == numbers
    assert price_tag(numbers) == tag


@pytest.mark.parametrize("pricing", ["$", "$ - $5", "$1.2.3", "$" + "9" * 400])
def test_a_price_that_is_no_number_is_an_error(pricing):
    with pytest.raises(ValueError):
        price_numbers(pricing)


def test_option_values_are_stripped_lower_case_and_have_bars_for_slashes():
    assert option_value(" 9 Women/7.5 Men ") == "9 women | 7.5 men"
