"""The agent reads what it was paid."""

from tests.agentrl.check.whole import Steps


class Shown(Steps):
    """Ends every text with the reward so far."""

    def view(self) -> str:
        return f"{super().view()} (reward: {self.at / 3:.1f})"
