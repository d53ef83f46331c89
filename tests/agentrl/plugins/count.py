"""A small world, as a stranger would write it in a file of their own."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from agentrl.env import Player, PlayerKind, Reply, TextEnv
from agentrl.errors import InvalidAction
from agentrl.registry import env
from agentrl.types import Task


@dataclass(frozen=True, slots=True)
class CountOptions:
    """What can be chosen."""

    high: int = 5
    """number to reach, in steps"""
    words: Literal["digits", "roman"] = "digits"
    """how numbers are written"""
    bonus: float | None = None
    """paid at the end, in reward units; none: nothing"""


@env("count")
class Count(TextEnv):
    """Walk up or down from a hidden start to a goal; say `up` or `down`."""

    Options = CountOptions
    max_turns = 12
    tiny: ClassVar[Mapping[str, Any]] = {
        "env.high": 3,
        "rollout.tasks": 4,
        "algo.group_size": 2,
        "algo.nobody_has_this": 1,
    }

    def begin(self, task: Task) -> str:
        self.at = self.rng.randrange(self.options.high)
        return f"You are at {self.at} of {self.options.high}."

    def act(self, action: str) -> Reply:
        if action not in ("up", "down"):
            raise InvalidAction(f"Say up or down. You are at {self.at}.")
        self.at += 1 if action == "up" else -1
        done = self.at >= self.options.high
        return Reply(
            f"You are at {self.at} of {self.options.high}.",
            reward=float(done),
            success=True if done else None,
        )

    def admissible(self) -> list[str]:
        return ["up", "down"]

    def player(self, kind: PlayerKind, seed: int) -> Player:
        return (lambda _: "up") if kind == "expert" else super().player(kind, seed)
