"""An environment that lives in a worker process, seen from here.

One call at a time is made in a process that many environments share; who finds it busy waits for its turn, so
nothing piles up. A lost process takes the state of all its environments with it. The episode that was being
answered ends; the others play what they have done so far again in the next process, at their next call: task
and actions alone decide an episode.
"""

import threading
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeVar

import msgspec

from agentrl.child import Child
from agentrl.config import make_env
from agentrl.env import NoOptions, Player, PlayerKind, Reply, Split, TextEnv
from agentrl.errors import ChildError, EpisodeError, LostError, RaisedError
from agentrl.registry import find
from agentrl.rollout.inside import Inside, Scene, Step
from agentrl.settings import Settings
from agentrl.types import Panel, Structure, Task

T = TypeVar("T")
FORMS: Mapping[str, Any] = {"begin": Scene, "restore": Scene, "step": Step, "player": int, "play": str}
"""what the calls that change an episode answer"""


class Worker:
    """A process that environments live in; it is replaced after many episodes, or when it has grown."""

    def __init__(self, settings: Settings) -> None:
        self.child = Child(Inside(settings.env, settings.env_options))
        self.lock = threading.RLock()
        self.hosted = 0
        """environments that live here"""
        self._how = settings.rollout
        self._begun = 0
        """episodes that this process has begun"""
        self._base = 0.0
        """MiB it held when each of its environments had begun one"""

    def ask(self, number: int, what: str, *args: Any, hint: type[T]) -> T:
        """Return what an environment answers, once it is known to be well-formed.

        Errors: those of `Child.call`; LostError, and the process is ended, where the answer is not.
        """
        raw = self.child.call(number, what, *args, deadline=self._how.deadline)
        try:
            return msgspec.convert(raw, hint)
        except (msgspec.ValidationError, RecursionError) as why:
            self.child.close()
            raise LostError(f"the environment answered garbage: {why}") from None

    def renew(self) -> None:
        """End the process where it has served its time; the next call starts another."""
        how = self._how
        grown = self._begun > self.hosted and self.child.resident > self._base + how.growth
        if grown or (how.recycle and self._begun >= max(how.recycle, self.hosted)):
            self.child.close()
            self._begun = 0

    def begun(self) -> None:
        """Count an episode; while environments still move in, what the process holds is no growth."""
        self._begun += 1
        if self._begun <= self.hosted:
            self._base = self.child.resident
            # A leak too fast to wait for the end of an episode is stopped by the system.
            self.child.bound(self.child.held + 2.0 * self._how.growth)


class _Deed(NamedTuple):
    """A call that changed an episode, and what was read then."""

    what: str
    args: tuple[Any, ...]
    read: str


class WorkerEnv(TextEnv):
    """An environment that lives in a worker, with the surface of one that lives here."""

    def __init__(self, settings: Settings, worker: Worker, number: int, home: "list[WorkerEnv]") -> None:
        """Go back to `home` when closed."""
        cls: type[TextEnv] = find("envs", settings.env)
        given = dict(settings.env_options)
        super().__init__(max_turns=given.pop("max_turns", cls.max_turns))
        self.options = cls.Options(**given) if cls.Options is not NoOptions else NoOptions()
        self.name, self.restorable, self.tiny = cls.name, cls.restorable, cls.tiny  # type: ignore[misc]
        self._settings, self._worker, self._number, self._home = settings, worker, number, home
        self._deeds: list[_Deed] = []
        self._process = 0
        """the start of the worker's process that knows this episode"""
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

    def player(self, kind: PlayerKind, seed: int) -> Player:
        """Return a player, which lives in the worker too.

        Edge: where a player cannot be asked, it says nothing, and the next `step` raises why.
        """
        try:
            place = self._done("player", kind, seed, hint=int)
        except ChildError as why:
            self._failure = why
            return lambda observation: ""

        def played(observation: str) -> str:
            try:
                return self._done("play", place, observation, hint=str) if self._failure is None else ""
            except ChildError as why:
                self._failure = why
                return ""

        return played

    def _start(self, task: Task) -> tuple[str, dict[str, Any]]:
        self.task = task
        return self._opened("begin", task)

    def restore(self, snapshot: bytes) -> tuple[str, dict[str, Any]]:
        """Return to a snapshot; return its observation and info."""
        return self._opened("restore", snapshot)

    def _opened(self, what: str, begun_from: Any) -> tuple[str, dict[str, Any]]:
        self._deeds, self._failure, self._over = [], None, False
        with self._worker.lock:
            self._worker.renew()
            scene = self._done(what, self.split, begun_from, hint=Scene)
            self._worker.begun()
        self._scene, self._observation, self._seen = scene, scene.observation, scene.info
        return scene.observation, dict(scene.info)

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        """Do one action; return observation, reward, terminated, truncated, info."""
        if self._failure is not None:
            raise self._failure
        if self._over:
            raise EpisodeError("step was called on a finished episode; call reset() first")
        try:
            step = self._done("step", action, hint=Step)
        except Exception:
            self._over, self._deeds = True, []
            raise
        self._over = step.terminated or step.truncated
        self._observation, self._seen = step.observation, step.info
        return step.observation, step.reward, step.terminated, step.truncated, dict(step.info)

    def snapshot(self) -> bytes:
        """Return the episode as bytes that `restore` takes, in any worker; they are not read here."""
        return self._asked("snapshot", hint=bytes)

    def close(self) -> None:
        """Make room: whoever needs an environment next gets this one."""
        self._deeds, self._over = [], True
        if self not in self._home:
            self._home.append(self)

    def _done(self, what: str, *args: Any, hint: type[T]) -> T:
        """Return the answer to a call that changes the episode, and keep it in mind."""
        answer = self._asked(what, *args, hint=hint)
        self._deeds.append(_Deed(what, args, _read(answer)))
        return answer

    def _asked(self, what: str, *args: Any, hint: type[T]) -> T:
        with self._worker.lock:  # nobody may end the process between the return to it and the call
            try:
                return self._answer(what, *args, hint=hint)
            except RaisedError as why:
                if not str(why).startswith("MemoryError"):
                    raise
                # Another environment may have eaten it: this one is asked once more, in a fresh process.
                self._worker.child.close()
                return self._answer(what, *args, hint=hint)

    def _answer(self, what: str, *args: Any, hint: type[T]) -> T:
        self._return()
        answer = self._worker.ask(self._number, what, *args, hint=hint)
        self._process = self._worker.child.starts
        return answer

    def _return(self) -> None:
        """Play the episode so far again, where the process that knew it is gone."""
        child = self._worker.child
        if not self._deeds or (child.pid is not None and child.starts == self._process):
            return
        if self.restorable == "no":
            raise LostError(f"the process was lost, and env '{self.name}' cannot be played again")
        for deed in self._deeds:
            again = self._worker.ask(self._number, deed.what, *deed.args, hint=FORMS[deed.what])
            if _read(again) != deed.read:
                raise LostError(
                    f"env '{self.name}' was to go on in another process, and did not play alike there: it"
                    " depends on something beside task and actions"
                )
        self._process = child.starts


def _read(answer: Any) -> str:
    """Return what an agent would read of an answer."""
    return answer.observation if isinstance(answer, Scene | Step) else str(answer)
