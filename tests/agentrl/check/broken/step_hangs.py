"""A step that does not come back."""

import time

from agentrl import Reply
from tests.agentrl.check.whole import Steps


class Hangs(Steps):
    """Waits for ever once somebody says nothing at all."""

    def act(self, action: str) -> Reply:
        if not action:
            time.sleep(3600)
        return super().act(action)
