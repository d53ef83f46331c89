"""The records of one episode, drawn from its seed, and what can be asked about them."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agentrl_envs.tools.names import CAPITALS

HOME, CAPITAL = "home", "capital"

Key = tuple[str, str]
"""whom, and which of the relations"""
Facts = Mapping[Key, str]
FIXED: Facts = {(country, CAPITAL): city for country, city in CAPITALS.items()}
"""what is the same in every episode"""


@dataclass(frozen=True, slots=True)
class Relations:
    """What is on record about a person, beside a home."""

    links: tuple[str, ...]
    """from a person to another; each is a permutation of all people, so every answer is as likely"""
    numbers: tuple[str, ...]
    """from a person to a number"""

    @property
    def all(self) -> tuple[str, ...]:
        """Every relation that there is, that of a country to its capital too."""
        return (*self.links, HOME, *self.numbers, CAPITAL)


RELATIONS: Mapping[str, Relations] = {
    "train": Relations(("boss", "friend", "doctor", "aunt"), ("coins", "keys")),
    "dev": Relations(("tutor", "cousin", "lawyer", "tenant"), ("stamps", "hats")),
    "test": Relations(("mentor", "dentist", "uncle", "neighbour"), ("cards", "rings")),
}
"""by split: whoever is asked in sentences is asked about relations that training never named"""


@dataclass(frozen=True, slots=True)
class Chain:
    """Relations to follow, one after the other."""

    start: str
    relations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """What is at the end of one chain, or a number of two at the ends of two."""

    chains: tuple[Chain, ...]
    sign: str = ""
    """+ or *, between the ends of two chains"""

    @property
    def line(self) -> str:
        """The question as a small model reads it: relations in the order in which they are followed."""
        return f" {self.sign} ".join(" ".join([chain.start, *chain.relations]) for chain in self.chains)


@dataclass(frozen=True, slots=True)
class Records:
    """Everything that tools can find in an episode."""

    people: tuple[str, ...]
    facts: Facts
    relations: Relations

    def of(self, name: str) -> dict[Key, str]:
        """Return all that is on record about a person or country."""
        keys = [(name, relation) for relation in self.relations.all]
        return {key: self.facts[key] for key in keys if key in self.facts}


def records(
    people: Sequence[str],
    countries: Sequence[str],
    numbers: range,
    relations: Relations,
    dice: random.Random,
) -> Records:
    """Return records of these people, who live in some of these countries; everything is drawn uniformly."""
    facts: dict[Key, str] = {}
    for relation in relations.links:
        for one, other in zip(people, _moved(people, dice), strict=True):
            facts[one, relation] = other
    homes = dice.sample(countries, len(people))
    for person, home in zip(people, homes, strict=True):
        facts[person, HOME] = home
        for relation in relations.numbers:
            facts[person, relation] = str(dice.choice(numbers))
    return Records(tuple(people), {**facts, **FIXED}, relations)


def _moved(people: Sequence[str], dice: random.Random) -> list[str]:
    """Return the people in an order in which nobody stands where they were."""
    order = list(people)
    dice.shuffle(order)
    place = {person: order[(i + 1) % len(order)] for i, person in enumerate(order)}
    return [place[person] for person in people]


def keys_of(chain: Chain, facts: Facts) -> tuple[Key, ...]:
    """Return the facts that a chain follows, as far as they are among these."""
    found: list[Key] = []
    at = chain.start
    for relation in chain.relations:
        found.append((at, relation))
        if (at, relation) not in facts:
            break
        at = facts[at, relation]
    return tuple(found)


def end_of(chain: Chain, facts: Facts) -> str | None:
    """Return what is at the end of a chain; None where these facts do not lead there."""
    at = chain.start
    for relation in chain.relations:
        if (at, relation) not in facts:
            return None
        at = facts[at, relation]
    return at


def expression(question: Question, facts: Facts) -> str | None:
    """Return what is to be calculated; None where there is nothing, or an operand is not among the facts."""
    ends = [end_of(chain, facts) for chain in question.chains]
    if not question.sign or None in ends:
        return None
    return f" {question.sign} ".join(end for end in ends if end)
