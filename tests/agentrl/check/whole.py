"""What the broken things are made of: two environments and pairs with nothing wrong."""

from dataclasses import replace

from agentrl import InvalidAction, Reply, Task, TextEnv
from agentrl.env import Player, PlayerKind, Split
from agentrl.types import Panel
from agentrl.verify import Pair

PAIRS = (Pair("yes", {"answer": "yes"}, True), Pair("no", {"answer": "yes"}, False))
WORDS = ("apple", "pear", "plum")


class Steps(TextEnv):
    """Take three steps with `go`; `stay` does nothing."""

    max_turns = 6

    def begin(self, task: Task) -> str:
        self.at = 0
        return self.view()

    def view(self) -> str:
        return f"Step {self.at} of 3."

    def act(self, action: str) -> Reply:
        self.at += action == "go"
        return Reply(self.view(), reward=float(self.at == 3), success=True if self.at == 3 else None)

    def admissible(self) -> list[str]:
        return ["go", "stay"]

    def expert(self) -> str:
        return "go"

    def player(self, kind: PlayerKind, seed: int) -> Player:
        return (lambda _: self.expert()) if kind == "expert" else super().player(kind, seed)


class Asks(TextEnv):
    """Say the word that is meant."""

    max_turns = 2

    def tasks(self, split: Split) -> Panel:
        panel = super().tasks(split)
        made = (replace(task, data={"answer": WORDS[task.seed % 3]}) for task in panel)
        return Panel(panel.name, tuple(made))

    def begin(self, task: Task) -> str:
        return f"Which word has the number {task.seed % 3}?"

    def act(self, action: str) -> Reply:
        assert self.task is not None
        if action not in WORDS:
            raise InvalidAction(f"Not a word. {self._observation}")
        right = action == self.task.data["answer"]
        return Reply("Well.", reward=float(right), success=right)

    def player(self, kind: PlayerKind, seed: int) -> Player:
        if kind != "expert":
            return super().player(kind, seed)
        return lambda _: str(self.task.data["answer"]) if self.task else ""
