"""Environments in processes of their own: a hang, a crash, a leak or nonsense costs its own episode only.

`rollout.workers` processes hold all environments in play, `rollout.deadline` bounds every call; how an
episode survives what happens to its neighbours stands in `remote`. Environments that cannot be played again
have a process each.

An environment may run the model's own code, and what that could make of its process must not reach this one:
answers are JSON of bounded length (see `agentrl.child`), read into declared types (see `inside`), and
snapshots are kept here as bytes that only workers read.
"""

from types import TracebackType
from typing import Self

from agentrl.config import make_env
from agentrl.env import Split, TextEnv
from agentrl.errors import ConfigError
from agentrl.registry import find
from agentrl.rollout.remote import Worker, WorkerEnv
from agentrl.settings import Settings


class Environments:
    """Makes the environments of a run, in this process or in its workers."""

    def __init__(self, settings: Settings) -> None:
        """Start nothing yet.

        Errors: ConfigError where environments need a process each, and there are too few.
        """
        how, self._settings = settings.rollout, settings
        cls: type[TextEnv] = find("envs", settings.env)
        if 0 < how.workers < how.parallel and cls.restorable == "no":
            raise ConfigError(
                f"env '{settings.env}' cannot be played again (restorable='no'), so each one in play needs a"
                f" process of its own: rollout.workers={how.workers} must be at least"
                f" rollout.parallel={how.parallel}"
            )
        self._workers = [Worker(settings) for _ in range(how.workers)]
        self._idle: list[WorkerEnv] = []
        self._made = 0

    def __call__(self, split: Split) -> TextEnv:
        """Return an environment on a split."""
        if not self._workers:
            return make_env(self._settings, split)
        if not self._idle:
            worker = self._workers[self._made % len(self._workers)]
            worker.hosted += 1
            self._idle.append(WorkerEnv(self._settings, worker, self._made, self._idle))
            self._made += 1
        env = self._idle.pop()
        env.split = split
        return env

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, why: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the processes."""
        for worker in self._workers:
            worker.child.close()
