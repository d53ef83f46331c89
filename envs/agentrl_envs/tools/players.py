"""Scripted agents: one who makes the fewest calls, and one who makes more than it needs.

The demonstrator shows every kind of call and now and then the shortest way, but by habit it looks up what it
was told or knows by heart, asks twice, and asks what has nothing to do with it. It is mostly right, so reward
for right answers alone does not break the habits.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agentrl.env import Player, PlayerKind
from agentrl.toolcalls import written
from agentrl_envs.tools.plan import Known, Step, shortest
from agentrl_envs.tools.world import LINKS, NUMBERS

if TYPE_CHECKING:
    from agentrl_envs.tools.env import ToolWorld

PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "lookup": ("name", "relation"),
    "search": ("text",),
    "calculate": ("expression",),
    "weather": ("place",),
    "translate": ("text",),
}


@dataclass(frozen=True, slots=True)
class Habits:
    """What the demonstrator does; probabilities."""

    distrust: float = 0.6
    """looks everything up, throughout an episode, told or known or not"""
    again: float = 0.35
    """makes a call a second time"""
    aside: float = 0.08
    """makes a call that has nothing to do with the question"""
    wrong: float = 0.1
    """answers something else"""


def player(env: "ToolWorld", kind: PlayerKind, seed: int) -> Player:
    """Return a player of the episode that has begun."""
    if kind == "expert":
        return lambda observation: _next(env, env.known)
    habits, dice = Habits(), random.Random(f"tools/{seed}")
    distrust = dice.random() < habits.distrust
    last: list[Step] = []

    def play(observation: str) -> str:
        if last and dice.random() < habits.again:
            return worded(env, last.pop())
        if dice.random() < habits.aside:
            last.clear()
            return worded(env, Step("weather", (env.scene.question.chains[0].start,)))
        known = Known(env.found, env.known.calculated) if distrust else env.known
        plan = shortest(env.scene.records, env.scene.question, known)
        if plan:
            last[:] = [plan[0]]
            return worded(env, plan[0])
        return final(env, _other(env, dice) if dice.random() < habits.wrong else env.answer)

    return play


def _next(env: "ToolWorld", known: Known) -> str:
    plan = shortest(env.scene.records, env.scene.question, known)
    return worded(env, plan[0]) if plan else final(env, env.answer)


def worded(env: "ToolWorld", step: Step) -> str:
    """Return a call in the environment's form."""
    if env.options.form == "line":
        return " ".join([step.tool, *step.arguments])
    return written(step.tool, dict(zip(PARAMETERS[step.tool], step.arguments, strict=True)))


def final(env: "ToolWorld", answer: str) -> str:
    """Return an answer in the environment's form."""
    return f"answer {answer}" if env.options.form == "line" else f"Answer: {answer}"


def _other(env: "ToolWorld", dice: random.Random) -> str:
    """Return a wrong answer of the right kind."""
    right, facts = env.answer, env.scene.records.facts
    alike = {value for (_, relation), value in facts.items() if relation in (*LINKS, *NUMBERS)}
    return dice.choice(sorted(alike - {right}))
