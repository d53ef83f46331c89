"""Environments that an OpenEnv server plays, as ours: `env=openenv:http://localhost:8000`."""

import functools
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal
from urllib.parse import urlsplit

import httpx

from agentrl.adapters.base import Adapted, peer
from agentrl.adapters.spaces import written
from agentrl.env import Reply, Split
from agentrl.errors import ConfigError, DeadlineError, InvalidAction, RunError
from agentrl.types import Task

PREFIX = "openenv:"
REFUSED = "(code: VALIDATION_ERROR)"
"""how the client's error ends where the server could not read an action"""


@dataclass(frozen=True, slots=True)
class Options:
    """Settings of `env=openenv:URL`, each a key `env.<name>=`."""

    field: str | None = None
    """of an action, that takes what the agent says; none: the only one that must be given, if that is text;
    else the agent writes actions as JSON"""
    view: str | None = None
    """field of an observation that is read; none: the only one, where that is a text, else all, as JSON"""
    rules: str | None = None
    """what the agent is told of the game; none: the server's own description"""
    timeout: float = 60.0
    """seconds that an answer may take; the episode ends with `deadline` then"""
    connect: float = 10.0
    """seconds that the server may take to open a session"""

    def __post_init__(self) -> None:
        if min(self.timeout, self.connect) <= 0:
            raise ConfigError("env.timeout and env.connect must be above 0")


class OpenEnvEnv(Adapted):
    """An environment on an OpenEnv server, a session each. Snapshots are refused: the state is elsewhere."""

    Options = Options
    max_turns = 50
    max_action_chars: ClassVar[int] = 20_000
    restorable: ClassVar[Literal["exact", "replay", "no"]] = "no"
    url: ClassVar[str] = ""

    def __init__(self, split: Split = "train", *, max_turns: int | None = None, **options: Any) -> None:
        super().__init__(split, max_turns=max_turns, **options)
        self._schema, self._about = described(self.url, self.options.connect)
        self._field = self.options.field or only_text(self._schema)
        known = self._schema.get("properties", {})
        if self.options.field and self.options.field not in known:
            raise ConfigError(
                f"env.field={self.options.field}: an action of {self.url} has {', '.join(known)}"
            )
        self._client: Any = None

    def begin(self, task: Task) -> str:
        """Reset the session with the task's seed; a lost one is opened anew."""
        if self._client is None:
            generic = peer("openenv.core", "openenv-core", "openenv").GenericEnvClient
            how = self.options
            self._client = generic(
                base_url=self.url, connect_timeout_s=how.connect, message_timeout_s=how.timeout
            ).sync()
        result = self._asked("reset", seed=task.seed)
        return self._seen(result.observation)

    def act(self, action: str) -> Reply:
        """Send an action: the text of one field, or JSON."""
        result = self._asked("step", self._action(action))
        seen, paid = result.observation, float(result.reward or 0.0)
        text = self._seen(seen)
        if not result.done:
            return Reply(text, paid)
        solved, score = seen.get("success"), seen.get("score")
        good = solved if isinstance(solved, bool) else paid > 0
        graded = score if isinstance(score, int | float) and 0 <= score <= 1 else None
        return Reply(text, paid, good, score=graded)

    def _action(self, said: str) -> dict[str, Any]:
        try:
            found = json.loads(said)
        except (ValueError, RecursionError):
            found = None
        if isinstance(found, dict) and (not self._field or self._field in found):
            return found
        if not self._field:
            raise InvalidAction(f"Not an action. {self._form()}")
        return {self._field: said}

    def _asked(self, what: str, *args: Any, **named: Any) -> Any:
        """Return what the session answers.

        Errors: InvalidAction for what it refuses, DeadlineError where it is late, RunError where it is lost.
        """
        try:
            return getattr(self._client, what)(*args, **named)
        except TimeoutError:
            self._drop()
            raise DeadlineError(f"{self.url} did not answer within {self.options.timeout:g} s") from None
        except Exception as why:  # what the server said, the connection, whatever the client makes of its end
            if str(why).endswith(REFUSED):
                raise InvalidAction(f"Not an action. {self._form()}") from None
            self._drop()
            raise RunError(f"{self.url}: {type(why).__name__}: {' '.join(str(why).split())}") from None

    def _drop(self) -> None:
        """Let go of the session without waiting for it: the server may not answer."""
        client, self._client = self._client, None
        if client is not None:
            threading.Thread(target=_closed, args=(client,), daemon=True).start()

    def _seen(self, observation: Mapping[str, Any]) -> str:
        view = self.options.view
        if view is not None:
            if view not in observation:
                raise ConfigError(f"env.view={view}: an observation has {', '.join(observation)}")
            return written(observation[view])
        values = list(observation.values())
        return values[0] if len(values) == 1 and isinstance(values[0], str) else written(dict(observation))

    def instructions(self) -> str:
        """Return the server's description, or the rules given, and what an action is."""
        return f"{self.options.rules or self._about} {self._form()}".strip()

    def _form(self) -> str:
        if self._field:
            about = self._schema["properties"][self._field].get("description", "")
            return f"Answer with the {self._field} alone{f': {about}' if about else ''}."
        return f"Answer with a JSON object of this schema: {json.dumps(self._schema)}"

    def __getstate__(self) -> dict[str, Any]:
        """Return all but the session, which stays here: a copy begins one of its own."""
        return {**self.__dict__, "_client": None}

    def close(self) -> None:
        """End the session."""
        self._drop()


def _closed(client: Any) -> None:
    try:
        client.close()
    except Exception:  # it is being let go of: there is nobody to tell
        return


def only_text(schema: Mapping[str, Any]) -> str:
    """Return the only field that an action must have, where that is a text; else an empty one.

    >>> only_text({"required": ["message"], "properties": {"message": {"type": "string"}, "metadata": {}}})
    'message'
    """
    required = schema.get("required", [])
    properties = schema.get("properties", {})
    return required[0] if len(required) == 1 and properties[required[0]].get("type") == "string" else ""


@functools.lru_cache(maxsize=32)
def described(url: str, patience: float) -> tuple[Mapping[str, Any], str]:
    """Return the schema of a server's actions, and its description.

    Errors: ConfigError where no OpenEnv server answers.
    """
    try:
        found = httpx.get(f"{url}/schema", timeout=patience)
        schema = found.raise_for_status().json()["action"]
        about = httpx.get(f"{url}/metadata", timeout=patience).raise_for_status().json()
    except httpx.HTTPError as why:
        raise ConfigError(f"env={PREFIX}{url}: no OpenEnv server answers: {why}") from None
    except (ValueError, KeyError, TypeError) as why:
        raise ConfigError(
            f"env={PREFIX}{url}: that is no OpenEnv server: {type(why).__name__}: {why}"
        ) from None
    return schema, str(about.get("description") or "")


@functools.cache
def adapted(url: str) -> type[OpenEnvEnv]:
    """Return the class of a server's environment; it is asked when an environment is made.

    Errors: ConfigError for what is no address, and where the package is missing.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ConfigError(f"env={PREFIX}{url}: expected an address, e.g. {PREFIX}http://localhost:8000")
    peer("openenv.core", "openenv-core", "openenv")  # here, so that workers need not load it each
    attributes = {
        "__doc__": f"The environment of the OpenEnv server {url}.",
        "__module__": __name__,
        "name": f"{PREFIX}{url}",
        "url": url.rstrip("/"),
    }
    return type("OpenEnvEnv", (OpenEnvEnv,), attributes)


def app(name: str, split: Split = "train", **options: Any) -> Any:
    """Return the server of one of our environments, for uvicorn (see `openenv_server.app`).

    Errors: ConfigError where the package is missing, for an unknown name or option.
    """
    server = peer("agentrl.adapters.openenv_server", "openenv-core", "openenv")
    return server.app(name, split, **options)
