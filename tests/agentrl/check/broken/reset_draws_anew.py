"""Every reset draws something else: nothing seeds the dice."""

import random

from agentrl import Task
from tests.agentrl.check.whole import Steps


class DrawsAnew(Steps):
    """Begins with a number that no task decides."""

    def begin(self, task: Task) -> str:
        return f"{super().begin(task)} Lucky number: {random.Random().random()}"
