"""From wishes to goals: price limits, weights, refusals and splits."""

import itertools
import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from agentrl.env import SPLITS, Split
from agentrl_envs.webshop.product import Goal, Product
from agentrl_envs.webshop.records import Wish

NO_LIMIT = 1_000_000.0
"""dollars; the limit of a goal that names none"""
LADDER = tuple(10.0 * rung for rung in range(1, 100))
"""dollars; the limits an instruction can name"""
TEST, DEV = 500, 1000
"""goals of the paper's splits; the rest trains"""
_SMALL = 2000


@dataclass(frozen=True, slots=True)
class Goals:
    """Goals that can be scored, and why the others cannot."""

    accepted: tuple[Goal, ...]
    refused: tuple[str, ...]
    """one line a goal: asin and reason"""


def price_limit(price: float, dice: random.Random) -> tuple[float, str]:
    """Return a price limit above `price` and the clause that names it.

    Edge: of the next four rungs of the ladder two are drawn and the higher counts; where fewer than two rungs
          are left there is no limit and no clause.

    >>> price_limit(35.0, random.Random(0))
    (70.0, ', and price lower than 70.00 dollars')
    >>> price_limit(985.0, random.Random(0))
    (1000000.0, '')
    """
    above = [rung for rung in LADDER if rung > price][:4]
    if len(above) < 2:
        return NO_LIMIT, ""
    limit = max(dice.sample(above, 2))
    return limit, f", and price lower than {limit:.2f} dollars"


def build(products: Iterable[Product], wishes: Iterable[Wish], *, seed: int = 0) -> Goals:
    """Return the goals of all wishes, in order, with their weights.

    Edge: price limits come from a stream of their own named by `seed`. A weight is 1 for a human goal and the
          mean of 1 / (goals that share the attribute) for a synthetic one.
    """
    stock = {product.asin: product for product in products}
    dice = random.Random(f"webshop/limits/{seed}")
    made: list[tuple[Goal, bool]] = []
    refused: list[str] = []
    for wish in wishes:
        for goal in _goals(stock[wish.asin], wish, dice):
            why = refusal(goal)
            if why:
                refused.append(f"{goal.asin}: {why}")
            else:
                made.append((goal, wish.options is None))
    shared = Counter(attribute for goal, _ in made for attribute in goal.attributes)

    def weight(goal: Goal) -> float:
        return sum(1 / shared[attribute] for attribute in goal.attributes) / len(goal.attributes)

    weighed = (replace(goal, weight=weight(goal)) if synthetic else goal for goal, synthetic in made)
    return Goals(tuple(weighed), tuple(refused))


def refusal(goal: Goal) -> str:
    """Return why a goal cannot be scored, or an empty string."""
    if not goal.attributes:
        return "the goal has no attributes"
    if not goal.price_upper > 0:
        return f"the goal's price limit is {goal.price_upper}, not above 0"
    return ""


def splits(goals: Sequence[Goal], *, seed: int = 0) -> dict[Split, tuple[Goal, ...]]:
    """Return the goals shuffled and dealt: the first 500 test, the next 1000 dev, the rest train.

    Edge: fewer than 2000 goals are dealt a quarter, a quarter and a half. The order depends on `seed` alone.
    """
    order = list(goals)
    random.Random(f"webshop/split/{seed}").shuffle(order)
    test, dev = (TEST, DEV) if len(order) >= _SMALL else (len(order) // 4, len(order) // 4)
    dev += test
    cuts: dict[Split, list[Goal]] = {"train": order[dev:], "dev": order[test:dev], "test": order[:test]}
    return {split: tuple(cuts[split]) for split in SPLITS}


def _goals(product: Product, wish: Wish, dice: random.Random) -> list[Goal]:
    limit, clause = price_limit(product.price, dice)
    blank = Goal(
        asin=product.asin,
        category=product.category,
        query=product.query,
        name=product.title,
        product_category=product.product_category,
        text="",
        attributes=wish.attributes,
        price_upper=limit,
    )
    if wish.options is not None:
        return [replace(blank, text=wish.instruction + clause, options=wish.options)]
    names = sorted(product.options)
    goals: list[Goal] = []
    for values in itertools.product(*(product.options[name] for name in names)):
        chosen = dict(zip(names, values, strict=True))
        asked = ", and ".join(f"{name}: {value}" for name, value in chosen.items())
        text = wish.instruction + (f" with {asked}" if asked else "") + clause
        goals.append(replace(blank, text=text, options=chosen))
    return goals
