"""Who is playing: episodes in the order of their starts, an environment each, and those that have ended."""

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from agentrl.env import TextEnv
from agentrl.rollout.episode import Episode, Rules, Start

log = logging.getLogger(__name__)


class Worlds:
    """Environments to play in: each is handed on when it is free, and one more is made when none is.

    Threads may share them.
    """

    def __init__(self, make_env: Callable[[], TextEnv], made: ExitStack) -> None:
        """Close what `make_env` returned with `made`."""
        self._make_env, self._made = make_env, made
        self._idle: list[TextEnv] = []
        self._lock = threading.Lock()

    def take(self) -> TextEnv:
        """Return an environment that nobody plays in."""
        with self._lock:
            if self._idle:
                return self._idle.pop()
            env = self._make_env()
            self._made.callback(_close, env)
            return env

    def leave(self, episode: Episode) -> None:
        """Take back an episode's environment; what raised is not used again."""
        with self._lock:
            if not episode.broken:
                self._idle.append(episode.env)


class Stage:
    """Lets episodes enter while there is room, and hands their environments on when they leave."""

    def __init__(
        self,
        starts: Sequence[Start],
        make_env: Callable[[], TextEnv],
        rules: Rules,
        parallel: int,
        made: ExitStack,
    ) -> None:
        """Close what `make_env` returned with `made`."""
        self._waiting = deque(enumerate(starts))
        self._rules, self._parallel = rules, parallel
        self._worlds = Worlds(make_env, made)
        self._playing: dict[int, Episode] = {}
        self._done: dict[int, Episode] = {}
        self._count = len(starts)

    @property
    def over(self) -> bool:
        """Tell whether every episode has ended."""
        return len(self._done) == self._count

    @property
    def done(self) -> int:
        """Return how many episodes have ended."""
        return len(self._done)

    @property
    def count(self) -> int:
        """Return how many there are."""
        return self._count

    def at(self, place: int) -> Episode:
        """Return the episode in play that has this place among the starts."""
        return self._playing[place]

    def playing(self) -> list[Episode]:
        """Return the episodes in play, in the order of their starts."""
        return list(self._playing.values())

    def entering(self) -> list[Episode]:
        """Return the episodes that there is room for now, not yet begun."""
        found: list[Episode] = []
        while self._waiting and len(self._playing) < self._parallel:
            place, start = self._waiting.popleft()
            self._playing[place] = Episode(start, place, self._worlds.take(), self._rules)
            found.append(self._playing[place])
        return found

    def leave(self, episode: Episode) -> None:
        """Let an ended episode go."""
        self._done[episode.place] = self._playing.pop(episode.place)
        self._worlds.leave(episode)

    def played(self) -> list[Episode]:
        """Return all episodes in the order of their starts."""
        return [self._done[place] for place in range(self._count)]


def _close(env: TextEnv) -> None:
    """Close an environment; one that cannot be closed is told in the log and ends nothing."""
    try:
        env.close()
    except Exception:
        log.warning("env '%s' could not be closed", env.name, exc_info=True)
