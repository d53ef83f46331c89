"""An environment that lives in a worker process, seen from here."""

import threading
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from agentrl.child import Child
from agentrl.config import make_env
from agentrl.env import NoOptions, Player, PlayerKind, Reply, Split, TextEnv
from agentrl.errors import ChildError, ConfigError, EpisodeError, LostError
from agentrl.players import Reasoned
from agentrl.registry import find
from agentrl.rollout.inside import Scene, Step
from agentrl.settings import Settings
from agentrl.types import Panel, Structure, Task

T = TypeVar("T")


class Worker:
    """A process for one environment; it is replaced after many episodes, and when it has grown or failed."""

    def __init__(self, child: Child, settings: Settings, turns: threading.Semaphore) -> None:
        """Call only while holding one of `turns`."""
        self.child = child
        self._how, self._turns = settings.rollout, turns
        self._begun = 0
        """episodes that this process has begun"""
        self._base = 0.0
        """MiB it held at the end of its first beginning"""

    def ask(self, what: str, *args: Any, hint: type[T]) -> T:
        """Return what the environment answers, once it is known to be well-formed.

        Errors: those of `Child.call`; LostError where the answer is not. The process is gone then.
        """
        with self._turns:  # the deadline begins with the turn: who waits is not late
            try:
                raw = self.child.call(what, *args, deadline=self._how.deadline)
                return msgspec.convert(raw, hint)
            except ConfigError:  # an environment's way to say that it has no such player
                raise
            except (msgspec.ValidationError, RecursionError) as why:
                self.child.close()
                raise LostError(f"the environment answered garbage: {why}") from None
            except Exception:
                self.child.close()
                raise

    def begin(self, what: str, *args: Any) -> Scene:
        """Return the scene that an episode begins with, in a process that has not served its time."""
        how, child = self._how, self.child
        if (how.recycle and self._begun >= how.recycle) or child.resident > self._base + how.growth:
            child.close()
        if child.pid is None:
            self._begun = 0
        scene = self.ask(what, *args, hint=Scene)
        self._begun += 1
        if self._begun == 1:
            self._base = child.resident
        return scene


class WorkerEnv(TextEnv):
    """An environment in a worker, with the surface of one in this process."""

    def __init__(self, settings: Settings, worker: Worker, home: "list[WorkerEnv]") -> None:
        """Go back to `home` when closed."""
        cls: type[TextEnv] = find("envs", settings.env)
        given = dict(settings.env_options)
        super().__init__(max_turns=given.pop("max_turns", cls.max_turns))
        self.options = cls.Options(**given) if cls.Options is not NoOptions else NoOptions()
        self.name, self.restorable, self.tiny = cls.name, cls.restorable, cls.tiny  # type: ignore[misc]
        self._settings, self._worker, self._home = settings, worker, home
        self._scene: Scene | None = None
        self._seen: Mapping[str, Any] = {}
        self._failure: Exception | None = None
        """why a player could not play: the next action raises it"""

    def begin(self, task: Task) -> str:
        """Refuse: only `reset` begins an episode here."""
        raise EpisodeError("an environment in a worker begins with reset")

    def act(self, action: str) -> Reply:
        """Refuse: only `step` acts here."""
        raise EpisodeError("an environment in a worker acts by step")

    def tasks(self, split: Split) -> Panel:
        """Return the panel of a split; tasks are the run's own, and made in this process."""
        return make_env(self._settings, self.split).tasks(split)

    def instructions(self) -> str:
        """Return the rules, as the episode that has begun says them."""
        return self._scene.rules if self._scene else make_env(self._settings, self.split).instructions()

    def goal(self) -> str:
        """Return the task in words."""
        return self._scene.goal if self._scene else ""

    def admissible(self) -> list[str] | None:
        """Return the actions listed with the last observation."""
        return self._seen.get("admissible")

    def structure(self) -> Structure | None:
        """Return the form wanted with the last observation."""
        return self._seen.get("structure")

    def state_key(self) -> str:
        """Return the name of the current state."""
        return str(self._seen.get("state_key", ""))

    def metrics(self) -> Mapping[str, float]:
        """Return the figures of an episode that has ended."""
        found: Mapping[str, float] = self._seen.get("metrics", {})
        return found

    def final_state(self) -> Any:
        """Return what an episode that has ended left the world in."""
        return self._seen.get("final_state")

    def player(self, kind: PlayerKind, seed: int) -> Player:
        """Return a player, which lives in the worker too.

        Edge: where a player cannot be asked, it says nothing, and the next `step` raises why.
        """
        place = self._played("player", kind, seed, hint=int)

        def play(observation: str) -> str:
            said = self._played("play", place, observation, hint=tuple[str, str])
            return Reasoned(*said) if said else ""

        return play

    def _played(self, what: str, *args: Any, hint: type[T]) -> T | None:
        if self._failure is not None:
            return None
        try:
            return self._worker.ask(what, *args, hint=hint)
        except ChildError as why:
            self._failure = why
            return None

    def _start(self, task: Task) -> tuple[str, dict[str, Any]]:
        self.task = task
        return self._opened("begin", task)

    def restore(self, snapshot: bytes) -> tuple[str, dict[str, Any]]:
        """Return to a snapshot; return its observation and info."""
        return self._opened("restore", snapshot)

    def _opened(self, what: str, origin: Task | bytes) -> tuple[str, dict[str, Any]]:
        self._over, self._failure = True, None
        scene = self._worker.begin(what, self.split, origin)
        self._over = False
        self._scene, self._observation, self._seen = scene, scene.observation, scene.info
        return scene.observation, dict(scene.info)

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        """Do one action; return observation, reward, terminated, truncated, info."""
        if self._failure is not None:
            raise self._failure
        if self._over:
            raise EpisodeError("step was called on a finished episode; call reset() first")
        self._over = True  # unless all goes well
        step = self._worker.ask("step", action, hint=Step)
        self._over = step.terminated or step.truncated
        self._observation, self._seen = step.observation, step.info
        return step.observation, step.reward, step.terminated, step.truncated, dict(step.info)

    def snapshot(self) -> bytes:
        """Return the episode as bytes that `restore` takes, in any worker; they are not read here."""
        return self._worker.ask("snapshot", hint=bytes)

    def close(self) -> None:
        """Make room: whoever needs an environment next gets this one."""
        self._over = True
        if self not in self._home:
            self._home.append(self)
