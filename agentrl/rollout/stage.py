"""Who is playing: episodes in the order of their starts, an environment each, and those that have ended."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
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
        self, make_env: Callable[[], TextEnv], parallel: int, made: ExitStack, *, lasting: bool = False
    ) -> None:
        """Close what `make_env` returned with `made`; a lasting stage is over when it is shut, not before."""
        self._waiting: deque[tuple[int, Start, Rules]] = deque()
        self._parallel = parallel
        self._worlds = Worlds(make_env, made)
        self._playing: dict[int, Episode] = {}
        self._moved: dict[int, float] = {}
        self._ended: dict[int, Episode] = {}
        self._unwanted: dict[int, str] = {}
        self._count = self._left = 0
        self._lasting, self._shut = lasting, False

    def add(self, starts: Sequence[Start], rules: Rules) -> range:
        """Take further starts; return their places."""
        places = range(self._count, self._count + len(starts))
        self._waiting.extend((place, start, rules) for place, start in zip(places, starts, strict=True))
        self._count += len(starts)
        return places

    def shut(self) -> None:
        """Let it be over, whoever is still playing."""
        self._shut = True

    @property
    def over(self) -> bool:
        """Tell whether every episode has ended; of a lasting stage, whether it was shut."""
        return self._shut or (not self._lasting and self._left == self._count)

    @property
    def done(self) -> int:
        """Return how many episodes have ended."""
        return self._left

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
            place, start, rules = self._waiting.popleft()
            self._playing[place] = Episode(start, place, self._worlds.take(), rules)
            self._moved[place] = time.monotonic()
            found.append(self._playing[place])
        return found

    def abandon(self, places: Iterable[int], reason: str) -> None:
        """Let the episodes of these places, begun or not, end without another turn."""
        self._unwanted.update(dict.fromkeys(places, reason))

    def unwanted(self, episode: Episode) -> str:
        """Return why an episode is to end now; empty where it is to go on."""
        return self._unwanted.get(episode.place, "")

    def moved(self, episode: Episode) -> None:
        """Note that an episode went on just now."""
        self._moved[episode.place] = time.monotonic()

    def quiet(self, place: int) -> float:
        """Return the seconds since an episode in play went on; 0 where it is not in play."""
        moved = self._moved.get(place)
        return 0.0 if moved is None else time.monotonic() - moved

    def leave(self, episode: Episode) -> None:
        """Let an ended episode go."""
        self._ended[episode.place] = self._playing.pop(episode.place)
        del self._moved[episode.place]
        self._unwanted.pop(episode.place, None)
        self._left += 1
        self._worlds.leave(episode)

    def taken(self, place: int) -> Episode:
        """Return an ended episode, and forget it."""
        return self._ended.pop(place)

    def played(self) -> list[Episode]:
        """Return all episodes in the order of their starts."""
        return [self._ended[place] for place in range(self._count)]


def _close(env: TextEnv) -> None:
    """Close an environment; one that cannot be closed is told in the log and ends nothing."""
    try:
        env.close()
    except Exception:
        log.warning("env '%s' could not be closed", env.name, exc_info=True)
