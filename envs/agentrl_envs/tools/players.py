"""Scripted agents: one who makes the fewest calls, one who makes more than needed, three to compare with.

Whoever does not know an answer says something of the right sort that it has read.

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
from agentrl_envs.tools.plan import Known, Step, answered, shortest
from agentrl_envs.tools.world import CAPITAL, HOME, keys_of

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
    dice = random.Random(f"tools/{seed}")
    if kind == "expert":
        return lambda observation: _next(env, env.known)
    if kind == "never":
        return lambda observation: _best(env, dice)
    if kind == "always":
        return _always(env, dice)
    if kind == "random":
        return lambda observation: _anything(env, dice)
    return _demonstrator(env, dice)


def _demonstrator(env: "ToolWorld", dice: random.Random) -> Player:
    habits = Habits()
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


def _always(env: "ToolWorld", dice: random.Random) -> Player:
    """Return who calls in every turn but the last: what it needs, then the question's first fact again."""
    left = min(env.max_turns - 1, env.call_budget)

    def play(observation: str) -> str:
        nonlocal left
        left -= 1
        if left < 0:
            return _best(env, dice)
        scene = env.scene
        plan = shortest(scene.records, scene.question, env.known)
        again = Step("lookup", keys_of(scene.question.chains[0], scene.records.facts)[0])
        return worded(env, plan[0] if plan else again)

    return play


def _best(env: "ToolWorld", dice: random.Random) -> str:
    """Return the answer where it follows from what was read so far, else a guess of the right sort."""
    question = env.scene.question
    if answered(question, env.scene.records, env.known):
        return final(env, env.answer)
    number = bool(question.sign) or question.chains[0].relations[-1] in env.scene.records.relations.numbers
    read = _read(env)
    return final(env, dice.choice([word for word in read if word.isdigit() == number] or read))


def _anything(env: "ToolWorld", dice: random.Random) -> str:
    """Return a call of any tool about anything that was read, or any of it as the answer."""
    tool, read = dice.choice([*PARAMETERS, ""]), _read(env)
    if not tool:
        return final(env, dice.choice(read))
    name = dice.choice([word for word in read if not word.isdigit()])
    if tool == "lookup":
        return worded(env, Step(tool, (name, dice.choice(env.scene.records.relations.all))))
    if tool == "calculate":
        numbers = [word for word in read if word.isdigit()] or ["1"]
        return worded(
            env, Step(tool, (f"{dice.choice(numbers)} {dice.choice('+*')} {dice.choice(numbers)}",))
        )
    return worded(env, Step(tool, (name,)))


def _read(env: "ToolWorld") -> list[str]:
    """Return the names and numbers that an agent has read so far, in the question or since."""
    scene = env.scene
    keys = {*scene.told, *env.found}
    named = {chain.start for chain in scene.question.chains} | {name for name, _ in keys}
    return sorted(named | {scene.records.facts[key] for key in keys})


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
    alike = {value for (_, relation), value in facts.items() if relation not in (HOME, CAPITAL)}
    return dice.choice(sorted(alike - {right}))
