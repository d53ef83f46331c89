"""Environments with one thing wrong each: a conformance check that misses one is not worth running."""

import random
import time
from collections.abc import Mapping
from typing import Any, ClassVar

from agentrl.env import SPLITS, Player, PlayerKind, Reply, Split, TextEnv
from agentrl.types import Panel, Task


class Steps(TextEnv):
    """Take three steps with `go`; `stay` does nothing. Right, except for the wrong ones below."""

    max_turns = 8

    def begin(self, task: Task) -> str:
        self.at = 0
        return self.view()

    def view(self) -> str:
        return f"Step {self.at} of 3."

    def act(self, action: str) -> Reply:
        self.at += action == "go"
        return Reply(self.view(), reward=float(self.at == 3), success=True if self.at == 3 else None)

    def admissible(self) -> list[str]:
        return ["go", "stay"] if self.at else ["go"]

    def player(self, kind: PlayerKind, seed: int) -> Player:
        return (lambda _: "go") if kind == "expert" else super().player(kind, seed)


class OneSplit(Steps):
    def tasks(self, split: Split) -> Panel:
        return Panel("same", tuple(Task(f"t{i}", split, i) for i in range(5)))


class SameContent(Steps):
    def tasks(self, split: Split) -> Panel:
        return Panel(split, tuple(Task(f"{split}{i}", split, i) for i in range(5)))


class EmptySplit(Steps):
    panel_sizes: ClassVar[Mapping[str, int]] = {"train": 10, "dev": 0, "test": 5}


class DrawnPanel(Steps):
    def tasks(self, split: Split) -> Panel:
        draw = random.Random().randrange(10**9)
        return Panel(split, (Task(f"{split}-a", split, 10 * draw + SPLITS.index(split)),))


class HashedPanel(Steps):
    """The same twice here, but not in a process with other hash seeds."""

    def tasks(self, split: Split) -> Panel:
        return Panel(split, (Task(f"{split}-a", split, hash(f"x{split}")),))


class Remembers(Steps):
    episodes = 0

    def begin(self, task: Task) -> str:
        self.episodes += 1
        return f"{super().begin(task)} Visit {self.episodes}."


class CommonDice(Steps):
    def act(self, action: str) -> Reply:
        reply = super().act(action)
        return Reply(f"{reply.text} {random.random()}", reply.reward, reply.success)


class LoserExpert(Steps):
    def player(self, kind: PlayerKind, seed: int) -> Player:
        return lambda _: "stay"


class EasyJunk(Steps):
    def act(self, action: str) -> Reply:
        return Reply("Done.", success=True)


class Fragile(Steps):
    def act(self, action: str) -> Reply:
        action.encode()  # half of a surrogate pair cannot be encoded
        return super().act(action)


class BadScore(Steps):
    def act(self, action: str) -> Reply:
        return Reply(self.view(), score=2.0)


class Endless(Steps):
    def step(self, action: str) -> Any:
        self.max_turns = 10**6
        out = super().step(action)
        self.max_turns = 8
        return out


class Forgetful(Steps):
    restorable = "exact"

    def save(self) -> Any:
        return None

    def load(self, state: Any) -> None:
        self.at = 0


class AtHome(Steps):
    """Snapshots mean something in this process only."""

    restorable = "exact"
    shelf: ClassVar[dict[int, int]] = {}

    def save(self) -> Any:
        self.shelf[len(self.shelf)] = self.at
        return len(self.shelf) - 1

    def load(self, state: Any) -> None:
        self.at = self.shelf[state]


class Glued(Steps):
    def begin(self, task: Task) -> str:
        self.view_it = lambda: self.view()
        return super().begin(task)


class OneKey(Steps):
    def state_key(self) -> str:
        return "here"


class Aliased(Steps):
    """Keys tell the actions of now apart, not those after the next step."""

    def admissible(self) -> list[str]:
        return ["go", "stay", f"look{self.at}"] if self.at > 1 else ["go"]

    def state_key(self) -> str:
        return str(self.at > 1)


class BehindADoor(Steps):
    """Has one key for everything behind a door, which only words that nobody guesses open."""

    def act(self, action: str) -> Reply:
        opens = action == f"open {self.task and self.task.seed}"
        return super().act("go" if opens else action if self.at else "stay")

    def admissible(self) -> list[str] | None:  # type: ignore[override]
        return ["go", "stay", f"look{self.at}"] if self.at else None

    def state_key(self) -> str:
        return str(self.at > 0)

    def player(self, kind: PlayerKind, seed: int) -> Player:
        if kind != "expert":
            return super().player(kind, seed)
        return lambda _: "go" if self.at else f"open {self.task and self.task.seed}"


class Unlisted(Steps):
    def admissible(self) -> None:  # type: ignore[override]
        return None


class Talkative(Steps):
    def tasks(self, split: Split) -> Panel:
        return Panel(
            split,
            tuple(
                Task(f"{split}{i}", split, i + 9 * SPLITS.index(split), {"answer": "blue"}) for i in range(5)
            ),
        )

    def begin(self, task: Task) -> str:
        return f"{super().begin(task)} It is Blue."


class PaysInWords(Steps):
    def view(self) -> str:
        return f"{super().view()} Reward: {self.at}"


class Opaque(Steps):
    def metrics(self) -> Mapping[str, Any]:
        return {"speed": self}


class NoSpace(Steps):
    def __init__(self, split: Split = "train", **options: Any) -> None:
        super().__init__(split, **options)
        self.observation_space = None  # type: ignore[assignment]


class Raises(Steps):
    def metrics(self) -> Mapping[str, float]:
        raise KeyError("speed")


class Hangs(Steps):
    def act(self, action: str) -> Reply:
        time.sleep(5 if action == "[" else 0)
        return super().act(action)
