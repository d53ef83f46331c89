"""Members of one group start in different places: the second episode is not the first one's twin."""

from typing import ClassVar

from agentrl import Task
from tests.agentrl.check.whole import Steps


class StartsDiffer(Steps):
    """Counts its episodes, in all environments together, and starts every other one a step ahead."""

    begun: ClassVar[list[int]] = []

    def begin(self, task: Task) -> str:
        super().begin(task)
        self.at = len(self.begun) % 2
        self.begun.append(1)
        return self.view()
