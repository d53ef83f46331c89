"""Prices, options and colours as WebShop writes and compares them."""

import math
import re

NO_PRICE = 100.0
"""dollars; what a product without a price costs"""

_COLOURS = """
    alabaster apricot aqua ash asphalt azure banana beige black blue blush bordeaux bronze brown burgundy
    camel camo caramel champagne charcoal cheetah chestnut chocolate christmas coffee cognac copper coral
    cranberry cream crystal dark denim eggplant elephant espresso fuchsia gold granite grape graphite grass
    gray green grey heather indigo ivory ivy khaki lavender lemon leopard light lilac lime magenta maroon
    mauve merlot midnight mint mocha multicolor mushroom mustard natural navy nude olive orange peach pewter
    pink plum purple rainbow red rose royal rust sand sapphire seashell silver skull slate steel stone
    stonewash sunflower tan taupe teal tiger turquoise violet walnut wheat white wine yellow
"""
COLOURS: tuple[str, ...] = tuple(_COLOURS.split())
"""WebShop's colour words, in the order in which they are looked for"""

_NOT_NUMBER = re.compile(r"[^\d.]", re.ASCII)


def price_numbers(pricing: str) -> tuple[float, ...]:
    """Return the dollar amounts written after each "$" of `pricing`; none written: the price of no price.

    Errors: ValueError where a "$" is not followed by a finite number.

    >>> price_numbers("$1,006.69"), price_numbers("$10.0 - $15.5"), price_numbers("")
    ((1006.69,), (10.0, 15.5), (100.0,))
    """
    amounts = tuple(float(_NOT_NUMBER.sub("", part)) for part in pricing.split("$")[1:])
    if not all(map(math.isfinite, amounts)):
        raise ValueError(f"{pricing!r} holds no finite price")
    return amounts[:2] or (NO_PRICE,)


def price_tag(amounts: tuple[float, ...]) -> str:
    """Return the price as the pages print it.

    >>> price_tag((23.5,)), price_tag((91.6, 123.7))
    ('$23.5', '$91.6 to $123.7')
    """
    return " to ".join(f"${amount}" for amount in amounts)


def option_value(value: str) -> str:
    """Return an option's value as the pages print it and actions name it.

    >>> option_value(" White/Gold ")
    'white | gold'
    """
    return value.strip().replace("/", " | ").lower()


def normalize_color(text: str) -> str:
    """Return the first of the colour words that occurs anywhere in `text`, else `text` itself.

    Edge: case counts, and so do accidents: "standard" holds "tan", "stone washed" holds "ash".

    >>> normalize_color("navy blue"), normalize_color("dark grey"), normalize_color("x-large")
    ('blue', 'dark', 'x-large')
    """
    return next((colour for colour in COLOURS if colour in text), text)
