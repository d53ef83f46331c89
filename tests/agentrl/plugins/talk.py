"""A world where every answer is right and its letters count as calls: runs differ in calls alone."""

from collections.abc import Mapping
from typing import ClassVar

from agentrl.env import Reply, TextEnv
from agentrl.registry import env
from agentrl.types import Task


@env("talk")
class Talk(TextEnv):
    """Say anything."""

    panel_sizes: ClassVar[Mapping[str, int]] = {"train": 4, "dev": 2, "test": 2}

    def begin(self, task: Task) -> str:
        self.calls = 0
        return f"Task {task.id}."

    def act(self, action: str) -> Reply:
        self.calls = len(action) % 50
        return Reply("Thanks.", reward=1.0, success=True)

    def metrics(self) -> Mapping[str, float]:
        return {"calls": float(self.calls), "calls_limit": 50.0}
