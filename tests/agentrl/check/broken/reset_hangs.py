"""A reset that does not come back."""

import time

from agentrl import Task
from tests.agentrl.check.whole import Steps


class NeverBegins(Steps):
    """Waits for a server that is not there."""

    def begin(self, task: Task) -> str:
        time.sleep(3600)
        return super().begin(task)
