"""A snapshot leaves something out."""

from typing import Any

from agentrl import Task
from tests.agentrl.check.whole import Steps


class Forgets(Steps):
    """Keeps the place, and forgets what is carried."""

    restorable = "exact"

    def begin(self, task: Task) -> str:
        self.carried = 0
        return super().begin(task)

    def view(self) -> str:
        self.carried += 1
        return f"{super().view()} You carry {self.carried}."

    def save(self) -> Any:
        return self.at

    def load(self, state: Any) -> None:
        self.at, self.carried = state, 0
