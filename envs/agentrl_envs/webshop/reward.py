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

    Edge: letters of the Latin-1 supplement are dropped first, so "café" is "caf"; an empty text is like
          nothing.

    >>> token_set_ratio("large", "x-large"), token_set_ratio("x-large", "xx-large"), token_set_ratio("", "")
    (100, 93, 0)
    """
    first, second = (default_process(text.translate(_LATIN1)) for text in (one, two))
    return round(fuzz.token_set_ratio(first, second))


def score(
    product: Product, goal: Goal, chosen: Mapping[str, str], nouns: Nouns, *, strict: bool = False
) -> Score:
    """Return what buying `product` with the chosen options (name to value) earns under `goal`.

    Source: Yao et al. 2022, "WebShop", arXiv:2207.01206, section 3: r_type (attributes + options + price met)
            / (attributes + options + 1).
    Edge:   `strict` asks every option to be equal in its own group; the rest is unchanged.
    """
    attributes = sum(_has(product, attribute) for attribute in goal.attributes)
    wishes = _wishes(goal)
    options = _options_met(chosen, wishes, strict)
    within = product.price <= goal.price_upper
    query = product.query == goal.query
    category = len(_path(product.product_category) & _path(goal.product_category)) >= 2
    title = _title_score(nouns(product.title), nouns(goal.name))
    r_type = _type_reward(title, query or category)
    asked = len(goal.attributes) + len(wishes) + 1
    return Score(
        total=(attributes + options + within) / asked * r_type,
        attributes_met=attributes,
        options_met=options,
        r_att=attributes / len(goal.attributes),
        r_option=options / len(wishes) if wishes else None,
        r_price=within,
        r_type=r_type,
        query_match=query,
        category_match=category,
        title_score=title,
    )


def winning_options(product: Product, goal: Goal, *, strict: bool = False) -> dict[str, str] | None:
    """Return a choice of the product's options that meets every option of the goal; None: there is none.

    Edge: equal values come first; values that only pass for what is asked are used where those do not do.
    """
    wishes = _wishes(goal)
    for fits in (_equal,) if strict else (_equal, _close):
        chosen = _covering(product.options, wishes, fits, once=strict)
        if chosen is not None and _options_met(chosen, wishes, strict) == len(wishes):
            return chosen
    return None


_Wish = tuple[str | None, str]
"""(group, value) of an option asked for; human goals do not name the group"""
_Fits = Callable[[str, str, _Wish], bool]
"""does choosing this value in this group meet the wish?"""


def _wishes(goal: Goal) -> list[_Wish]:
    if isinstance(goal.options, Mapping):
        return list(goal.options.items())
    return [(None, value) for value in goal.options]


def _close(_group: str, value: str, wish: _Wish) -> bool:
    return token_set_ratio(normalize_color(value), _compared(wish)) > CLOSE


def _equal(group: str, value: str, wish: _Wish) -> bool:
    name, wanted = wish
    return option_value(value) == option_value(wanted) and (name is None or name.lower() == group.lower())


@lru_cache(maxsize=1 << 12)
def _compared(wish: _Wish) -> str:
    """Return the text a wished option is compared as.

    The original hands a named option as a pair to the colour normaliser, where "contains" then means "has as
    an element", and on to the ratio, which reads the pair's printed form.
    """
    name, value = wish
    if name is None:
        return normalize_color(value)
    return next((colour for colour in COLOURS if colour in (name, value)), str((name, value)))


def _options_met(chosen: Mapping[str, str], wishes: list[_Wish], strict: bool) -> int:
    if not strict:
        return sum(any(_close(group, value, wish) for group, value in chosen.items()) for wish in wishes)
    left, met = dict(chosen), 0
    for wish in wishes:
        group = next((group for group, value in left.items() if _equal(group, value, wish)), None)
        if group is not None:
            del left[group]  # one choice answers one wish
            met += 1
    return met


def _covering(
    options: Mapping[str, tuple[str, ...]], wishes: list[_Wish], fits: _Fits, *, once: bool
) -> dict[str, str] | None:
    """Return one value a group, of groups that help, which together fit all wishes; None: none do.

    `once`: a value answers one of the wishes that it fits, not all of them.
    """
    # For every set of wishes that can be met, the first choice that meets it.
    found: dict[frozenset[int], dict[str, str]] = {frozenset(): {}}
    for group, values in options.items():
        before = list(found.items())
        for value in values:
            met = [number for number, wish in enumerate(wishes) if fits(group, value, wish)]
            for more in [frozenset([number]) for number in met] if once else [frozenset(met)]:
                for already, chosen in before:
                    found.setdefault(already | more, {**chosen, group: value})
    return found.get(frozenset(range(len(wishes))))


def _has(product: Product, attribute: str) -> bool:
    """Return whether an attribute is among the product's own, or written in its texts."""
    if any(token_set_ratio(own, attribute) > CLOSE for own in product.attributes):
        return True
    # As in the original only the product's side is lower-cased.
    texts = (product.title, " ".join(product.bullets), product.description)
    return any(attribute in text.lower() for text in texts)


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
