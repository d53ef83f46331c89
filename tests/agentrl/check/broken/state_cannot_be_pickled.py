"""The state of an episode cannot leave the process."""

import threading

from agentrl import Task
from tests.agentrl.check.whole import Steps


class Unpicklable(Steps):
    """Holds a lock."""

    def begin(self, task: Task) -> str:
        self.lock = threading.Lock()
        return super().begin(task)
