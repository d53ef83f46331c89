"""Stories to work out: people who have things, each known from those before.

Who has how many is a graph without cycles: a chain of so many steps that all count, with people beside it who
enter one step. What comes out is whole at every step.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from agentrl_envs.math.problem import Problem
from agentrl_envs.math.templates import HELD_OUT, NAMES, PARTS, THINGS, TRAIN, Wording


@dataclass(slots=True)
class _Plot:
    """A story on its way."""

    dice: random.Random
    wording: Wording
    things: str
    largest: int
    names: list[str]
    """not yet in use"""
    owned: dict[str, int] = field(default_factory=dict[str, int])
    """who has how many, in the order they enter"""
    told: list[str] = field(default_factory=list[str])
    steps: list[str] = field(default_factory=list[str])

    def say(self, sentences: tuple[str, ...], **words: str | int) -> None:
        self.told.append(self.dice.choice(sentences).format(things=self.things, **words))

    def enter(self, count: int) -> str:
        """Let somebody enter with a number of their own; return who."""
        who = self.names.pop()
        self.owned[who] = count
        self.say(self.wording.start, who=who, n=count)
        return who

    def find(self, left: int, sign: str, right: int, count: int) -> str:
        """Let somebody enter whose number is a step away; return who."""
        who = self.names.pop()
        self.owned[who] = count
        self.steps.append(f"{left} {sign} {right} = {count}")
        return who


def _more(plot: _Plot, other: str) -> str | None:
    has = plot.owned[other]
    most = min(20, plot.largest - has)
    if most < 2:
        return None
    n = plot.dice.randint(2, most)
    who = plot.find(has, "+", n, has + n)
    plot.say(plot.wording.more, who=who, other=other, n=n)
    return who


def _fewer(plot: _Plot, other: str) -> str | None:
    has = plot.owned[other]
    most = min(20, has - 2)
    if most < 2:
        return None
    n = plot.dice.randint(2, most)
    who = plot.find(has, "-", n, has - n)
    plot.say(plot.wording.fewer, who=who, other=other, n=n)
    return who


def _times(plot: _Plot, other: str) -> str | None:
    has = plot.owned[other]
    most = min(6, plot.largest // has)
    if most < 2:
        return None
    n = plot.dice.randint(2, most)
    who = plot.find(has, "*", n, has * n)
    plot.say(plot.wording.times, who=who, other=other, n=n)
    return who


def _share(plot: _Plot, other: str) -> str | None:
    has = plot.owned[other]
    fitting = [n for n in PARTS if has % n == 0 and has > n]
    if not fitting:
        return None
    n = plot.dice.choice(fitting)
    who = plot.find(has, "/", n, has // n)
    plot.say(plot.wording.share, who=who, other=other, part=PARTS[n])
    return who


def _sum(plot: _Plot, other: str) -> str | None:
    has = plot.owned[other]
    third = _beside(plot, other, range(1, plot.largest - has + 1))
    if third is None:
        return None
    who = plot.find(has, "+", plot.owned[third], has + plot.owned[third])
    plot.say(plot.wording.sum, who=who, other=other, third=third)
    return who


def _gap(plot: _Plot, other: str) -> str | None:
    third = _beside(plot, other, range(1, plot.owned[other]))
    if third is None:
        return None
    has, less = plot.owned[other], plot.owned[third]
    who = plot.find(has, "-", less, has - less)
    plot.say(plot.wording.gap, who=who, other=other, third=third)
    return who


def _beside(plot: _Plot, other: str, allowed: range) -> str | None:
    """Return somebody else whose number is allowed: one of before or a new one; None where there is none."""
    before = [name for name, count in plot.owned.items() if name != other and count in allowed]
    if before and plot.dice.random() < 0.5:
        return plot.dice.choice(before)
    most = min(plot.largest // 10, allowed.stop - 1)
    return plot.enter(plot.dice.randint(2, most)) if most >= 2 else None


RELATIONS: Sequence[Callable[[_Plot, str], str | None]] = (_more, _fewer, _times, _share, _sum, _gap)
"""each lets somebody enter who is a step from `other`; None: that cannot be, and nothing was told"""


def story(
    dice: random.Random, steps: int, *, largest: int, distractors: float, held_out: bool
) -> Problem | None:
    """Return a story of so many steps; None where what was drawn gives its answer away."""
    wording = HELD_OUT if held_out else TRAIN
    plot = _Plot(dice, wording, dice.choice(THINGS), largest, dice.sample(NAMES, len(NAMES)))
    last = plot.enter(dice.randint(2, largest // 10))
    while len(plot.steps) < steps:
        last = dice.choice(RELATIONS)(plot, last) or last
    answer = plot.owned[last]
    if dice.random() < distractors:
        _distract(plot, answer)
    plot.say(wording.question, who=last)
    question = " ".join(plot.told)
    if str(answer) in "".join(c if c.isdigit() else " " for c in question).split():
        return None
    return Problem("", question, str(answer), f"{steps} steps", tuple(plot.steps))


def _distract(plot: _Plot, answer: int) -> None:
    """Tell a number or two of no use, anywhere before the question."""
    for _ in range(plot.dice.randint(1, 2)):
        n = plot.dice.choice([n for n in range(5, 60) if n != answer])
        said = plot.dice.choice(plot.wording.idle).format(who=plot.dice.choice(list(plot.owned)), n=n)
        plot.told.insert(plot.dice.randrange(1, len(plot.told) + 1), said)
