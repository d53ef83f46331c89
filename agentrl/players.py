"""Players: scripts that act in an environment, to demonstrate or to compare with."""

from collections.abc import Callable
from typing import Literal

Player = Callable[[str], str]
"""From an observation to the next action (see `Reasoned`); may keep memory of one episode."""
PlayerKind = Literal["expert", "demonstrator", "random", "never", "always"]
"""never: answers without calling a tool; always: calls one as long as it may (see `TextEnv.references`)"""


class Reasoned(str):
    """An action of a player with the thought that led to it, which is said where replies hold thoughts."""

    thought: str

    def __new__(cls, action: str, thought: str = "") -> "Reasoned":
        """Return the action, which remembers its thought."""
        made = super().__new__(cls, action)
        made.thought = thought
        return made

    def __reduce__(self) -> tuple[type["Reasoned"], tuple[str, str]]:
        """Return what a copy is made of: environments keep the actions they were given."""
        return Reasoned, (str(self), self.thought)
