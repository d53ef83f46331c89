"""Guess a hidden number from 0 to 19; the world says higher or lower.

| what | value |
|---|---|
| actions | any text; its last integer is the guess |
| observations | one line: what is known of the number so far |
| reward | 1 for the right guess, 0 for any other turn |
| ends | solved by the right guess; cut off after 6 turns |
| random | the number, from the task's seed alone |
| source | ours; bisection needs at most 5 turns |
"""

import random
from dataclasses import replace
from typing import Any, ClassVar, Literal

from agentrl.env import Player, PlayerKind, Reply, Split, TextEnv
from agentrl.errors import InvalidAction
from agentrl.players import Reasoned
from agentrl.types import Panel, Task
from agentrl_verifiers.integer import last_integer

COUNT = 20


def hidden(seed: int) -> int:
    """Return the number of the task with this seed."""
    return random.Random(f"guess/{seed}").randrange(COUNT)


class Guess(TextEnv):
    """Find a hidden number from 0 to 19. After each guess you are told what is known. At most 6 turns."""

    name = "guess"
    max_turns = 6
    restorable: ClassVar[Literal["exact", "replay", "no"]] = "exact"

    def tasks(self, split: Split) -> Panel:
        """Return numbered tasks that hold their answer: a verifier can judge a stored guess."""
        panel = super().tasks(split)
        made = (replace(task, data={"answer": str(hidden(task.seed))}) for task in panel)
        return Panel(panel.name, tuple(made))

    def begin(self, task: Task) -> str:
        """Hide a number."""
        self._secret = hidden(task.seed)
        self._low, self._high = -1, COUNT
        return self._known()

    def act(self, action: str) -> Reply:
        """Compare a guess with the number."""
        guess = last_integer(action)
        if guess is None or not 0 <= guess < COUNT:
            raise InvalidAction(f"Not a number from 0 to {COUNT - 1}. {self._known()}")
        if guess == self._secret:
            return Reply("Yes.", reward=1.0, success=True)
        if guess < self._secret:
            self._low = max(self._low, guess)
        else:
            self._high = min(self._high, guess)
        return Reply(self._known())

    def state_key(self) -> str:
        """Return what is known: two ways to the same knowledge are one state."""
        return f"{self._low}:{self._high}"

    def player(self, kind: PlayerKind, seed: int) -> Player:
        """Return the expert, who bisects, or the demonstrator, who half of the time guesses at random."""
        if kind not in ("expert", "demonstrator"):
            return super().player(kind, seed)
        dice = random.Random(seed)

        def play(observation: str) -> str:
            middle = (self._low + self._high) // 2
            if kind == "demonstrator" and dice.random() < 0.5:
                return str(dice.randint(self._low + 1, self._high - 1))
            return Reasoned(str(middle), f"{self._low + 1} to {self._high - 1}")

        return play

    def save(self) -> Any:
        """Return the number and what is known of it."""
        return self._secret, self._low, self._high

    def load(self, state: Any) -> None:
        """Take back what `save` returned."""
        self._secret, self._low, self._high = state

    def _known(self) -> str:
        known = [f"higher than {self._low}"] * (self._low >= 0) + [f"lower than {self._high}"] * (
            self._high < COUNT
        )
        return f"The number is {' and '.join(known)}." if known else f"Guess a number from 0 to {COUNT - 1}."
