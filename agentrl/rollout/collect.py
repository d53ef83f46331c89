"""Starts to trajectories: many episodes side by side, each as if it were alone.

The logical schedule asks all running episodes together at every tick, in the order of their starts: the same
episodes token for token each time. The eager one waits for nobody (see `eager`); its episodes are equal up to
rounding. Random numbers are named by (seed, task number, sample, turn): who plays beside an episode changes
nothing.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Literal

from agentrl.env import TextEnv
from agentrl.errors import RunError
from agentrl.rollout.actors import Actor, PlayerActor, SamplerActor
from agentrl.rollout.chat import Chat
from agentrl.rollout.eager import Event, Told, play_eagerly
from agentrl.rollout.episode import Answer, Episode, Moment, Rules, Start
from agentrl.rollout.stage import Stage
from agentrl.types import Trajectory

__all__ = ["Actor", "Collector", "Moment", "PlayerActor", "SamplerActor", "Start", "collect"]

Progress = Callable[[int, int, int], None]
"""Called with episodes done, episodes in all, tokens written"""


Schedule = Literal["logical", "eager"]
Each = Callable[[Callable[[Episode], Answer], Iterable[Episode]], Iterable[Answer]]
"""Returns what a function makes of each episode, in order: `map`, or that of a pool"""


@dataclass(frozen=True, slots=True)
class Collector:
    """Everything an episode needs beside its start."""

    make_env: Callable[[], TextEnv]
    actor: Actor
    chat: Chat
    seed: int
    reward_weights: Mapping[str, float] = field(default_factory=dict[str, float])
    """of each named component in a return; 1 where not named"""
    progress: Progress | None = None
    parallel: int = 256
    """episodes in play at once, an environment each"""
    moments: bool = False
    """remember every state on the way, to return to"""
    schedule: Schedule = "logical"
    threads: int = 0
    """logical: environments that answer side by side, as many as there are workers; 0: one after another"""

    def play(self, starts: Sequence[Start]) -> list[Episode]:
        """Return the played episodes, in the order of their starts."""
        with ExitStack() as made:
            stage = Stage(self.make_env, self.parallel, made)
            stage.add(starts, self.rules(self.seed))
            if self.schedule == "eager":
                self._eager(stage)
            elif self.threads:
                with ThreadPoolExecutor(self.threads, thread_name_prefix="environment") as pool:
                    self._logical(stage, pool.map)
            else:
                self._logical(stage, map)
            return stage.played()

    def play_on(self, inbox: "SimpleQueue[Event]", told: Told) -> None:
        """Play eagerly whatever starts come through the inbox, until the stage is shut."""
        with ExitStack() as made:
            stage = Stage(self.make_env, self.parallel, made, lasting=True)
            play_eagerly(stage, self.actor, self.parallel, moments=self.moments, told=told, inbox=inbox)

    def rules(self, seed: int) -> Rules:
        """Return what its episodes share, their random numbers named by `seed`."""
        return Rules(self.chat, seed, self.reward_weights)

    def _logical(self, stage: Stage, each: Each) -> None:
        tokens = 0
        while not stage.over:
            entering = stage.entering()
            for episode, answer in zip(entering, each(Episode.opening, entering), strict=True):
                episode.opened(answer)
            tokens += self._tick([episode for episode in stage.playing() if episode.over is None], each)
            ended = [episode for episode in stage.playing() if episode.over is not None]
            for episode in ended:
                stage.leave(episode)
            self.actor.finished([episode.place for episode in ended])
            self._tell(stage, tokens)

    def _eager(self, stage: Stage) -> None:
        tokens = 0

        def told(episode: Episode, more: int) -> None:
            nonlocal tokens
            tokens += more
            if not more:
                self._tell(stage, tokens)

        inbox: SimpleQueue[Event] = SimpleQueue()
        play_eagerly(stage, self.actor, self.parallel, moments=self.moments, told=told, inbox=inbox)

    def _tell(self, stage: Stage, tokens: int) -> None:
        if self.progress is not None:
            self.progress(stage.done, stage.count, tokens)

    def _tick(self, episodes: Sequence[Episode], each: Each) -> int:
        """Play one turn of each episode; return how many tokens were written."""
        sampling = self.actor.sampling
        if self.moments:
            for episode in episodes:
                episode.remember()
        ready = [
            (episode, ask)
            for episode in episodes
            if episode.over is None and (ask := episode.ask(sampling.max_tokens)) is not None
        ]
        if not ready:
            return 0
        samples = self.actor.replies([ask for _, ask in ready])
        for (episode, ask), sample in zip(ready, samples, strict=True):
            episode.read(ask, sample, sampling)
        asked = [episode for episode, _ in ready]
        for episode, answer in zip(asked, each(Episode.answering, asked), strict=True):
            episode.answered(answer)
        return sum(len(sample.ids) for sample in samples)


def check_tokens(broken: float) -> None:
    """Raise RunError where turns do not hold the tokens that the sampler saw and wrote."""
    if broken:
        raise RunError(
            f"{broken:.0f} turns do not hold the tokens that the sampler saw and wrote; training on them"
            " would be training on something else. Please report this with the run folder"
        )


def collect(
    starts: Sequence[Start],
    make_env: Callable[[], TextEnv],
    actor: Actor,
    chat: Chat,
    *,
    seed: int,
    reward_weights: Mapping[str, float] | None = None,
) -> list[Trajectory]:
    """Return the trajectory of each start, in order; `Collector` has more to set.

    Edge: what an environment raises ends its own episode with `environment_error`, and nothing else.
    """
    collector = Collector(make_env, actor, chat, seed, reward_weights or {})
    return [episode.trajectory for episode in collector.play(starts)]
