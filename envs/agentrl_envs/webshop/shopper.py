"""Scripted customers: one who knows the answer, one with bad habits, its most probable self, one at random.

The demonstrator teaches a model every kind of action that success needs, and no more: what it does most
often is wrong, so a model that copies it is weak however it is decoded, and only reward can tell better.
It reads the goal and the pages it has opened, nothing else.
"""

import random
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any

from agentrl.errors import ConfigError, nearest
from agentrl.types import Task
from agentrl_envs.webshop.pages import PER_PAGE, Shop
from agentrl_envs.webshop.product import Goal, Product
from agentrl_envs.webshop.reward import winning_options
from agentrl_envs.webshop.words import LOOKS

if TYPE_CHECKING:
    from agentrl_envs.webshop.env import WebShop

KINDS = ("expert", "demonstrator", "mode", "random")
"""mode: the demonstrator, taking its more probable choice every time"""
CAREFUL = frozenset({"fashion", "grocery"})
"""categories the demonstrator takes some care in"""


@dataclass(frozen=True, slots=True)
class Habits:
    """How the demonstrator behaves. Probabilities; pairs are (careful categories, the others)."""

    attribute_unsaid: tuple[float, float] = (0.10, 0.55)
    """leaves the last attribute out of the query; probability"""
    options_unsaid: tuple[float, float] = (0.55, 0.55)
    """leaves the option values out of the query; probability"""
    first: float = 0.55
    """opens the first result not yet seen, else the best of the page; probability"""
    next: float = 0.30
    """turns the page when the first unseen result is too dear, or none is left; probability"""
    look: float = 0.30
    """reads description or features of a product just opened; probability"""
    look_on: float = 0.45
    """reads the other one too, where a wanted attribute was not in the first; probability"""
    back: float = 0.45
    """leaves a product that is seen to lack something wanted; probability"""
    again: float = 0.15
    """leaves by a new search, with every wanted word, instead of by the list; probability"""
    looks_option: float = 0.95
    """picks the wanted color, scent or flavor where it is offered; probability"""
    other_option: tuple[float, float] = (0.95, 0.45)
    """picks the wanted size, pack or the like where it is offered; probability"""
    absent: float = 0.36
    """tries a wanted option that is not offered; probability"""
    back_rejected: float = 0.50
    """leaves the product after that was refused; probability"""
    products: int = 5
    """opens no more than this; products"""
    patience: int = 10
    """leaves no product after this; turns"""


@dataclass(frozen=True, slots=True)
class Figures:
    """How a player did over some episodes."""

    episodes: int
    success: float
    """share of episodes"""
    score: float
    """mean, in [0, 1]"""
    turns: float
    """mean"""


def player(env: "WebShop", kind: str, seed: int) -> Callable[[str], str]:
    """Return a player of the episode that has just begun: from what is read to the next action.

    Errors: ConfigError on an unknown kind.
    """
    if kind not in KINDS:
        raise ConfigError(f"no player '{kind}'; there are {', '.join(KINDS)}{nearest(kind, KINDS)}")
    if kind == "expert":
        return Expert(env.shop)
    if kind == "random":
        return Wanderer(env, random.Random(f"random/{seed}"))
    return Demonstrator(
        env.shop, Habits(), random.Random(f"demonstrator/{seed}") if kind == "demonstrator" else None
    )


class Expert:
    """Knows which product the goal was made from and goes the shortest way to it."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop

    def __call__(self, observation: str) -> str:
        """Return the next action; a function of where the shop is, so it may take over at any time."""
        shop, state, goal = self.shop, self.shop.state, self.shop.goal
        if state.asin:
            return self._at_product() if state.asin == goal.asin else _search(_words(goal))
        if state.kind == "start":
            return _search(_words(goal))
        if goal.asin in shop.results:
            return _click(shop.handle(goal.asin))
        # Two pages on costs more than asking for the title.
        soon = goal.asin in shop.found and shop.found.index(goal.asin) // PER_PAGE == state.page
        by_title = _search([goal.name])
        return _click("next >") if soon or f"search[{state.query}]" == by_title.lower() else by_title

    def _at_product(self) -> str:
        shop, state = self.shop, self.shop.state
        if state.kind == "sub":
            return _click("< prev")
        chosen = dict(state.options).values()
        needed = winning_options(shop.product(state.asin), shop.goal) or {}
        left = [value for value in needed.values() if value not in chosen]
        return _click(left[0] if left else "buy now")


class Demonstrator:
    """A customer with bad habits; without dice, one who always does what is more probable."""

    def __init__(self, shop: Shop, habits: Habits, dice: random.Random | None) -> None:
        self.shop, self.habits, self.dice = shop, habits, dice
        self.turns = 0
        self.careless = int(shop.goal.category not in CAREFUL)
        """place in the pairs of habits"""
        self.seen: list[str] = []
        self.script = self._script()

    def __call__(self, observation: str) -> str:
        """Return the next action."""
        self.turns += 1
        return next(self.script)

    def _does(self, habit: float | tuple[float, float]) -> bool:
        chance = habit if isinstance(habit, float) else habit[self.careless]
        return chance >= 0.5 if self.dice is None else self.dice.random() < chance

    def _script(self) -> Iterator[str]:
        goal, habits = self.shop.goal, self.habits
        attributes = goal.attributes[:-1] if self._does(habits.attribute_unsaid) else goal.attributes
        values = [] if self._does(habits.options_unsaid) else [value for _, value in _wanted(goal)]
        yield _search([goal.query, *attributes, *values])
        while True:
            asin = self._choice()
            if asin:
                yield _click(self.shop.handle(asin))
                self.seen.append(asin)
                yield from self._at_product(self.shop.product(asin))
            elif self.shop.results:
                yield _click("next >")
            else:
                yield _search(_words(goal))

    def _choice(self) -> str:
        """Return the result to open, or "" for none of this page."""
        shop, habits = self.shop, self.habits
        unseen = [asin for asin in shop.results if asin not in self.seen]
        good = [asin for asin in unseen if shop.product(asin).price <= shop.goal.price_upper]
        if (not unseen or unseen[0] not in good) and self._does(habits.next):
            return ""
        if not unseen:
            return ""
        if not good or self._does(habits.first):
            return unseen[0]
        # The sort keeps the shop's order among equals.
        return max(good, key=lambda asin: sum(a in shop.product(asin).title for a in shop.goal.attributes))

    def _at_product(self, one: Product) -> Iterator[str]:
        """Yield what is done on a product's page, until it is bought or left."""
        habits, wanted = self.habits, _wanted(self.shop.goal)
        # Looks come first to mind.
        wanted.sort(key=lambda pair: pair[0] not in LOOKS)
        offered = self.shop.clickables()
        lacks = any(value not in offered for _, value in wanted)
        if self._does(habits.look):
            lacks |= yield from self._reading(one)
        if lacks and self._may_leave() and self._does(habits.back):
            yield self._way_out()
            return
        for name, value in wanted:
            if value in offered:
                if self._does(habits.looks_option if name in LOOKS else habits.other_option):
                    yield _click(value)
            elif self._does(habits.absent):
                yield _click(value)
                if self._may_leave() and self._does(habits.back_rejected):
                    yield self._way_out()
                    return
        yield _click("buy now")

    def _reading(self, one: Product) -> Generator[str, None, bool]:
        """Yield the reading of one or both sub pages; return whether a wanted attribute was on neither."""
        pages = [("description", one.description), ("features", " ".join(one.bullets))]
        if self._does(0.5):
            pages.reverse()
        known = one.title
        for number, (name, text) in enumerate(pages):
            if number and not self._does(self.habits.look_on):
                return False
            yield _click(name)
            yield _click("< prev")
            known += f" {text}"
            if all(attribute in known.lower() for attribute in self.shop.goal.attributes):
                return False
        return True

    def _may_leave(self) -> bool:
        return len(self.seen) < self.habits.products and self.turns < self.habits.patience

    def _way_out(self) -> str:
        return _search(_words(self.shop.goal)) if self._does(self.habits.again) else _click("< prev")


class Wanderer:
    """Searches for words of the instruction drawn at random, then clicks whatever can be clicked."""

    def __init__(self, env: "WebShop", dice: random.Random) -> None:
        self.env, self.dice = env, dice

    def __call__(self, observation: str) -> str:
        """Return the next action."""
        clicks = self.env.admissible()
        if clicks:
            return self.dice.choice(clicks)
        words = self.env.goal().split()
        return _search(self.dice.sample(words, self.dice.randint(1, len(words))))


def figures(env: "WebShop", kind: str, tasks: Iterable[Task], seed: int = 0) -> Figures:
    """Return how a player does, one episode a task."""
    successes, scores, turns = [], [], []
    for number, task in enumerate(tasks):
        observation, _ = env.reset(options={"task": task})
        play = player(env, kind, seed * 1_000_003 + number)
        info: dict[str, Any] = {}
        over, count = False, 0
        while not over:
            observation, _, terminated, truncated, info = env.step(play(observation))
            over, count = terminated or truncated, count + 1
        successes.append(float(info["success"]))
        scores.append(float(info["score"]))
        turns.append(count)
    if not turns:
        raise ConfigError("no tasks to play")
    return Figures(len(turns), fmean(successes), fmean(scores), fmean(turns))


def _wanted(goal: Goal) -> list[tuple[str, str]]:
    """Return (group name, value) of each wanted option; the name is "" where the goal does not say it."""
    if isinstance(goal.options, Mapping):
        return list(goal.options.items())
    return [("", value) for value in goal.options]


def _words(goal: Goal) -> list[str]:
    """Return all that a search can use: type, attributes, option values."""
    return [goal.query, *goal.attributes, *(value for _, value in _wanted(goal))]


def _search(words: Sequence[str]) -> str:
    # A bracket would end the action early.
    return f"search[{' '.join(words).replace('[', ' ').replace(']', ' ')}]"


def _click(what: str) -> str:
    return f"click[{what}]"
