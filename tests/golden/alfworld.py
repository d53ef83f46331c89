"""Cases of the ALFWorld file: recorded episodes of real games, which lie wherever the user keeps them."""

import os
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

from agentrl.errors import AgentRLError
from agentrl.types import Task
from agentrl_envs.alfworld import AlfWorld
from agentrl_envs.alfworld.sources import opened
from agentrl_envs.alfworld.world import VARIABLE
from tests.golden.case import Case, NotHereError
from tests.golden.public import Public

BESIDE = Path(__file__).resolve().parents[3] / "shared" / "data" / "alfworld"
"""where games may lie beside a checkout"""


class Games:
    """Where the real games are; `--data` names a place."""

    given: str = ""

    @classmethod
    def place(cls) -> str:
        """Return the folder or file with the real games; empty where there are none."""
        named = cls.given or os.environ.get(VARIABLE, "")
        return named or (str(BESIDE) if BESIDE.is_dir() else "")


def first(env: AlfWorld, task: Task) -> tuple[str, dict[str, Any]]:
    """Return the first observation of an episode."""
    return env.reset(options={"task": task})


def then(env: AlfWorld, command: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
    """Return what a command leads to."""
    return env.step(command)


def offered(env: AlfWorld) -> list[str]:
    """Return the commands that are offered."""
    return env.admissible()


FUNCTIONS: list[Callable[..., Any]] = [first, then, offered]


def transcript_cases(content: list[dict[str, Any]]) -> list[Case]:
    """Return the episodes, each a case: texts, commands offered, score, won, done.

    Errors: NotHereError where the real games are nowhere to be found.
    """
    data = Games.place()
    if not data:
        raise NotHereError(f"the real ALFWorld games were not found: say --data FOLDER or set {VARIABLE}")
    try:
        opened(data)
    except AgentRLError as why:
        raise NotHereError(f"the real ALFWorld games were not found: {why}") from None
    env = cache(lambda limit: AlfWorld("test", data=data, test="valid_seen", max_turns=limit))
    return [
        Case(
            f"{number} {episode['policy']} {episode['game']}",
            episode["steps"],
            0.0,
            partial(_play, env, episode),
        )
        for number, episode in enumerate(content)
    ]


def _play(env: Callable[[int], AlfWorld], episode: dict[str, Any], public: Public) -> list[dict[str, Any]]:
    world = env(episode["max_episode_steps"])
    task = Task("golden", "test", 0, {"game": episode["game"]})
    text, _ = public.first(world, task)
    steps = [_state(None, text, {}, False, public, world)]
    for wanted in episode["steps"][1:]:
        text, _, terminated, truncated, info = public.then(world, wanted["action"])
        steps.append(_state(wanted["action"], text, info, terminated or truncated, public, world))
    return steps


def _state(
    action: str | None, text: str, info: dict[str, Any], done: bool, public: Public, env: AlfWorld
) -> dict[str, Any]:
    return {
        "action": action,
        "observation": text,
        "admissible_commands": public.offered(env),
        "score": int(info.get("score", 0)),
        "won": bool(info.get("success", False)),
        "done": done,
    }


FILES = {"alfworld_transcripts": transcript_cases}
