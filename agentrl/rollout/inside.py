"""An environment in a worker process, and the form of its answers."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Required, TypedDict

import msgspec

from agentrl.env import Player, PlayerKind, Split, TextEnv
from agentrl.errors import EpisodeError
from agentrl.players import Reasoned
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
    final_state: Any


@dataclass(frozen=True, slots=True)
class Scene:
    """How an episode begins, or goes on from a snapshot."""

    observation: str
    info: Info
    goal: str
    rules: str
    tools: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])


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
    """The function of a worker: what is wanted, and its arguments, to plain values.

    An environment that raised is not asked again; the next beginning makes another.
    """

    def __init__(self, name: str, options: Mapping[str, Any]) -> None:
        self._name, self._options = name, dict(options)
        self._env: TextEnv | None = None
        self._players: list[Player] = []

    def __call__(self, what: str, *args: Any) -> Any:
        """Return what the environment answers, as lists, dictionaries, text and numbers."""
        return msgspec.to_builtins(getattr(self, what)(*args), enc_hook=_plain)

    def prepare(self) -> None:
        """Load what environments of one kind share, in the process that all workers are forked from."""
        env = self._made("train")
        env.tasks("train")
        env.close()

    def close(self) -> None:
        """Close the environment."""
        if self._env is not None:
            self._env.close()

    def begin(self, split: Split, task: Task) -> dict[str, Any]:
        """Begin an episode of a task."""
        env = self._taken(split)
        observation, info = env.reset(options={"task": task})
        return self._scene(env, observation, info)

    def restore(self, split: Split, snapshot: bytes) -> dict[str, Any]:
        """Return to a snapshot."""
        env = self._taken(split)
        observation, info = env.restore(snapshot)
        return self._scene(env, observation, info)

    def step(self, action: str) -> dict[str, Any]:
        """Do an action."""
        observation, reward, terminated, truncated, info = self._playing.step(action)
        return {
            "observation": observation,
            "reward": reward,
            "terminated": terminated,
            "truncated": truncated,
            "info": info,
        }

    def snapshot(self) -> bytes:
        """Return the episode as bytes."""
        return self._playing.snapshot()

    def player(self, kind: PlayerKind, seed: int) -> int:
        """Make a player of the episode; return its place among them."""
        self._players.append(self._playing.player(kind, seed))
        return len(self._players) - 1

    def play(self, place: int, observation: str) -> tuple[str, str]:
        """Return a player's next action, and the thought before it."""
        action = self._players[place](observation)
        return action, action.thought if isinstance(action, Reasoned) else ""

    @property
    def _playing(self) -> TextEnv:
        if self._env is None:
            raise EpisodeError("nothing was begun; call reset() first")
        return self._env

    def _made(self, split: Split) -> TextEnv:
        made: TextEnv = find("envs", self._name)(split, **self._options)
        return made

    def _taken(self, split: Split) -> TextEnv:
        """Return an environment of the split, which comes back with `_scene` only."""
        env, self._env, self._players = self._env, None, []
        if env is not None and env.split == split:
            return env
        if env is not None:
            env.close()
        return self._made(split)

    def _scene(self, env: TextEnv, observation: str, info: dict[str, Any]) -> dict[str, Any]:
        self._env = env
        said = {"goal": env.goal(), "rules": env.instructions(), "tools": env.tools()}
        return {"observation": observation, "info": info, **said}


def _plain(value: Any) -> Any:
    """Return what stands for a value in an answer: a dictionary for a mapping, a number for a scalar.

    Text that is more than that, as `Reasoned`, is sent as text.
    """
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"a {type(value).__name__} cannot leave the process of an environment")
