"""The guessing game in a world that takes its time, and that can be told to do harm."""

import gc
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from agentrl.env import Reply
from agentrl_envs.guess import Guess


@dataclass(frozen=True)
class Options:
    """How slow, and when it does harm."""

    seconds: float = 0.05
    """an answer takes where worlds answer side by side; who only looks is not kept waiting"""
    harm: str = ""
    """file; once it is there it is removed, and the sampler of an actor is broken"""


class Slow(Guess):
    """Find a hidden number; every answer takes a while."""

    name = "slow"
    Options = Options
    panel_sizes: ClassVar[Mapping[str, int]] = {"train": 40, "dev": 8, "test": 8}

    def act(self, action: str) -> Reply:
        if threading.current_thread().name.startswith("environment"):  # in an actor
            time.sleep(self.options.seconds)
            if self.options.harm and Path(self.options.harm).exists():
                Path(self.options.harm).unlink(missing_ok=True)
                for found in [one for one in gc.get_objects() if type(one).__name__ == "HFSampler"]:
                    found.reader = None
        return super().act(action)
