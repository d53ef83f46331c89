"""Saying nothing wins."""

from agentrl import Reply
from tests.agentrl.check.whole import Asks


class AnythingGoes(Asks):
    """Looks whether the answer begins like the right one: an empty one does."""

    def act(self, action: str) -> Reply:
        assert self.task is not None
        right = self.task.data["answer"].startswith(action[:1])
        return Reply("Well.", reward=float(right), success=right)
