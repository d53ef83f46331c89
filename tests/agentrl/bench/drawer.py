"""A world with one drawer and a tool, small enough for a model that is trained within a second."""

from collections.abc import Mapping
from typing import Any, ClassVar

from agentrl.env import Player, PlayerKind, Reply, Split
from agentrl.errors import ConfigError
from agentrl.toolcalls import Said, ToolCall
from agentrl.toolenv import ToolEnv
from agentrl.tools import tool
from agentrl.types import Panel, Task

THINGS = ("ball", "coin", "key", "pen")


class Drawer(ToolEnv):
    """Say what is in the drawer; some tasks tell it."""

    name = "drawer"
    max_turns = 3
    references = ("never", "always", "random")
    tiny: ClassVar[Mapping[str, Any]] = {"rollout.mode": "transcript", "rollout.max_tokens": 6}

    def tasks(self, split: Split) -> Panel:
        start = ("train", "dev", "test").index(split) * 1000
        made = (Task(f"{split}-{i}", split, start + i, {"min_calls": i % 2}) for i in range(150))
        return Panel(f"drawer/{split}", tuple(made))

    def begin(self, task: Task) -> str:
        self.inside = self.rng.choice(THINGS)
        self.known = task.data["min_calls"] == 0
        return f"it holds a {self.inside}" if self.known else "it is shut"

    def said(self, action: str) -> Said:
        word, _, rest = action.partition(" ")
        return Said((ToolCall("open", {}),), "") if word == "open" else Said((), rest)

    def answered(self, answer: str) -> Reply:
        right = answer == self.inside
        return Reply("right" if right else "wrong", reward=float(right), success=right)

    @tool(cost=2, latency=0.25)
    def open(self) -> str:
        """Return what is inside."""
        self.known = True
        return f"it holds a {self.inside}"

    def admissible(self) -> list[str]:
        return ["open", *(f"say {thing}" for thing in THINGS)]

    def player(self, kind: PlayerKind, seed: int) -> Player:
        if kind == "never":
            return lambda _: f"say {self.inside if self.known else THINGS[0]}"
        if kind in ("expert", "demonstrator"):
            return lambda _: f"say {self.inside}" if self.known else "open"
        if kind == "always":
            raise ConfigError("nobody opens it twice")
        return super().player(kind, seed)


class Cupboard(Drawer):
    """Say what is in the cupboard; some tasks tell it."""
