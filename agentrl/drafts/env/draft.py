"""Add two digits.

| what | value |
|---|---|
| actions | a number from 0 to 18 |
| observations | one line: the question |
| reward | 1 for the right sum, 0 for any other turn |
| ends | solved by the right sum; cut off after 3 turns |
| random | the digits, from the task's seed alone |
"""

import random

from agentrl import InvalidAction, Reply, Task, TextEnv, env
from agentrl.env import Player, PlayerKind


@env("draft")
class Draft(TextEnv):
    """Add the two digits that you are shown. Answer with a number. At most 3 turns."""

    max_turns = 3

    def begin(self, task: Task) -> str:
        """Draw the digits, from a generator that the task seeds, and ask."""
        self.digits = self.rng.randrange(10), self.rng.randrange(10)
        return "What is {} + {}?".format(*self.digits)

    def act(self, action: str) -> Reply:
        """Answer one action of the agent."""
        if action not in self.admissible():
            raise InvalidAction("Answer with a number from 0 to 18.")  # told to the agent, never a crash
        if int(action) == sum(self.digits):
            return Reply("Yes.", reward=1.0, success=True)
        return Reply("No. What is {} + {}?".format(*self.digits))

    # The rest is optional.

    def admissible(self) -> list[str]:
        """Return what can be done now; a random player draws from it."""
        return [str(number) for number in range(19)]

    def player(self, kind: PlayerKind, seed: int) -> Player:
        """Return the best player there is, or one with slips, whom a model imitates first."""
        if kind == "random":
            return super().player(kind, seed)
        slips, dice = 0.5 * (kind == "demonstrator"), random.Random(seed)
        return lambda seen: str(dice.randrange(19) if dice.random() < slips else sum(self.digits))
