"""Scripted agents: one who searches as little as it takes, one with bad habits, one who tries anything.

The demonstrator shows whole searches and right answers now and then, but by habit it looks for half a name,
searches twice, stops before the last passage, or answers with the name of what it just read.
"""

import random
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agentrl.env import Player, PlayerKind
from agentrl.toolcalls import written

if TYPE_CHECKING:
    from agentrl_envs.search_qa.env import SearchQA

_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Habits:
    """What the demonstrator does; probabilities."""

    half: float = 0.35
    """searches for the last word of what it should search for"""
    again: float = 0.25
    """makes a search a second time"""
    early: float = 0.35
    """answers before the last search"""
    title: float = 0.15
    """answers with a title that it read"""


def player(env: "SearchQA", kind: PlayerKind, seed: int) -> Player:
    """Return a player of the episode that has begun."""
    dice = random.Random(f"search_qa/{kind}/{seed}")
    if kind == "random":
        return lambda observation: _anything(env, observation, dice)
    plan, wrong = list(env.plan), False
    if kind == "demonstrator":
        early = len(plan) > 1 and dice.random() < Habits().early
        plan = _spoilt(plan[: len(plan) - early], dice)
        wrong = early or dice.random() < Habits().title

    def play(observation: str) -> str:
        if plan:
            return searched(env, plan.pop(0))
        titles = [one.title for one in env.read if one.title not in env.answers]
        return answer(env, titles[-1] if wrong and titles else env.answers[0])

    return play


def _spoilt(plan: list[str], dice: random.Random) -> list[str]:
    """Return a plan as somebody with habits carries it out."""
    habits, made = Habits(), list[str]()
    for query in plan:
        words = query.split()
        if len(words) > 1 and dice.random() < habits.half:
            made.append(words[-1])
        made.append(query)
        if dice.random() < habits.again:
            made.append(query)
    return made


def _anything(env: "SearchQA", observation: str, dice: random.Random) -> str:
    words = _WORD.findall(f"{env.goal()} {observation}") or ["anything"]
    word = dice.choice(words)
    return searched(env, word) if dice.random() < 0.5 else answer(env, word)


def searched(env: "SearchQA", query: str) -> str:
    """Return a search in the environment's form."""
    return f"search {query}" if env.options.form == "line" else written("search", {"query": query})


def answer(env: "SearchQA", text: str) -> str:
    """Return an answer in the environment's form."""
    return f"answer {text}" if env.options.form == "line" else f"Answer: {text}"
