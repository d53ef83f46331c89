"""The right way through earns less than the best score."""

from dataclasses import replace

from agentrl import Reply
from tests.agentrl.check.whole import Steps


class Stingy(Steps):
    """Pays the best there is half."""

    def act(self, action: str) -> Reply:
        reply = super().act(action)
        return replace(reply, score=0.5 if reply.success else 0.0)
