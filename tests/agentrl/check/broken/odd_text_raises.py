"""An action that is no number raises, where it should be answered."""

from agentrl import Reply
from tests.agentrl.check.whole import Steps


class Strict(Steps):
    """Takes everything but go and stay for a number."""

    def act(self, action: str) -> Reply:
        return super().act(action if action in ("go", "stay") else str(int(action)))
