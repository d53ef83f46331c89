"""What a purchase earns: WebShop's reward and its parts, and a strict variant without its loopholes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from rapidfuzz import fuzz
from rapidfuzz.utils import default_process

from agentrl_envs.webshop.normalise import COLOURS, normalize_color, option_value
from agentrl_envs.webshop.product import Goal, Product

Nouns = Callable[[str], list[str]]
"""from a title to its nouns, lower case, repeats kept"""

CLOSE = 85
"""texts whose ratio is above this count as the same"""
_LATIN1 = dict.fromkeys(range(128, 256))


@dataclass(frozen=True, slots=True)
class Score:
    """A reward and its parts."""

    total: float
    """in [0, 1]"""
    attributes_met: int
    options_met: int
    r_att: float
    """share of the goal's attributes met"""
    r_option: float | None
    """share of the goal's options met; None where it has none"""
    r_price: bool
    """the price is within the limit"""
    r_type: float
    """0, 0.1, 0.5 or 1: is it the kind of thing asked for?"""
    query_match: bool
    category_match: bool
    title_score: float
    """share of the goal title's nouns found in the bought title"""


@lru_cache(maxsize=1 << 16)
def token_set_ratio(one: str, two: str) -> int:
    """Return how alike two texts are as sets of words, 0 to 100, rounded.

    Edge: letters of the Latin-1 supplement are dropped first, so "café" is "caf"; an empty text is like nothing.

    >>> token_set_ratio("large", "x-large"), token_set_ratio("x-large", "xx-large"), token_set_ratio("", "")
    (100, 93, 0)
    """
    ratio = fuzz.token_set_ratio(default_process(one.translate(_LATIN1)), default_process(two.translate(_LATIN1)))
    return round(ratio)


def score(
    product: Product, goal: Goal, chosen: Mapping[str, str], nouns: Nouns, *, strict: bool = False
) -> Score:
    """Return what buying `product` with the chosen options (name to value) earns under `goal`.

    Source: Yao et al. 2022, "WebShop", arXiv:2207.01206, section 3: r_type (attributes + options + price met)
            / (attributes + options + 1).
    Edge:   `strict` asks every option to be equal in its own group; the rest is unchanged.
    """
    attributes = sum(_has(product, attribute) for attribute in goal.attributes)
    options = (_strict_options if strict else _close_options)(chosen, goal)
    within = product.price <= goal.price_upper
    query = product.query == goal.query
    category = len(_path(product.product_category) & _path(goal.product_category)) >= 2
    title = _title_score(nouns(product.title), nouns(goal.name))
    r_type = _type_reward(title, query or category)
    asked = len(goal.attributes) + len(goal.options) + 1
    return Score(
        total=(attributes + options + within) / asked * r_type,
        attributes_met=attributes,
        options_met=options,
        r_att=attributes / len(goal.attributes),
        r_option=options / len(goal.options) if goal.options else None,
        r_price=within,
        r_type=r_type,
        query_match=query,
        category_match=category,
        title_score=title,
    )


def winning_options(product: Product, goal: Goal, *, strict: bool = False) -> dict[str, str] | None:
    """Return a choice of the product's options that meets every option of the goal; None: there is none."""
    wanted = list(goal.options.items()) if isinstance(goal.options, Mapping) else [("", v) for v in goal.options]

    def fill(index: int, chosen: dict[str, str]) -> dict[str, str] | None:
        if index == len(wanted):
            return chosen
        name, value = wanted[index]
        one = Goal("", "", "", "", "", "", (), 0.0, {name: value} if name else (value,))
        met = _strict_options if strict else _close_options
        if not strict and met(chosen, one):
            return fill(index + 1, chosen)
        for group, values in sorted(product.options.items(), key=lambda item: item[0] != name):
            # An equal value is tried before one that only passes for it.
            for offered in sorted(values, key=lambda offered: offered != value):
                if group not in chosen and met({group: offered}, one):
                    filled = fill(index + 1, {**chosen, group: offered})
                    if filled is not None:
                        return filled
        return None

    return fill(0, {})


def _has(product: Product, attribute: str) -> bool:
    """Return whether an attribute is among the product's own, or written in its texts."""
    if any(token_set_ratio(own, attribute) > CLOSE for own in product.attributes):
        return True
    # As in the original only the product's side is lower-cased.
    texts = (product.title, " ".join(product.bullets), product.description)
    return any(attribute in text.lower() for text in texts)


def _close_options(chosen: Mapping[str, str], goal: Goal) -> int:
    offered = [normalize_color(value) for value in chosen.values()]
    if isinstance(goal.options, Mapping):
        wanted = [_pair(name, value) for name, value in goal.options.items()]
    else:
        wanted = [normalize_color(value) for value in goal.options]
    return sum(any(token_set_ratio(have, want) > CLOSE for have in offered) for want in wanted)


@lru_cache(maxsize=1 << 12)
def _pair(name: str, value: str) -> str:
    """Return the text a named option is compared as.

    The original hands the pair itself to the colour normaliser, where "contains" means "has as an element", and
    then to the ratio, which reads the pair's printed form.
    """
    pair = (name, value)
    return next((colour for colour in COLOURS if colour in pair), str(pair))


def _strict_options(chosen: Mapping[str, str], goal: Goal) -> int:
    have = {name.lower(): option_value(value) for name, value in chosen.items()}
    if isinstance(goal.options, Mapping):
        return sum(have.get(name.lower()) == option_value(value) for name, value in goal.options.items())
    left = list(have.values())
    met = 0
    for value in map(option_value, goal.options):
        if value in left:
            left.remove(value)  # one group answers one wish
            met += 1
    return met


@lru_cache(maxsize=1 << 12)
def _path(product_category: str) -> frozenset[str]:
    return frozenset(element.strip() for element in product_category.split("›"))


def _title_score(bought: list[str], wanted: list[str]) -> float:
    return len(set(bought) & set(wanted)) / len(wanted) if wanted else 0.2


def _type_reward(title_score: float, same_kind: bool) -> float:
    if title_score == 0.0:
        return 0.0
    if title_score < 0.1:
        return 0.1
    return 1.0 if same_kind or title_score > 0.2 else 0.5
