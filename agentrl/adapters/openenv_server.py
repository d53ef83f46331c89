"""Our environments as OpenEnv servers: `app("webshop")` is what uvicorn runs."""

from typing import TYPE_CHECKING, Any

from openenv.core.env_server import Action, Environment, Observation, State, create_fastapi_app
from openenv.core.env_server.types import EnvironmentMetadata
from pydantic import Field

from agentrl.config import env_options
from agentrl.env import Split, TextEnv
from agentrl.errors import ConfigError, nearest
from agentrl.registry import find

if TYPE_CHECKING:
    from fastapi import FastAPI

SESSIONS = 64
"""that a server plays at once, unless said otherwise"""


class TextAction(Action):
    """What the agent says."""

    text: str = Field(description="the action, in words")


class TextObservation(Observation):
    """What the agent reads, and how the episode went."""

    text: str
    admissible: list[str] | None = None
    success: bool | None = None
    score: float = 0.0


class Served(Environment[TextAction, TextObservation, State]):
    """One session of an environment."""

    SUPPORTS_CONCURRENT_SESSIONS = True

    def __init__(self, env: TextEnv) -> None:
        super().__init__()
        self._env = env
        self._state = State()

    def reset(
        self, seed: int | None = None, episode_id: str | None = None, task: str | None = None, **_: Any
    ) -> TextObservation:
        """Begin the task of that id, or of that number.

        Errors: ConfigError where there is no such task.
        """
        self._state = State(episode_id=episode_id, step_count=0)
        if task is None:
            text, info = self._env.reset(seed=seed)
        else:
            text, info = self._env.reset(options={"task": self._named(task)})
        return TextObservation(text=text, admissible=info["admissible"])

    def _named(self, name: str) -> Any:
        panel = self._env.tasks(self._env.split)
        found = next((task for task in panel if task.id == name), None)
        if found is None:
            raise ConfigError(f"there is no task '{name}'{nearest(name, [task.id for task in panel])}")
        return found

    def step(self, action: TextAction, timeout_s: float | None = None, **_: Any) -> TextObservation:
        """Do an action."""
        text, reward, terminated, truncated, info = self._env.step(action.text)
        self._state.step_count += 1
        over = terminated or truncated
        return TextObservation(
            text=text,
            reward=reward,
            done=over,
            admissible=info["admissible"],
            success=info["success"] if over else None,
            score=info["score"],
        )

    @property
    def state(self) -> State:
        """Return the episode's name and how many steps it has."""
        return self._state

    def get_metadata(self) -> EnvironmentMetadata:
        """Return the environment's name and rules."""
        return EnvironmentMetadata(name=self._env.name, description=self._env.instructions(), version="1")

    def close(self) -> None:
        """Close the environment."""
        self._env.close()


def app(name: str, split: Split = "train", *, sessions: int = SESSIONS, **options: Any) -> "FastAPI":
    """Return the server of an environment, for uvicorn: a session each, at most so many at once.

    `reset` takes the number of a task as `seed`, or its id as `task`.

    Errors: ConfigError for an unknown name or option.
    """
    cls: type[TextEnv] = find("envs", name)
    given = env_options(cls, options)
    cls(split, **given).close()  # what is wrong is said now
    found: FastAPI = create_fastapi_app(
        lambda: Served(cls(split, **given)), TextAction, TextObservation, max_concurrent_envs=sessions
    )
    return found
