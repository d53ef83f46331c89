"""The embedded shop: products and goals made from a seed, to any size.

| what | how |
|---|---|
| product i | a pure function of (seed, i), whatever the size of the shop |
| family | products 4k to 4k+3: a base; one attribute, one option value or the price changed |
| attributes | 2 or 3; one in the first bullet, the rest in the description, now and then one in the title |
| split of a product | by index: of every 20 in a row, 14 train, 3 dev, 3 test |
| split of a wish (type, attributes, options) | by hash, a third each: no wish is in two splits |
| goals | one a train product, one a dev product, two a test product |
"""

import hashlib
import itertools
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from agentrl.env import SPLITS, Split
from agentrl.errors import ConfigError
from agentrl_envs.webshop import words
from agentrl_envs.webshop.instructions import UNPRICED, Template, templates, wording
from agentrl_envs.webshop.product import Goal, Product

FAMILY = 4
"""products in a family"""
BLOCK = 20
"""products in a row that hold every split in its exact share"""
_SHARES: tuple[Split, ...] = ("train",) * 14 + ("dev",) * 3 + ("test",) * 3
_GOALS: dict[Split, int] = {"train": 1, "dev": 1, "test": 2}
_DRAWN = 24
"""wishes among which a goal is chosen"""
_Wish = tuple[tuple[str, ...], dict[str, str]]
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class World:
    """A shop and what its customers want."""

    products: list[Product]
    goals: dict[Split, list[Goal]]
    nouns: Callable[[str], list[str]]
    """the nouns of a title"""

    def records(self) -> dict[str, Any]:
        """Return the shop as the three JSON values that WebShop reads, keyed by file name without ending.

        Edge: price limits are not written; WebShop draws them when it loads. Human instructions therefore
              carry every word but the price.
        """
        return {
            "items_shuffle": [_item(product) for product in self.products],
            "items_ins_v2": {product.asin: _instruction(product) for product in self.products},
            "items_human_ins": _human(itertools.chain.from_iterable(self.goals.values())),
        }


def world(products: int = 1000, seed: int = 0, instructions: str = "templates") -> World:
    """Return the shop of this size and seed, with its goals.

    Errors: ConfigError on a size below 1 or an unknown kind of instructions.
    """
    if products < 1:
        raise ConfigError(f"products={products}: a shop needs at least 1")
    sentences = templates(instructions)
    made = [product(i, seed) for i in range(products)]
    goals: dict[Split, list[Goal]] = {split: [] for split in SPLITS}
    for i, one in enumerate(made):
        split = split_of(i, seed)
        goals[split].extend(_goals(one, i, seed, split, sentences))
    return World(made, goals, words.title_nouns)


def product(i: int, seed: int = 0) -> Product:
    """Return product number `i` of the shop with this seed."""
    family, role = divmod(i, FAMILY)
    kind = words.KINDS[(family + seed) % len(words.KINDS)]
    common = random.Random(f"{seed}/family/{family}")
    own = random.Random(f"{seed}/product/{i}")
    attributes = common.sample(kind.attributes, common.choices((2, 3), (1, 4))[0])
    options = {
        name: common.sample(pool, min(common.choice((3, 4)), len(pool) - 1)) for name, pool in kind.options
    }
    price = 5 * common.randint(kind.low // 5, kind.high // 5)
    if role == 1:
        _swap(attributes, kind.attributes, own)
    elif role == 2:
        name, pool = own.choice(kind.options)
        _swap(options[name], pool, own)
    elif role == 3:
        price += 5 * own.randint(3, 6)
    brand = own.choice(words.BRANDS)
    shown = [own.choice(attributes)] if own.random() < 0.3 else []
    title = " ".join((brand, *own.sample(words.ADJECTIVES, own.choice((1, 1, 2))), *shown, kind.phrase))
    one, rest = attributes[-1], " and ".join(attributes[:-1])
    description = own.choice(words.DESCRIPTIONS).format(rest=rest, use=own.choice(words.USES))
    bullets = (own.choice(words.FIRST_BULLETS).format(one=one), *own.sample(words.BULLETS, 2))
    asin = _asin(i)
    return Product(
        asin=asin,
        title=title,
        description=description,
        bullets=bullets,
        category=kind.category,
        query=kind.phrase,
        product_category=kind.path,
        options={name: tuple(values) for name, values in options.items()},
        price_tag=f"${float(price)}",
        price=float(price),
        attributes=tuple(attributes),
        image=f"{asin}.jpg",
    )


def split_of(i: int, seed: int = 0) -> Split:
    """Return the split whose goals product `i` may be the target of."""
    block, place = divmod(i, BLOCK)
    return random.Random(f"{seed}/split/{block}").sample(_SHARES, BLOCK)[place]


@lru_cache(maxsize=1)
def _family(family: int, seed: int) -> tuple[Product, ...]:
    return tuple(product(i, seed) for i in range(FAMILY * family, FAMILY * (family + 1)))


def _offers(one: Product, attributes: tuple[str, ...], options: Mapping[str, str]) -> bool:
    return set(attributes) <= set(one.attributes) and all(
        value in one.options.get(name, ()) for name, value in options.items()
    )


def _swap(values: list[str], pool: tuple[str, ...], dice: random.Random) -> None:
    """Put a value of the pool that is not there in the place of one that is."""
    values[dice.randrange(len(values))] = dice.choice([v for v in pool if v not in values])


def _asin(i: int) -> str:
    """Return ten characters, another for every i; scrambled, since search breaks ties by name."""
    number = (i * 1_234_567_891 + 987_654_321) % 36**8
    return "B0" + "".join(_DIGITS[number // 36**place % 36] for place in reversed(range(8)))


def _goals(one: Product, i: int, seed: int, split: Split, sentences: tuple[Template, ...]) -> Iterator[Goal]:
    """Yield the goals of a product: fewer than planned where too few of its wishes fall into its split."""
    dice = random.Random(f"{seed}/goal/{i}")
    upper = 10.0 * (one.price // 10 + dice.choice((1, 2)))
    rivals = [
        other for other in _family(i // FAMILY, seed) if other.asin != one.asin and other.price <= upper
    ]
    drawn = list(itertools.islice(_wishes(one, seed, split, dice), _DRAWN))
    # What sets the target apart from its family comes first, so that near misses do miss.
    drawn.sort(key=lambda wish: sum(_offers(other, *wish) for other in rivals))
    for attributes, options in drawn[: _GOALS[split]]:
        text = wording(one.query, attributes, options, upper, dice.choice(sentences))
        yield Goal(
            asin=one.asin,
            category=one.category,
            query=one.query,
            name=one.title,
            product_category=one.product_category,
            text=text,
            attributes=attributes,
            price_upper=upper,
            options=options,
        )


def _wishes(one: Product, seed: int, split: Split, dice: random.Random) -> Iterator[_Wish]:
    """Yield what may be wished of a product in a split, at random; mostly two attributes before one."""
    values = list(itertools.product(*one.options.values()))
    for count in (2, 1) if dice.random() < 0.8 else (1, 2):
        some = list(itertools.product(itertools.combinations(one.attributes, count), values))
        for attributes, chosen in dice.sample(some, len(some)):
            options = dict(zip(one.options, chosen, strict=True))
            if _wish_split(one.query, attributes, options, seed) == split:
                yield attributes, options


def _wish_split(phrase: str, attributes: tuple[str, ...], options: Mapping[str, str], seed: int) -> Split:
    """Return the split that owns this combination, the same in whatever order it is written."""
    name = f"{seed}|{phrase}|{sorted(attributes)}|{sorted(options.items())}"
    digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
    return SPLITS[int.from_bytes(digest, "little") % len(SPLITS)]


def _item(one: Product) -> dict[str, Any]:
    return {
        "asin": one.asin,
        "name": one.title,
        "full_description": one.description,
        "small_description": list(one.bullets),
        "pricing": f"${one.price:.2f}",
        "category": one.category,
        "query": one.query,
        "product_category": one.product_category,
        "customization_options": {
            name: [{"value": value, "image": None} for value in values]
            for name, values in one.options.items()
        },
        "images": [one.image],
    }


def _instruction(one: Product) -> dict[str, Any]:
    """Return the synthetic instruction of a product: its first two attributes; WebShop adds the options."""
    wanted = list(one.attributes[:2])
    text = f"Find me {', '.join(wanted)} {one.query}"
    return {"attributes": list(one.attributes), "instruction": text, "instruction_attributes": wanted}


def _human(goals: Iterable[Goal]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for goal in goals:
        assert isinstance(goal.options, Mapping)
        text = wording(goal.query, goal.attributes, goal.options, goal.price_upper, UNPRICED)
        found.setdefault(goal.asin, []).append(
            {
                "instruction": text,
                "instruction_attributes": list(goal.attributes),
                "instruction_options": list(goal.options.values()),
            }
        )
    return found
