"""A run's first policy: a model of a folder or hub, or a tiny one made from its environment's text."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import torch

from agentrl.env import Player, PlayerKind, TextEnv
from agentrl.errors import ChildError, ConfigError
from agentrl.learner.lora import add_lora, base_of, load_adapter
from agentrl.learner.model import Policy, load_model
from agentrl.learner.tiny import tiny_model, tiny_tokenizer
from agentrl.mixture import label_of
from agentrl.settings import ModelSettings
from agentrl.types import Panel, Task

log = logging.getLogger("agentrl")

TEXT_TASKS = 2000
"""training tasks whose episodes the tiny tokenizer is made from"""


def new_policy(settings: ModelSettings, env: TextEnv, panel: Panel, seed: int) -> Policy:
    """Return the policy that the settings name; `tiny` and an adapter are drawn from `seed`.

    `panel` holds training tasks: nothing else is read to make a tokenizer.
    Errors: ConfigError where the model cannot be loaded.
    """
    policy = _plain_policy(settings, env, panel, seed)
    if settings.lora:
        add_lora(policy.module, settings, seed)
    return policy


def _plain_policy(settings: ModelSettings, env: TextEnv, panel: Panel, seed: int) -> Policy:
    if settings.path != "tiny":
        return load_model(settings.path, settings.dtype)
    if settings.hidden % settings.heads:
        raise ConfigError(f"model.hidden={settings.hidden} is not a multiple of model.heads={settings.heads}")
    tokenizer = tiny_tokenizer(_texts(env, panel.tasks[:TEXT_TASKS]), limit=settings.vocabulary)
    module = tiny_model(
        tokenizer,
        hidden=settings.hidden,
        layers=settings.layers,
        heads=settings.heads,
        context=settings.context,
        seed=seed,
    )
    return Policy(module.to(getattr(torch, settings.dtype)), tokenizer)


def saved_policy(settings: ModelSettings, folder: Path, env: TextEnv, panel: Panel, seed: int) -> Policy:
    """Return a policy that a run saved, where `new_policy` put it: the tiny one stays on the processor.

    A folder with an adapter names its base, which is loaded or drawn as at the start of the run.
    """
    base = base_of(folder)
    if not base:
        return load_model(str(folder), settings.dtype, "cpu" if settings.path == "tiny" else "")
    policy = new_policy(replace(settings, path=base), env, panel, seed)
    load_adapter(policy.module, folder)
    return policy


def saved_reference(settings: ModelSettings, folder: Path, policy: Policy) -> Policy:
    """Return the frozen policy that a run saved; an adapter's is another view of the base of `policy`."""
    if not base_of(folder):
        return load_model(str(folder), settings.dtype, str(policy.device)).frozen_copy()
    reference = policy.frozen_copy()
    load_adapter(reference.module, folder)
    return reference


def _texts(env: TextEnv, tasks: tuple[Task, ...]) -> Iterator[str]:
    """Yield what is read and written in an episode of each task, as far as it was played."""
    yield "act (invalid) | ;"
    for number, task in enumerate(tasks):
        try:
            yield from _episode_texts(env, task, number)
        except ChildError as why:
            log.warning("the tokenizer is made without the rest of task %s: %s", task.id, why)


def _episode_texts(env: TextEnv, task: Task, seed: int) -> Iterator[str]:
    observation, info = env.reset(options={"task": task})
    yield env.goal()
    play = some_player(env, ("demonstrator", "random"), seed)
    over = play is None
    while not over and play is not None:
        yield observation
        yield from info["admissible"] or ()
        action = play(observation)
        yield action
        observation, _, terminated, truncated, info = env.step(action)
        over = terminated or truncated
    yield observation


def some_player(env: TextEnv, kinds: tuple[PlayerKind, ...], seed: int) -> Player | None:
    """Return the first of these players that the environment has, for the episode begun; else None."""
    for kind in kinds:
        try:
            return env.player(kind, seed)
        except ConfigError:
            continue
    return None


def demonstrated(env: TextEnv, panel: Panel, labels: Mapping[str, float]) -> Panel:
    """Return the tasks of the environments that have a demonstrator to learn from."""
    taught: set[str] = set()
    for label in labels:
        own = tuple(task for task in panel if label_of(task, labels) == label)
        if has_demonstrator(env, Panel(panel.name, own)):
            taught.add(label)
    return Panel(panel.name, tuple(task for task in panel if label_of(task, labels) in taught))


def has_demonstrator(env: TextEnv, panel: Panel) -> bool:
    """Tell whether the environment has a demonstrator to learn from; an episode is begun to find out."""
    for task in panel.tasks[:8]:
        with suppress(ChildError):  # a lost process says nothing about players: ask at another task
            env.reset(options={"task": task})
            return some_player(env, ("demonstrator",), 0) is not None
    return False
