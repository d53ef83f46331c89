"""The options of `agentrl run` that begin with dashes: they are about the plan, and settings of no run."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from agentrl.errors import ConfigError

if TYPE_CHECKING:
    from agentrl.memory import Machine

DRY_RUN, GPUS, MEMORY = "--dry-run", "--gpus", "--gpu-memory"
FLAGS = (DRY_RUN, GPUS, MEMORY)


def split(words: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Return the words that are settings, and the options with their values: `--gpus 2` or `--gpus=2`.

    Errors: ConfigError for an option without its value.
    """
    settings: list[str] = []
    flags: dict[str, str] = {}
    rest = iter(words)
    for word in rest:
        flag, equals, given = word.partition("=")
        if flag == DRY_RUN and not equals:
            flags[flag] = ""
        elif flag in (GPUS, MEMORY):
            flags[flag] = given if equals else next(rest, "")
            if not flags[flag]:
                raise ConfigError(f"{flag} needs a number: {flag} {'2' if flag == GPUS else '80'}")
        else:
            settings.append(word)
    return settings, flags


def machine_of(flags: Mapping[str, str]) -> "Machine":
    """Return the machine that a plan is asked for.

    Errors: ConfigError for numbers that no machine has, or where no plan is asked for.
    """
    from agentrl.memory import Machine  # here: --help is to be there at once
    from agentrl.values import value

    machine = Machine(value(GPUS, flags.get(GPUS, 1), int), value(MEMORY, flags.get(MEMORY, 0.0), float))
    if machine.gpus < 1:
        raise ConfigError(f"{GPUS}={machine.gpus}: must be at least 1")
    if MEMORY in flags and machine.memory <= 0:
        raise ConfigError(f"{MEMORY}={machine.memory:g}: must be above 0, in GiB a GPU")
    for flag in flags:
        if flag != DRY_RUN and DRY_RUN not in flags:
            raise ConfigError(f"{flag} goes with {DRY_RUN}: a run uses the GPU it finds")
    return machine
