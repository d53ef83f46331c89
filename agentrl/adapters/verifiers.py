"""Environments for the package verifiers as ours, `env=verifiers:NAME`, and ours as theirs.

Theirs runs a whole rollout and asks a model over HTTP. So each episode is such a rollout in a thread of its
own, whose model is a server in this process that holds a request until our agent has replied: turns, tools,
the end and the rewards are decided by their code alone.
"""

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from agentrl import toolcalls
from agentrl.adapters.base import Adapted, peer
from agentrl.adapters.verifiers_play import Play, wire
from agentrl.env import SPLITS, Reply, Split
from agentrl.errors import ConfigError, DataError
from agentrl.registry import cause
from agentrl.types import Panel, Task

PREFIX = "verifiers:"
ID = "agentrl-envs"
DEALT: Mapping[Split, int] = {"test": 1, "dev": 2}
"""of every ten tasks, which go to the splits that are measured on; the others are trained on"""


@dataclass(frozen=True, slots=True)
class Options:
    """Settings of `env=verifiers:NAME`, each a key `env.<name>=`."""

    config: str = "{}"
    """what the taskset is made with, as JSON"""
    tasks: int = 1000
    """most tasks that are taken"""
    solved: float = 1.0
    """reward that solves an episode"""
    timeout: float = 120.0
    """seconds between a reply and the next request or the end; the episode ends with `deadline` then"""

    def __post_init__(self) -> None:
        if self.tasks < len(SPLITS) or self.timeout <= 0:
            raise ConfigError(f"env.tasks must be at least {len(SPLITS)}, env.timeout above 0")


class VerifiersEnv(Adapted):
    """An environment for the package verifiers, one rollout an episode. Snapshots are refused."""

    Options = Options
    max_turns = 20
    max_action_chars: ClassVar[int] = 100_000
    restorable: ClassVar[Literal["exact", "replay", "no"]] = "no"
    taskset: ClassVar[str] = ""

    def __init__(self, split: Split = "train", *, max_turns: int | None = None, **options: Any) -> None:
        super().__init__(split, max_turns=max_turns, **options)
        self._play: Play | None = None
        self._rules = ""
        self._tools: list[dict[str, Any]] = []
        self._shown: int = 0
        """messages of the conversation that the agent has seen"""
        self._figures: Mapping[str, float] = {}

    def tasks(self, split: Split) -> Panel:
        """Return the tasks of a split: of every ten one is for the test and one for tuning."""
        made = loaded(self.taskset, self.options.config, self.options.tasks)
        numbers = [n for n in range(len(made)) if _split_of(n) == split]
        tasks = (Task(f"{self.taskset}-{n}", split, n, {"key": made[n].key}) for n in numbers)
        return Panel(f"{self.name}/{split}", tuple(tasks))

    def begin(self, task: Task) -> str:
        """Start a rollout of the task and return what its first request shows."""
        self.close()
        self._shown, self._rules, self._figures = 0, "", {}
        made = loaded(self.taskset, self.options.config, self.options.tasks)
        config = configured(self.taskset, self.options.config, self.max_turns)
        self._play = Play(config, made[task.seed], self.options.timeout)
        event = self._play.next()
        if event.request is None:
            raise DataError(f"task {task.id}: the rollout ended before it asked anything")
        return self._read(event.request)

    def act(self, action: str) -> Reply:
        """Answer the request with an action; calls in Hermes form become the request's own."""
        assert self._play is not None
        self._play.answer(wire(toolcalls.said(action), action, bool(self._tools)))
        event = self._play.next()
        if event.request is not None:
            return Reply(self._read(event.request))
        paid, self._figures = event.reward, event.metrics
        return Reply("", paid, paid >= self.options.solved, score=min(1.0, max(0.0, paid)))

    def _read(self, request: Mapping[str, Any]) -> str:
        """Return what a request says that is new, and remember its rules and tools."""
        messages = list(request["messages"])
        self._tools = list(request.get("tools") or ())
        rules = [text_of(one) for one in messages if one["role"] == "system"]
        self._rules = "\n\n".join(rules)
        new = [one for one in messages[self._shown :] if one["role"] not in ("system", "assistant")]
        self._shown = len(messages)
        return "\n\n".join(text_of(one) for one in new)

    def instructions(self) -> str:
        """Return the system message of the episode that has begun."""
        return self._rules

    def tools(self) -> list[dict[str, Any]]:
        """Return the tools that the last request offered."""
        return self._tools

    def metrics(self) -> Mapping[str, float]:
        """Return the metrics and the parts of the reward that their code recorded."""
        return self._figures

    def __getstate__(self) -> dict[str, Any]:
        """Return all but the rollout, which stays here."""
        return {**self.__dict__, "_play": None}

    def close(self) -> None:
        """Let go of the rollout."""
        if self._play is not None:
            self._play.stop()
            self._play = None


def text_of(message: Mapping[str, Any]) -> str:
    """Return the text of a message; parts that are no text are named."""
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    return "\n".join(part.get("text", f"[{part.get('type')}]") for part in content)


def _split_of(number: int) -> Split:
    return next((split for split, place in DEALT.items() if number % 10 == place), "train")


@functools.lru_cache(maxsize=8)
def loaded(taskset: str, config: str, most: int) -> list[Any]:
    """Return the tasks of a taskset, at most so many.

    Errors: ConfigError where it cannot be made.
    """
    vf = peer("verifiers.v1", "verifiers", "verifiers")
    try:
        return list(vf.load_taskset(configured(taskset, config, 1).taskset).take(most))
    except Exception as why:  # whatever a foreign taskset objects to
        raise ConfigError(f"env={PREFIX}{taskset}: its tasks cannot be loaded: {cause(why)}") from None


def configured(taskset: str, config: str, turns: int) -> Any:
    """Return the configuration of the environment: its one seat is ours, in this process.

    Errors: ConfigError where it cannot be made, or has several seats.
    """
    vf = peer("verifiers.v1", "verifiers", "verifiers")
    from agentrl.adapters.verifiers_plugin import HERE

    try:
        given = {"id": taskset, **json.loads(config)}
        seats = vf.env_config_type(taskset).model_fields
        names = [name for name, field in seats.items() if isinstance(field.default, vf.AgentConfig)]
    except Exception as why:
        raise ConfigError(f"env={PREFIX}{taskset}: {cause(why)}") from None
    if len(names) != 1:
        raise ConfigError(f"env={PREFIX}{taskset} has the seats {', '.join(names)}; one can be played")
    try:
        return vf.resolve_env_config({"taskset": given, names[0]: {**HERE, "max_turns": turns}})
    except Exception as why:
        raise ConfigError(f"env={PREFIX}{taskset}, env.config={config}: {cause(why)}") from None


@functools.cache
def adapted(taskset: str) -> type[VerifiersEnv]:
    """Return the class of an installed environment.

    Errors: ConfigError where the package or the environment is missing.
    """
    vf = peer("verifiers.v1", "verifiers", "verifiers")
    try:
        doc = vf.import_taskset(taskset).__doc__ or ""
    except Exception as why:
        raise ConfigError(f"env={PREFIX}{taskset}: {' '.join(str(why).split())}") from None
    attributes = {
        "__doc__": doc or f"The environment {taskset} for the package verifiers.",
        "__module__": __name__,
        "name": f"{PREFIX}{taskset}",
        "taskset": taskset,
    }
    return type("VerifiersEnv", (VerifiersEnv,), attributes)


def load_environment(name: str, split: Split = "train", **options: Any) -> Any:
    """Return one of our environments as one of verifiers', whose rollouts our rewards score.

    Errors: ConfigError where the package is missing, or for an unknown name or option.
    """
    vf = peer("verifiers.v1", "verifiers", "verifiers")
    from agentrl.adapters.verifiers_plugin import HERE, AgentRLConfig

    AgentRLConfig(env=name, split=split, options=options).made().close()  # what is wrong is said now
    taskset = {"id": ID, "env": name, "split": split, "options": options}
    return vf.load_environment(vf.resolve_env_config({"taskset": taskset, "player": HERE}))
