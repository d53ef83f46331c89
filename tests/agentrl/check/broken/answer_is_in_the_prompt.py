"""The rules of the game give the answer away."""

from tests.agentrl.check.whole import Asks


class Tells(Asks):
    """Says the word in its instructions."""

    def instructions(self) -> str:
        return f"Say the word. (It is {self.task.data['answer']}.)" if self.task else "Say the word."
