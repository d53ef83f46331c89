"""Who is playing: episodes in the order of their starts, an environment each, and those that have ended."""

import logging
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from agentrl.env import TextEnv
from agentrl.rollout.episode import Episode, Rules, Start

log = logging.getLogger(__name__)


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
        self._make_env, self._rules, self._parallel, self._made = make_env, rules, parallel, made
        self._idle: list[TextEnv] = []
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
            env = self._idle.pop() if self._idle else self._new()
            self._playing[place] = Episode(start, place, env, self._rules)
            found.append(self._playing[place])
        return found

    def leave(self, episode: Episode) -> None:
        """Let an ended episode go; what raised is not used again."""
        self._done[episode.place] = self._playing.pop(episode.place)
        if not episode.broken:
            self._idle.append(episode.env)

    def played(self) -> list[Episode]:
        """Return all episodes in the order of their starts."""
        return [self._done[place] for place in range(self._count)]

    def _new(self) -> TextEnv:
        env = self._make_env()
        self._made.callback(_close, env)
        return env


def _close(env: TextEnv) -> None:
    """Close an environment; one that cannot be closed is told in the log and ends nothing."""
    try:
        env.close()
    except Exception:
        log.warning("env '%s' could not be closed", env.name, exc_info=True)
