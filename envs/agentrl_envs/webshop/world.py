"""A stocked shop: products, search index, goals by split; built once a process and shared by all episodes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from agentrl.env import SPLITS, Split
from agentrl.errors import ConfigError, DataError
from agentrl_envs.bm25 import Index
from agentrl_envs.webshop import goals as goal_making
from agentrl_envs.webshop import nouns as noun_finding
from agentrl_envs.webshop import records
from agentrl_envs.webshop.options import Options
from agentrl_envs.webshop.pages import Shop, State
from agentrl_envs.webshop.product import Goal, Product, document
from agentrl_envs.webshop.reward import Nouns, score, winning_options


@dataclass(frozen=True, slots=True)
class World:
    """What all episodes of one set of options share."""

    stock: Mapping[str, Product]
    """products by asin"""
    index: Index
    goals: Mapping[Split, tuple[Goal, ...]]
    nouns: Nouns
    refused: tuple[str, ...] = ()
    """goals left out because they cannot be scored, one line each"""
    unattainable: tuple[str, ...] = ()
    """goals whose own product does not earn 1, one line each"""


@lru_cache(maxsize=4)
def world(options: Options) -> World:
    """Return the shop of these options; the same object for equal options.

    Errors: ConfigError or DataError where files are missing or broken, or no goal can be scored; DataError
            where a generated goal's own product does not earn 1.
    """
    return _from_files(options, options.data) if options.data is not None else _generated(options)


def stocked(
    products: Iterable[Product],
    goals: Mapping[Split, Sequence[Goal]],
    nouns: Nouns,
    *,
    refused: Iterable[str] = (),
) -> World:
    """Return a world of these products and goals, with its own goals checked.

    Errors: DataError where a goal cannot be scored, or is about a product that is not there.
    """
    stock = {product.asin: product for product in products}
    for goal in (goal for split in SPLITS for goal in goals.get(split, ())):
        why = goal_making.refusal(goal) or ("" if goal.asin in stock else "the shop has no such product")
        if why:
            raise DataError(f"goal {goal.asin} ({goal.text!r}): {why}")
    index = Index((product.asin, document(product)) for product in stock.values())
    dealt: dict[Split, tuple[Goal, ...]] = {split: tuple(goals.get(split, ())) for split in SPLITS}
    lost = (unattained(stock[goal.asin], goal, nouns) for split in SPLITS for goal in dealt[split])
    return World(stock, index, dealt, nouns, tuple(refused), tuple(filter(None, lost)))


def unattained(product: Product, goal: Goal, nouns: Nouns) -> str:
    """Return why the goal's own product with the options asked for does not earn 1; "" where it does."""
    chosen = dict(goal.options) if isinstance(goal.options, Mapping) else winning_options(product, goal) or {}
    shop = Shop({product.asin: product}, lambda query: (), goal)
    shop.state = State("item", asin=product.asin)
    for name, value in chosen.items():
        if not shop.do(f"click[{value}]") or shop.state.kind != "item":
            return f"{goal.asin} ({goal.text!r}): {name} {value!r} cannot be chosen on the product's page"
    chosen = dict(shop.state.options)
    earned = score(product, goal, chosen, nouns)
    if earned.total == 1.0:
        return ""
    return (
        f"{goal.asin} ({goal.text!r}): its own product earns {earned.total:.3f} (attributes"
        f" {earned.attributes_met}/{len(goal.attributes)}, options {earned.options_met}/{len(goal.options)},"
        f" price {'within' if earned.r_price else 'above'} the limit, type {earned.r_type})"
    )


def ambiguity(world: World, goals: Iterable[Goal], *, strict: bool = False) -> list[int]:
    """Return, for each goal, how many products other than its own can also earn 1.

    `strict` asks for exact options. `ambiguity(env.world, env.world.goals["test"])` says how much a panel
    leaves open.

    Edge: every product is tried, so the time grows with goals times products: 5 ms a goal at 1,000 products.
    """
    return [
        sum(_also_wins(product, goal, world.nouns, strict) for product in world.stock.values())
        for goal in goals
    ]


def _also_wins(product: Product, goal: Goal, nouns: Nouns, strict: bool) -> bool:
    if product.asin == goal.asin or product.price > goal.price_upper:
        return False
    # Type and attributes need no choice and rule out most products.
    bare = score(product, goal, {}, nouns)
    return bare.r_type == 1.0 == bare.r_att and winning_options(product, goal, strict=strict) is not None


def _generated(options: Options) -> World:
    from agentrl_envs.webshop import catalogue

    made = catalogue.world(
        products=options.products, seed=options.catalogue_seed, instructions=options.instructions
    )
    nouns = noun_finding.by_spacy() if options.nouns == "spacy" else made.nouns
    built = stocked(made.products, made.goals, nouns)
    if built.unattainable:
        raise DataError(f"generated goal {built.unattainable[0]}")
    return built


def _from_files(options: Options, folder: str) -> World:
    seed = options.catalogue_seed
    kind = None if options.goals == "auto" else options.goals
    found = records.read(Path(folder), kind, limit=options.products, seed=seed)
    built = goal_making.build(found.products, found.wishes, seed=seed)
    if not built.accepted:
        reasons = f"; first refusal: {built.refused[0]}" if built.refused else ""
        raise ConfigError(f"data={folder}: no goal for its first {options.products} products{reasons}")
    nouns = noun_finding.by_spacy() if options.nouns == "spacy" else noun_finding.built_in()
    return stocked(
        found.products, goal_making.splits(built.accepted, seed=seed), nouns, refused=built.refused
    )
