"""Saying again what was read wins."""

from agentrl import Reply
from tests.agentrl.check.whole import Asks


class Echo(Asks):
    """Looks for words of the question in the answer."""

    def act(self, action: str) -> Reply:
        assert self.task is not None
        right = "Which word" in action or action == self.task.data["answer"]
        return Reply("Well.", reward=float(right), success=right)
