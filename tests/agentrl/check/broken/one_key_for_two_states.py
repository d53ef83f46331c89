"""Two different states have one key, and no list of actions tells them apart."""

from agentrl import Reply
from tests.agentrl.check.whole import Steps


class Aliases(Steps):
    """A door that opens only once a lever was pulled, which nothing of what is read shows."""

    def view(self) -> str:
        return "A lever and a door."

    def admissible(self) -> list[str]:
        return ["go", "stay"]

    def act(self, action: str) -> Reply:
        opens = action == "stay" and self.at > 0
        self.at += action == "go"
        return Reply(self.view(), reward=float(opens), success=opens or None)

    def state_key(self) -> str:
        return "room"

    def expert(self) -> str:
        return "stay" if self.at else "go"
