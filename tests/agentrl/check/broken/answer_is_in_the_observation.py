"""The first observation gives the answer away, a short one too."""

from dataclasses import replace

from agentrl import Task
from agentrl.env import Split
from agentrl.types import Panel
from tests.agentrl.check.whole import Asks


class ShowsNumber(Asks):
    """Asks for a number of two digits, which it names."""

    def tasks(self, split: Split) -> Panel:
        panel = super().tasks(split)
        made = (replace(task, data={"answer": str(10 + task.seed % 90)}) for task in panel)
        return Panel(panel.name, tuple(made))

    def begin(self, task: Task) -> str:
        return f"{super().begin(task)} [debug: {task.data['answer']}]"
