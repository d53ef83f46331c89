"""Environments in processes of their own: a hang, a crash, a leak or nonsense costs its own episode only.

With `rollout.workers=N` every environment in play lives in a process, forked within milliseconds from one
that has loaded what they share. N of them answer at a time; who comes when all are busy waits for its turn,
so nothing piles up, and `rollout.deadline` counts from its turn on.

An environment may run the model's own code, and what that could make of its process must not reach this one:
answers are JSON of bounded length (see `agentrl.child`), read into declared types (see `inside`), and
snapshots are kept here as bytes that only workers read. That protects the memory of this process, no file: a
sandbox is something else.
"""

import threading
from types import TracebackType
from typing import Self

from agentrl.env import Split, TextEnv
from agentrl.mother import Mother
from agentrl.registry import find
from agentrl.rollout.inside import Inside
from agentrl.rollout.remote import Worker, WorkerEnv
from agentrl.settings import Settings


class Environments:
    """Makes the environments of a run, in this process or in workers."""

    def __init__(self, settings: Settings) -> None:
        """Start nothing yet."""
        self._settings = settings
        self._world: type[TextEnv] = find("envs", settings.env)
        self._turns = threading.Semaphore(settings.rollout.workers)
        self._mother = Mother(Inside(settings.env, settings.env_options))
        self._workers: list[Worker] = []
        self._idle: list[WorkerEnv] = []

    def __call__(self, split: Split) -> TextEnv:
        """Return an environment on a split."""
        if not self._settings.rollout.workers:
            return self._world(split, **self._settings.env_options)
        if self._idle:
            env = self._idle.pop()
        else:
            # A leak too fast to wait for the end of an episode is stopped by the system.
            child = self._mother.child(memory=2.0 * self._settings.rollout.growth)
            self._workers.append(Worker(child, self._settings, self._turns))
            env = WorkerEnv(self._settings, self._workers[-1], self._idle)
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
        self._mother.close()
