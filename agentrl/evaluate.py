"""Measuring a policy: a panel played once under a decoding."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from agentrl.env import Split, TextEnv
from agentrl.records import Measurement, measured
from agentrl.rollout.chat import Chat
from agentrl.rollout.collect import Actor, PlayerActor, SamplerActor, Start, collect
from agentrl.settings import Decoding, RolloutSettings
from agentrl.types import Panel, Sampler, Sampling, Trajectory


def stream(seed: int, *names: object) -> int:
    """Return the seed of a named random stream, the same in every process."""
    text = "/".join(map(str, (seed, *names)))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=7).digest(), "little")


def sampling_of(settings: RolloutSettings, decoding: Decoding | None = None) -> Sampling:
    """Return how replies are drawn: as in training, or under a decoding of the evaluation."""
    train = Sampling(settings.temperature, settings.top_p, settings.top_k, settings.max_tokens)
    if decoding is None:
        return train
    greedy = decoding in ("greedy", "best_admissible")
    return replace(train, temperature=0.0 if greedy else float(decoding), top_p=1.0, top_k=0)


@dataclass(frozen=True, slots=True)
class Judge:
    """Plays panels and says how it went."""

    chat: Chat
    sampler: Sampler
    make_env: Callable[[Split], TextEnv]
    settings: RolloutSettings
    seed: int

    def measure(self, panel: Panel, decoding: Decoding) -> tuple[Measurement, list[Trajectory]]:
        """Return how the sampler's policy does on each task of the panel, and the episodes."""
        mode = "best_admissible" if decoding == "best_admissible" else "sample"
        actor = SamplerActor(self.sampler, sampling_of(self.settings, decoding), mode)
        return self._play(panel, decoding, actor)

    def baseline(self, panel: Panel, kind: str) -> Measurement:
        """Return how a scripted player does."""
        return self._play(panel, kind, PlayerActor(kind))[0]

    def _play(self, panel: Panel, name: str, actor: Actor) -> tuple[Measurement, list[Trajectory]]:
        begun = time.perf_counter()
        split = panel[0].split
        starts = [Start(task, group=task.id, sample=0, number=i) for i, task in enumerate(panel)]
        episodes = collect(starts, lambda: self.make_env(split), actor, self.chat, seed=stream(self.seed, "eval", name))
        return measured(panel, name, episodes, time.perf_counter() - begun), episodes


def first(panel: Panel, count: int) -> Panel:
    """Return the panel's first tasks; all of them where `count` is 0."""
    return Panel(panel.name, panel.tasks[:count]) if count else panel
