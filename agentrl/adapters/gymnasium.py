"""Gymnasium environments as ours: `env=gym:FrozenLake-v1`."""

import functools
import hashlib
import json
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import gymnasium
import numpy as np
from gymnasium import error, spaces

from agentrl.adapters.base import Adapted, function_at
from agentrl.adapters.spaces import (
    LISTED,
    MOST,
    allowed,
    named_actions,
    read,
    section_of,
    size_of,
    uncoloured,
    words_of,
    written,
)
from agentrl.env import Reply, Split
from agentrl.errors import ConfigError, nearest
from agentrl.registry import cause
from agentrl.types import Task
from agentrl.values import check_choices

PREFIX = "gym:"
TURNS = 100
"""most turns of an environment that sets no limit"""
SUCCESS = ("is_success", "success")
"""entries of `info` in which environments say that they were solved"""


@dataclass(frozen=True, slots=True)
class Options:
    """Settings of `env=gym:ID`, each a key `env.<name>=`."""

    arguments: str = "{}"
    """what the environment is made with, as JSON: {"is_slippery": false}"""
    view: Literal["auto", "ansi", "values"] = "auto"
    """what is read: its picture in characters (ansi), or its observations, as text or JSON; auto: ansi where
    there is one"""
    format: str | None = None
    """FILE.py:function that writes an observation as text: called with it and the environment"""
    actions: tuple[str, ...] = ()
    """names of the actions of a discrete space, in order; none: those of its documentation, else numbers"""
    solved: Literal["reward", "end"] = "reward"
    """an episode is solved where `info` says so; else by ending with a reward above 0, or by any end"""
    threshold: float | None = None
    """return that solves an episode, and ends it; none: `solved` decides"""

    def __post_init__(self) -> None:
        check_choices(self, "env")
        self.made_with()
        if self.format:
            function_at(self.format, "env.format")

    def made_with(self) -> dict[str, Any]:
        """Return the arguments.

        Errors: ConfigError where they are no JSON object.
        """
        try:
            found = json.loads(self.arguments)
        except ValueError as why:
            raise ConfigError(f"env.arguments={self.arguments}: not JSON: {why}") from None
        if not isinstance(found, dict):
            raise ConfigError(f"env.arguments={self.arguments}: expected a JSON object")
        return found


class GymEnv(Adapted):
    """A Gymnasium environment, told in text."""

    Options = Options
    gym_id: ClassVar[str] = ""
    pictures: ClassVar[bool] = False
    """it can be drawn in characters, and its observations are no text"""

    def __init__(self, split: Split = "train", *, max_turns: int | None = None, **options: Any) -> None:
        super().__init__(split, max_turns=max_turns, **options)
        how = self.options
        if how.view == "ansi" and not self.pictures:
            raise ConfigError(f"env.view=ansi: '{self.gym_id}' draws no picture in characters")
        self._pictured = self.pictures and how.view != "values" and not how.format
        self._format = how.format
        self._world = made(self.gym_id, how.made_with(), "ansi" if self._pictured else None)
        size = size_of(self._world.observation_space)
        if not self._pictured and not how.format and size > MOST:
            raise ConfigError(
                f"observations of '{self.gym_id}' are {self._world.observation_space}, not text;"
                " say how to write them: env.format=FILE.py:function"
            )
        self._names = self._named(list(how.actions))
        self._raw: Any = None
        self._mask: Any = None
        self._return = 0.0

    def _named(self, given: list[str]) -> list[str]:
        """Return the names of the actions; none where there are too many to name.

        Errors: ConfigError where other actions are named than there are.
        """
        space = self._world.action_space
        if not isinstance(space, spaces.Discrete):
            if given:
                raise ConfigError(
                    f"env.actions: the actions of '{self.gym_id}' are {space}, not some to name"
                )
            return []
        if given and len({name.casefold() for name in given}) != space.n:
            raise ConfigError(f"env.actions={','.join(given)}: '{self.gym_id}' has {space.n} actions")
        return [name.casefold() for name in given] or named_actions(
            self._world.unwrapped.__doc__ or "", int(space.n)
        )

    def begin(self, task: Task) -> str:
        """Reset the environment with the task's seed."""
        self._return = 0.0
        raw, info = self._world.reset(seed=task.seed)
        return self._seen(raw, info)

    def act(self, action: str) -> Reply:
        """Do an action: one by name or number, or JSON of the form of the action space."""
        chosen = read(action, self._world.action_space, self._names)
        raw, reward, terminated, truncated, info = self._world.step(chosen)
        text, paid = self._seen(raw, info), float(reward)
        self._return += paid
        wanted = self.options.threshold
        if wanted is not None:
            solved = self._return >= wanted
            score = min(1.0, max(0.0, self._return / wanted)) if wanted > 0 else float(solved)
            return Reply(
                text, paid, True if solved else False if terminated or truncated else None, score=score
            )
        if not (terminated or truncated):
            return Reply(text, paid)
        said = next((bool(info[key]) for key in SUCCESS if key in info), None)
        solved = terminated and (self.options.solved == "end" or paid > 0)
        return Reply(text, paid, solved if said is None else said)

    def _seen(self, raw: Any, info: Mapping[str, Any]) -> str:
        self._raw, self._mask = raw, info.get("action_mask")
        if self._format:
            return str(function_at(self._format, "env.format")(raw, self._world))
        return uncoloured(str(self._world.render())) if self._pictured else written(raw)

    def admissible(self) -> list[str] | None:
        """Return the actions of a discrete space, without those that the environment masks."""
        space = self._world.action_space
        if not isinstance(space, spaces.Discrete) or space.n > LISTED:
            return None
        every = self._names or [str(space.start + i) for i in range(int(space.n))]
        mask = np.ones(len(every)) if self._mask is None else np.asarray(self._mask)
        return [name for name, free in zip(every, mask, strict=True) if free] or every

    def instructions(self) -> str:
        """Return what the environment's documentation says of the game, and what an action may be."""
        doc = self._world.unwrapped.__doc__ or ""
        parts = [section_of(doc, ""), section_of(doc, "Description")]
        if not self._pictured and not self._format:
            parts.append(section_of(doc, "Observation Space"))
        parts.append(section_of(doc, "Rewards"))
        return f"{words_of(' '.join(parts))} {allowed(self._world.action_space, self._names)}".strip()

    def state_key(self) -> str:
        """Return a name of the last observation, as the environment gave it."""
        return hashlib.blake2b(written(self._raw).encode(errors="replace"), digest_size=12).hexdigest()

    def save(self) -> Any:
        """Return the environment itself, as bytes."""
        return pickle.dumps((self._world, self._raw, self._mask, self._return))

    def load(self, state: Any) -> None:
        """Take the environment back."""
        self._world.close()
        self._world, self._raw, self._mask, self._return = pickle.loads(state)

    def close(self) -> None:
        """Close the environment."""
        self._world.close()


def made(gym_id: str, arguments: Mapping[str, Any], render_mode: str | None) -> gymnasium.Env[Any, Any]:
    """Return the environment of an id, without a time limit: turns are counted elsewhere.

    Errors: ConfigError where there is none of that name, or it cannot be made.
    """
    drawn = {} if render_mode is None else {"render_mode": render_mode}
    try:
        return gymnasium.make(gym_id, max_episode_steps=-1, disable_env_checker=True, **drawn, **arguments)
    except (error.UnregisteredEnv, error.DeprecatedEnv) as why:
        raise ConfigError(f"Gymnasium has no environment '{gym_id}'{_near(gym_id)} ({why})") from None
    except Exception as why:  # whatever its constructor objects to
        raise ConfigError(f"'{gym_id}' cannot be made: {cause(why)}") from None


def _near(gym_id: str) -> str:
    """Return the nearest other id; that of another version first."""
    stem = gym_id.rpartition("-v")[0]
    versions = [name for name in gymnasium.registry if stem and name.rpartition("-v")[0] == stem]
    return f"; did you mean '{versions[-1]}'?" if versions else nearest(gym_id, gymnasium.registry)


@functools.cache
def adapted(gym_id: str) -> type[GymEnv]:
    """Return the class of a Gymnasium id; `module:ID` imports the module that registers it first.

    Edge:   an episode can be returned to (`restorable`) where the environment can be pickled.
    Errors: ConfigError for an unknown id, and for an environment that cannot be made.
    """
    probe = made(gym_id, {}, None)
    limit = gymnasium.spec(gym_id.rpartition(":")[2]).max_episode_steps
    about = words_of(section_of(probe.unwrapped.__doc__ or "", ""))
    attributes = {
        "__doc__": about or f"Gymnasium's {gym_id}.",
        "__module__": __name__,
        "name": f"{PREFIX}{gym_id}",
        "gym_id": gym_id,
        "pictures": "ansi" in probe.metadata.get("render_modes", ())
        and not isinstance(probe.observation_space, spaces.Text),
        "max_turns": limit or TURNS,
        "restorable": "exact" if _picklable(probe) else "no",
    }
    probe.close()
    return type("GymEnv", (GymEnv,), attributes)


def _picklable(world: gymnasium.Env[Any, Any]) -> bool:
    """Tell whether an environment in play survives pickling; whatever goes wrong, it does not."""
    try:
        world.reset(seed=0)
        pickle.loads(pickle.dumps(world)).step(world.action_space.sample())
    except Exception:
        return False
    return True
