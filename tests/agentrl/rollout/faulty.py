"""A walk through doors in which faults can be put: by a task's data, at a turn, or by chance."""

import os
import random
import signal
import stat
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from agentrl.env import Player, PlayerKind, Reply, TextEnv
from agentrl.errors import InvalidAction
from agentrl.types import Task

TURNS = 4
LEAKED: list[bytearray] = []


@dataclass(frozen=True)
class Options:
    """How often what goes wrong."""

    crash: float = 0.0
    """share of actions whose process ends"""
    hang: float = 0.0
    """share of actions without an answer"""
    slow: float = 0.0
    """share of actions that take ten times as long"""
    garbage: float = 0.0
    """share of actions answered with what is no number"""
    leak: int = 0
    """KiB that every action leaves behind"""


class Faulty(TextEnv):
    """Walk through four doors, left or right as you are told. Reward 1 at the end."""

    name = "faulty"
    Options = Options
    max_turns = 8
    panel_sizes: ClassVar[Mapping[str, int]] = {"train": 40, "dev": 8, "test": 8}

    def begin(self, task: Task) -> str:
        self.at = 0
        self._fault(task.data.get("begin", ""))
        self.right = [self.rng.choice(["left", "right"]) for _ in range(TURNS)]
        return self._scene()

    def goal(self) -> str:
        return "reach the end"

    def admissible(self) -> list[str]:
        return ["left", "right"]

    def player(self, kind: PlayerKind, seed: int) -> Player:
        if kind != "expert" and kind != "demonstrator":
            return super().player(kind, seed)
        assert self.task is not None
        fault, told = self.task.data.get("player", ""), list(self.right)

        def played(observation: str) -> str:
            self._fault(fault)
            return told.pop(0)

        return played

    def act(self, action: str) -> Reply:
        assert self.task is not None
        if self.at == 1:
            assert self.task.data.get("act") != "nan", "an answer that is no number was taken for one"
            self._fault(self.task.data.get("act", ""))
        self._fault(action)
        self._chance()
        if action not in ("left", "right"):
            raise InvalidAction("You jam.")
        if action != self.right[self.at]:
            return Reply("Wrong door.", success=False, score=self.at / TURNS)
        self.at += 1
        if self.at == TURNS:
            return Reply("Out.", reward=1.0, success=True)
        reward = float("nan") if self.task.data.get("act") == "nan" else 0.25
        return Reply(self._scene(), reward=reward)

    def _scene(self) -> str:
        return f"Door {self.at}. Go {self.right[self.at]}."

    def _chance(self) -> None:
        options, dice = self.options, random.SystemRandom()
        for fault in ("crash", "hang", "slow", "garbage"):
            if dice.random() < getattr(options, fault):
                self._fault(fault)
        LEAKED.append(bytearray(options.leak * 1024))

    def _fault(self, kind: str) -> None:
        if kind == "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        elif kind == "exit":
            os._exit(3)
        elif kind == "hang":
            time.sleep(3600)
        elif kind == "spin":
            sum(range(10**12))
        elif kind == "slow":
            time.sleep(0.01)
        elif kind == "raise":
            raise ZeroDivisionError("the house\nfell down")
        elif kind == "eat":
            LEAKED.append(bytearray(4 << 30))
        elif kind == "garbage":
            os.write(descriptor(), b"\x00\x00\x00\x00\x00\x00\x00\x02no")


def descriptor() -> int:
    """Return the number of the socket that calls come through: the code of a model could find it, too."""
    for number in range(3, 64):
        try:
            if stat.S_ISSOCK(os.fstat(number).st_mode):
                return number
        except OSError:
            continue
    raise LookupError("there is no socket")
