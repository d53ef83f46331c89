"""Questions with a wanted number of necessary calls: drawn until the shortest plan has it."""

import random
from dataclasses import dataclass

from agentrl_envs.tools.names import CAPITALS, people
from agentrl_envs.tools.options import Options
from agentrl_envs.tools.plan import Known, by_heart, shortest
from agentrl_envs.tools.world import (
    CAPITAL, HOME, LINKS, NUMBERS, Chain, Key, Question, Records, keys_of, records,
)  # fmt: skip

LENGTHS = (5, 4, 3, 2)
"""weights of chains of 1, 2, 3, 4 relations"""
SUMS, TOLD, NEAR = 0.25, 0.4, 0.5
"""shares: questions for a number of two, facts of a chain that are told, distractors about its people"""


@dataclass(frozen=True, slots=True)
class Scene:
    """One episode: the records, what is asked, what is told with it."""

    records: Records
    question: Question
    told: tuple[Key, ...]
    """facts told at the start, in the order in which they are told"""
    missing: int
    """facts and calculations that the answer takes beside what is told or known by heart"""
    wording: int
    """names one of the ways to put the question"""

    @property
    def start(self) -> Known:
        """What is known before the first call."""
        return Known(frozenset(self.told) | by_heart(self.question, self.records))


def drawn(split: str, seed: int, calls: int, options: Options) -> Scene:
    """Return the episode of a seed, whose question takes exactly `calls` calls."""
    dice = random.Random(f"tools/{split}/{seed}")
    low, high = (10, 99) if options.form == "line" else (100, 999)
    found = records(dice.sample(people(split), options.people), low, high, dice)
    while True:
        question = _question(found, "+" if options.form == "line" else "*", dice)
        keys = [keys_of(chain, found.facts) for chain in question.chains]
        known = [[key[1] == CAPITAL or dice.random() < TOLD for key in own] for own in keys]
        told = [key for own, mask in zip(keys, known, strict=True) for key, is_told in zip(own, mask, strict=True)
                if is_told and key[1] != CAPITAL]  # fmt: skip
        missing = sum(not is_known for mask in known for is_known in mask) + bool(question.sign)
        distinct = len({key[0] for own in keys for key in own}) == sum(map(len, keys))
        fits = missing >= calls and len(told) <= options.shown and all(_run(m) <= options.hops for m in known)
        if not fits or not distinct:
            continue
        order = tuple(_filled(found, told, keys, options.shown, dice))
        scene = Scene(found, question, order, missing, dice.randrange(1 << 16))
        if len(shortest(found, question, scene.start)) == calls:
            return scene


def _question(found: Records, sign: str, dice: random.Random) -> Question:
    if dice.random() < SUMS:
        starts = dice.sample(found.people, 2)
        ends = [dice.choice(NUMBERS) for _ in starts]
        return Question(tuple(Chain(one, (end,)) for one, end in zip(starts, ends, strict=True)), sign)
    length = dice.choices(range(1, len(LENGTHS) + 1), LENGTHS)[0]
    return Question((_chain(found, length, dice),))


def _chain(found: Records, length: int, dice: random.Random) -> Chain:
    """Return a chain through people, that may end at a number or a country or its capital."""
    tails: list[tuple[str, ...]] = [(), (HOME,), (HOME, CAPITAL), (dice.choice(NUMBERS),)]
    tail = dice.choice([tail for tail in tails if len(tail) <= length])
    if length == 1 and dice.random() < 0.4:
        return Chain(dice.choice(sorted(CAPITALS)), (CAPITAL,))
    links = tuple(dice.choice(LINKS) for _ in range(length - len(tail)))
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
    chosen = list(told)
    while len(chosen) < count:
        key = dice.choice(near if near and dice.random() < NEAR else others)
        if key not in chosen:
            chosen.append(key)
    dice.shuffle(chosen)
    return chosen
