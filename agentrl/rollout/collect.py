"""Starts to trajectories: many episodes side by side, each as if it were alone.

The schedule is logical: at every tick all running episodes, in the order of their starts, are asked together.
Random numbers are named by (seed, task number, sample, turn), so who plays beside an episode changes nothing.
"""

import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from agentrl.env import TextEnv
from agentrl.rollout.actors import Actor, PlayerActor, SamplerActor
from agentrl.rollout.chat import Chat
from agentrl.rollout.episode import Episode, Moment, Rules, Start
from agentrl.types import Trajectory

__all__ = ["Actor", "Collector", "Moment", "PlayerActor", "SamplerActor", "Start", "collect"]

log = logging.getLogger(__name__)

Progress = Callable[[int, int, int], None]
"""Called with episodes done, episodes in all, tokens written"""


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

    def play(self, starts: Sequence[Start]) -> list[Episode]:
        """Return the played episodes, in the order of their starts."""
        with ExitStack() as made:
            return self._played(starts, made)

    def _played(self, starts: Sequence[Start], made: ExitStack) -> list[Episode]:
        rules = Rules(self.chat, self.seed, self.reward_weights)
        waiting = deque(enumerate(starts))
        running: list[Episode] = []
        idle: list[TextEnv] = []
        done: dict[int, Episode] = {}
        tokens = 0
        while waiting or running:
            while waiting and len(running) < self.parallel:
                place, start = waiting.popleft()
                episode = Episode(start, place, idle.pop() if idle else self._new(made), rules)
                episode.begin()
                running.append(episode)
            tokens += self._tick([episode for episode in running if episode.over is None])
            ended = [episode for episode in running if episode.over is not None]
            running = [episode for episode in running if episode.over is None]
            done.update((episode.place, episode) for episode in ended)
            idle += [episode.env for episode in ended if not episode.broken]
            self.actor.finished([episode.place for episode in ended])
            if self.progress is not None:
                self.progress(len(done), len(starts), tokens)
        return [done[place] for place in range(len(starts))]

    def _new(self, made: ExitStack) -> TextEnv:
        env = self.make_env()
        made.callback(_close, env)
        return env

    def _tick(self, episodes: Sequence[Episode]) -> int:
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
            episode.take(ask, sample, sampling)
        return sum(len(sample.ids) for sample in samples)


def _close(env: TextEnv) -> None:
    """Close an environment; one that cannot be closed is told in the log and ends nothing."""
    try:
        env.close()
    except Exception:
        log.warning("env '%s' could not be closed", env.name, exc_info=True)


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
