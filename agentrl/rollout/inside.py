"""Environments in a worker process: asked by number there, and the form of their answers."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Required, TypedDict

import msgspec

from agentrl.env import Player, Split, TextEnv
from agentrl.registry import find
from agentrl.types import Structure, Task


class Info(TypedDict, total=False):
    """What comes with every observation."""

    task: Required[str]
    state_key: Required[str]
    valid: Required[bool]
    turn: int
    admissible: list[str] | None
    structure: Structure | None


class StepInfo(Info, total=False):
    """What comes with the answer to an action."""

    success: Required[bool]
    score: Required[float]
    calls: tuple[dict[str, Any], ...]
    rewards: dict[str, float]
    metrics: dict[str, float]


@dataclass(frozen=True, slots=True)
class Scene:
    """How an episode begins, or goes on from a snapshot."""

    observation: str
    info: Info
    goal: str
    rules: str


@dataclass(frozen=True, slots=True)
class Step:
    """The answer to an action."""

    observation: str
    reward: float
    terminated: bool
    truncated: bool
    info: StepInfo

    def __post_init__(self) -> None:
        numbers = [self.reward, self.info["score"], *self.info.get("rewards", {}).values()]
        if not all(map(math.isfinite, numbers)):
            raise ValueError(f"rewards and scores are finite, but these are {numbers}")


class Inside:
    """The function of a worker: `(number, what, arguments)` to plain values.

    An environment that raised is not asked again; its number gets another one at the next beginning.
    """

    def __init__(self, name: str, options: Mapping[str, Any]) -> None:
        self._name, self._options = name, dict(options)
        self._worlds: dict[int, TextEnv] = {}
        self._players: dict[int, list[Player]] = {}

    def __call__(self, number: int, what: str, *args: Any) -> Any:
        """Return what the environment of this number answers, as lists, dictionaries, text and numbers."""
        return msgspec.to_builtins(getattr(self, what)(number, *args), enc_hook=_plain)

    def close(self) -> None:
        """Close the environments."""
        for env in self._worlds.values():
            env.close()

    def begin(self, number: int, split: Split, task: Task) -> dict[str, Any]:
        """Begin an episode of a task."""
        env = self._taken(number, split)
        observation, info = env.reset(options={"task": task})
        return self._scene(number, env, observation, info)

    def restore(self, number: int, split: Split, snapshot: bytes) -> dict[str, Any]:
        """Return to a snapshot."""
        env = self._taken(number, split)
        observation, info = env.restore(snapshot)
        return self._scene(number, env, observation, info)

    def step(self, number: int, action: str) -> dict[str, Any]:
        """Do an action."""
        env = self._worlds.pop(number)
        observation, reward, terminated, truncated, info = env.step(action)
        self._worlds[number] = env
        return {
            "observation": observation,
            "reward": reward,
            "terminated": terminated,
            "truncated": truncated,
            "info": info,
        }

    def snapshot(self, number: int) -> bytes:
        """Return the episode as bytes."""
        return self._worlds[number].snapshot()

    def player(self, number: int, kind: Any, seed: int) -> int:
        """Make a player of the episode; return its place among them."""
        players = self._players[number]
        players.append(self._worlds[number].player(kind, seed))
        return len(players) - 1

    def play(self, number: int, place: int, observation: str) -> str:
        """Return a player's next action."""
        return self._players[number][place](observation)

    def _taken(self, number: int, split: Split) -> TextEnv:
        """Return the environment of a number, which it loses until the next `_scene`."""
        env = self._worlds.pop(number, None)
        self._players[number] = []
        if env is None or env.split != split:
            if env is not None:
                env.close()
            made: TextEnv = find("envs", self._name)(split, **self._options)
            return made
        return env

    def _scene(self, number: int, env: TextEnv, observation: str, info: dict[str, Any]) -> dict[str, Any]:
        found = {"observation": observation, "info": info, "goal": env.goal(), "rules": env.instructions()}
        self._worlds[number] = env
        return found


def _plain(value: Any) -> Any:
    """Return what stands for a value in an answer: a dictionary for a mapping, a number for a scalar."""
    if isinstance(value, Mapping):
        return dict(value)
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"a {type(value).__name__} cannot leave the process of an environment")
