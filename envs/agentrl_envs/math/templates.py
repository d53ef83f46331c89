"""Sentences that stories are told in. Those of training problems and of held-out ones have none in common.

Places in braces: `who` is spoken of, `other` and `third` were before, `things` are counted, `n` is a number;
`part` is a fraction in words.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wording:
    """One way of saying each thing that a story can say."""

    start: tuple[str, ...]
    """somebody has `n`"""
    more: tuple[str, ...]
    """`n` more than `other`"""
    fewer: tuple[str, ...]
    """`n` fewer than `other`"""
    times: tuple[str, ...]
    """`n` times as many as `other`"""
    share: tuple[str, ...]
    """a `part` of what `other` has"""
    sum: tuple[str, ...]
    """as many as `other` and `third` together"""
    gap: tuple[str, ...]
    """as many as `other` has more than `third`"""
    question: tuple[str, ...]
    """how many has `who`?"""
    idle: tuple[str, ...]
    """a number of no use"""


TRAIN = Wording(
    start=("{who} has {n} {things}.", "{who} starts with {n} {things}.", "In {who}'s bag are {n} {things}."),
    more=("{who} has {n} more {things} than {other}.", "{who} has as many {things} as {other} and {n} more."),
    fewer=("{who} has {n} fewer {things} than {other}.", "{who} is {n} {things} short of what {other} has."),
    times=(
        "{who} has {n} times as many {things} as {other}.",
        "For each of {other}'s {things}, {who} has {n}.",
    ),
    share=("{who} has {part} as many {things} as {other}.", "{who} has {part} of the number {other} has."),
    sum=(
        "{who} has as many {things} as {other} and {third} together.",
        "Put together, the {things} of {other} and {third} are as many as those of {who}.",
    ),
    gap=("{who} has as many {things} as {other} has more than {third}.",),
    question=("How many {things} does {who} have?", "What is the number of {who}'s {things}?"),
    idle=("{who} is {n} years old.", "The school bus has {n} seats.", "{who} lives at number {n}."),
)
HELD_OUT = Wording(
    start=(
        "{n} {things} belong to {who}.",
        "{who} collected {n} {things} last week.",
        "{who} owns {n} {things}.",
    ),
    more=("Compared with {other}, {who} owns {n} {things} more.", "{who} beats {other} by {n} {things}."),
    fewer=("Compared with {other}, {who} lacks {n} {things}.", "{other} beats {who} by {n} {things}."),
    times=(
        "{who}'s pile of {things} is {n} times that of {other}.",
        "{who} owns {n} {things} for every one of {other}'s.",
    ),
    share=("{who}'s pile of {things} is {part} that of {other}.",),
    sum=(
        "If {other} and {third} pool their {things}, they match {who}.",
        "{who} owns what {other} and {third} own in all.",
    ),
    gap=("{who} owns exactly the {things} by which {other} beats {third}.",),
    question=("Find how many {things} {who} owns.", "How large is {who}'s pile of {things}?"),
    idle=(
        "The walk home takes {n} minutes.",
        "{who} read {n} pages today.",
        "A ticket for the fair costs {n} cents.",
    ),
)
PARTS: Mapping[int, str] = {2: "half", 3: "a third", 4: "a quarter", 5: "a fifth"}
NAMES = (
    "Ada", "Ben", "Carla", "Dmitri", "Elif", "Farid", "Grace", "Hugo", "Ines", "Jonas", "Kofi", "Lena",
    "Malik", "Nadia", "Oskar", "Priya", "Quinn", "Rosa", "Samir", "Tara", "Uma", "Viktor", "Wen", "Yara",
)  # fmt: skip
THINGS = (
    "apples", "beads", "books", "buttons", "cards", "coins", "cookies", "crayons", "keys", "lemons",
    "marbles", "pencils", "ribbons", "shells", "stamps", "stickers", "stones", "tickets",
)  # fmt: skip
