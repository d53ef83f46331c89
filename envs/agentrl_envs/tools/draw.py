"""Questions with a wanted number of necessary calls: drawn until the shortest plan has it."""

import random
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from agentrl_envs.tools.names import CAPITALS, FEW_COUNTRIES, FEW_PEOPLE, FIRST, of_split, people
from agentrl_envs.tools.options import Options
from agentrl_envs.tools.plan import Known, by_heart, shortest
from agentrl_envs.tools.world import (
    CAPITAL,
    HOME,
    RELATIONS,
    Chain,
    Key,
    Question,
    Records,
    keys_of,
    records,
)  # fmt: skip

LENGTHS = (5, 4, 3, 2)
"""weights of chains of 1, 2, 3, 4 relations, of which one at least can be told"""
COUNTRIES = tuple(CAPITALS)
SMALL, LARGE = range(10, 26), range(100, 1000)
"""numbers on record: for sums, and for products that nobody works out in the head"""
TOLD, ALIKE, NEAR, SAME, HEART = 0.4, 0.5, 0.5, 0.4, 0.25
"""shares: facts of a chain that are told; distractors that say of somebody else what the question is about,
so that what looks like a step to the answer often is none; of the others, those about people of the chain;
and, in sentences, numbers of one and the same person, which one search finds; questions known by heart"""


@dataclass(frozen=True, slots=True)
class Scene:
    """One episode: the records, what is asked, what is told with it."""

    records: Records
    question: Question
    told: tuple[Key, ...]
    """facts told at the start, in the order in which they are told"""
    missing: int
    """facts and calculations that the answer takes beside what is told or known by heart"""
    split: str
    wording: int
    """names one of the split's ways to put the question"""

    @property
    def start(self) -> Known:
        """What is known before the first call."""
        return Known(frozenset(self.told) | by_heart(self.question, self.records))


@lru_cache(maxsize=4096)
def drawn(split: str, seed: int, calls: int, options: Options) -> Scene:
    """Return the episode of a seed, whose question takes exactly `calls` calls."""
    dice = random.Random(f"tools/{split}/{seed}")
    line = options.form == "line"
    # A small model knows only words that it has seen; what it was not asked before are the questions.
    names, countries = (FIRST[:FEW_PEOPLE], COUNTRIES[:FEW_COUNTRIES]) if line else (people(split), COUNTRIES)
    asked = RELATIONS["train" if line else split]
    found = records(dice.sample(names, options.people), countries, SMALL if line else LARGE, asked, dice)
    while True:
        question = _question(found, countries, options, dice)
        if not _of_split(question, split, dice):
            continue
        keys = [keys_of(chain, found.facts) for chain in question.chains]
        if any(len({name for name, _ in own}) < len(own) for own in keys):
            continue  # who comes by a name twice may have read the rest by luck, which nobody can plan
        known = [[key[1] == CAPITAL or dice.random() < TOLD for key in own] for own in keys]
        pairs = [pair for own, mask in zip(keys, known, strict=True) for pair in zip(own, mask, strict=True)]
        told = [key for key, is_known in pairs if is_known and key[1] != CAPITAL]
        missing = sum(not is_known for _, is_known in pairs) + bool(question.sign)
        fits = missing >= calls and len(told) <= options.shown and all(_run(m) <= options.hops for m in known)
        if not fits or len({key for key, _ in pairs}) < len(pairs):
            continue
        order = tuple(_filled(found, told, keys, options.shown, dice))
        scene = Scene(found, question, order, missing, split, dice.randrange(1 << 16))
        if len(shortest(found, question, scene.start)) == calls:
            return scene


def _of_split(question: Question, split: str, dice: random.Random) -> bool:
    """Tell whether a question may be asked in a split; one known by heart may in all, as often as others."""
    if question.chains[0].start in CAPITALS:
        return of_split(dice.randrange(5), split)
    return of_split(zlib.crc32(question.line.encode()), split)


def _question(found: Records, countries: Sequence[str], options: Options, dice: random.Random) -> Question:
    if dice.random() < options.sums:
        sign = "+" if options.form == "line" else "*"
        numbers = found.relations.numbers
        starts, ends = dice.sample(found.people, 2), [dice.choice(numbers) for _ in range(2)]
        if sign == "*" and dice.random() < SAME:
            starts, ends = starts[:1] * 2, dice.sample(numbers, 2)
        return Question(tuple(Chain(one, (end,)) for one, end in zip(starts, ends, strict=True)), sign)
    weights = LENGTHS[: options.most + 1]
    length = dice.choices(range(1, len(weights) + 1), weights)[0]
    return Question((_chain(found, countries, length, dice),))


def _chain(found: Records, countries: Sequence[str], length: int, dice: random.Random) -> Chain:
    """Return a chain through people, that may end at a number or a country or its capital."""
    relations = found.relations
    tails: list[tuple[str, ...]] = [(), (HOME,), (HOME, CAPITAL), (dice.choice(relations.numbers),)]
    kinds = (len(relations.links), 1, 1, len(relations.numbers))
    weights = [many if len(tail) <= length else 0 for tail, many in zip(tails, kinds, strict=True)]
    tail = dice.choices(tails, weights)[0]
    if length == 1 and dice.random() < HEART:
        return Chain(dice.choice(countries), (CAPITAL,))
    links = tuple(dice.choice(relations.links) for _ in range(length - len(tail)))
    return Chain(dice.choice(found.people), links + tail)


def _run(mask: list[bool]) -> int:
    """Return the length of the longest run of True."""
    longest = run = 0
    for known in mask:
        run = run + 1 if known else 0
        longest = max(longest, run)
    return longest


def _filled(
    found: Records, told: list[Key], keys: list[tuple[Key, ...]], count: int, dice: random.Random
) -> list[Key]:
    """Return what is told, filled up to `count` facts that the question does not need, in a random order."""
    needed = {key for own in keys for key in own}
    others = [key for key in found.facts if key not in needed and key[1] != CAPITAL]
    near = [key for key in others if key[0] in {name for name, _ in needed}]
    alike = [key for key in others if key[1] in {relation for _, relation in needed}]
    chosen = list(told)
    while len(chosen) < count:
        sort = alike if alike and dice.random() < ALIKE else near if near and dice.random() < NEAR else others
        key = dice.choice(sort)
        if key not in chosen:
            chosen.append(key)
    dice.shuffle(chosen)
    return chosen
