"""What the command line does, from Python."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agentrl.env import Split, TextEnv


def train(**settings: Any) -> Path:
    """Return the folder of a finished run; settings are those of `agentrl run`.

    `agentrl.train(env="guess", algo="gigpo", iterations=5, **{"learner.lr": 1e-3})`

    Errors: ConfigError for wrong settings, RunError where the run had to stop.
    """
    from agentrl.config import from_values
    from agentrl.train import train as run

    return run(from_values(settings))


def evaluate(**settings: Any) -> Any:
    """Return what `agentrl eval` measures; settings are its words.

    Errors: ConfigError for wrong settings.
    """
    from agentrl.evaluate import evaluate_run
    from agentrl.values import written

    return evaluate_run([f"{key}={written(value)}" for key, value in settings.items()])


def make(name: str, split: "Split" = "train", **options: Any) -> "TextEnv":
    """Return an environment, ready for `reset`: a registered name or `./mine.py`, with its own options.

    Errors: ConfigError for an unknown name or option.
    """
    from agentrl.config import env_options
    from agentrl.registry import find

    cls: type[TextEnv] = find("envs", name)
    return cls(split, **env_options(cls, options))
