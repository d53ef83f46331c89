"""A stand-in for an engine, as slow as one was measured to be; see benchmarks/simulate_scale.py."""

import heapq
import json
import random
import time
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

from agentrl.crew import News
from agentrl.rollout.hf import HFSampler
from agentrl.settings import Settings
from agentrl.station import Model, Station
from agentrl.streamed import Streamed
from agentrl.sync import own_sampler
from agentrl.types import Request, Sample, Sampling, floats32, ids32
from agentrl_envs.guess import Guess

TABLE = Path(__file__).parent / "results" / "decode_step.json"
TOKENS = 8
"""that it writes between two looks at what else is wanted"""


class Many(Guess):
    """Find a hidden number, in as many tasks as ten thousand episodes take."""

    name = "many"
    panel_sizes: ClassVar[Mapping[str, int]] = {"train": 1000, "dev": 8, "test": 8}


class Paced:
    """A sampler that takes an engine's time and none of its work; a probe of its weights is real."""

    def __init__(self, real: HFSampler, says: Sequence[Sequence[int]], steps: dict[int, float]) -> None:
        self._real, self._says, self._steps = real, says, sorted(steps.items())
        self._clock = 0
        self._under_way: list[tuple[int, int, Sample]] = []
        """when a reply is done, in steps; for whom; what it is"""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def submit(self, ticket: int, request: Request, sampling: Sampling) -> None:
        """Take a request."""
        said = ids32(random.Random(str(request.key)).choice(self._says))
        sample = Sample(said, floats32([-1.0] * len(said)), "stop", self._real.version)
        heapq.heappush(self._under_way, (self._clock + len(said), ticket, sample))

    def advance(self) -> list[tuple[int, Sample]]:
        """Wait as long as some steps take; return the replies that are done then."""
        time.sleep(TOKENS * step(self._steps, len(self._under_way)))
        self._clock += TOKENS
        done = []
        while self._under_way and self._under_way[0][0] <= self._clock:
            done.append(heapq.heappop(self._under_way)[1:])
        return done


class PacedStation(Station):
    """Plays with a stand-in for an engine."""

    @staticmethod
    def engine(settings: Settings, model: Model) -> Any:
        """Return it."""
        real = own_sampler(settings, model.config, model.tokenizer, model.ends)
        assert isinstance(real, HFSampler)
        (end,) = list(model.ends)[:1]
        words = [f"<think>so</think><action>{number}</action>" for number in range(20)]
        says = [[*model.tokenizer(text, add_special_tokens=False)["input_ids"], end] for text in words]
        steps = {int(k): v for k, v in json.loads(TABLE.read_text())["seconds"].items()}
        return Paced(real, says, steps)


class PacedStream(Streamed):
    """A stream from such stations, which notes how many groups were under way at most."""

    station = PacedStation
    most = 0

    def _hear(self, news: News) -> None:
        self.most = max(self.most, self.frontier.under_way)
        super()._hear(news)


def step(table: Sequence[tuple[int, float]], batch: int) -> float:
    """Return the seconds of a decoding step: on the line through the two nearest entries."""
    low, high = next((two for two in pairwise(table) if batch <= two[1][0]), tuple(table[-2:]))
    slope = (high[1] - low[1]) / (high[0] - low[0])
    return max(0.0, low[1] + slope * (batch - low[0]))
