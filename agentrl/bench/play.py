"""Asks models and reference players the questions of a benchmark."""

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from agentrl.bench.answers import PIECE, Answers, Header, line
from agentrl.bench.words import Contender, Place, Plan
from agentrl.env import PlayerKind, Split, TextEnv
from agentrl.errors import ConfigError
from agentrl.evaluate import first, judge_in, stream
from agentrl.progress import Progress
from agentrl.records import PanelRecord
from agentrl.rollout.workers import Environments
from agentrl.settings import Settings
from agentrl.types import Outcome, Panel, Task, Trajectory
from agentrl.values import written

REFERENCES: tuple[PlayerKind, ...] = ("never", "always", "random", "expert")
"""players that stand beside models, where an environment offers them"""
ASKED = ("backend", "mode", "style", "history", "max_tokens", "max_context")
"""settings of the rollout that replies depend on"""
TINY_MODEL, TINY_ASKED = "tiny", ("dtype", "hidden", "layers", "heads", "vocabulary", "context")
"""the untrained model, and what it is drawn by beside the seed"""

Ask = Callable[[Sequence[tuple[int, Task]]], list[Trajectory]]
"""From tasks with their numbers to the episodes, in order"""


def questions(place: Place, split: Split, count: int) -> tuple[Panel, PanelRecord]:
    """Return the first questions of a split, and a record whose hash covers all that is read at their start.

    The hash of a panel alone would not notice other words around the same tasks.
    """
    with Environments(place.settings) as worlds:
        env = worlds(split)
        panel = first(env.tasks(split), count)
        digest = hashlib.sha256(panel.hash.encode())
        for task in panel:
            observation, info = env.reset(options={"task": task})
            read = [observation, env.goal(), env.instructions(), env.tools(), info["admissible"]]
            digest.update(json.dumps(read, sort_keys=True, default=str).encode())
        env.close()
    if not len(panel):
        raise ConfigError(f"env '{place.env}' has no {split} tasks")
    return panel, PanelRecord(panel.name, digest.hexdigest()[:12], len(panel))


def header(plan: Plan, place: Place, panel: PanelRecord, who: Contender | PlayerKind) -> Header:
    """Return what the answers of a model, or of a reference player, depend on."""
    model = who if isinstance(who, Contender) else None
    return Header(
        env=place.env,
        options={key: written(found) for key, found in place.settings.env_options.items()},
        panel=panel.hash,
        tasks=panel.tasks,
        who=model.name if model else str(who),
        decoding=plan.decoding if model else "none",
        seed=place.settings.run.seed,
        asked=_asked(model.settings) if model else {},
        weights=weights_of(model.settings.model.path) if model else "",
    )


def _asked(settings: Settings) -> Mapping[str, str]:
    how = {f"rollout.{key}": written(getattr(settings.rollout, key)) for key in ASKED}
    sizes = TINY_ASKED if settings.model.path == TINY_MODEL else ("dtype",)
    return how | {f"model.{key}": written(getattr(settings.model, key)) for key in sizes}


def weights_of(path: str) -> str:
    """Return a digest of the weight files of a folder; empty for what is no folder."""
    folder = Path(path).expanduser()
    if path == TINY_MODEL or not folder.is_dir():
        return ""
    digest = hashlib.blake2b(digest_size=8)
    for file in sorted([*folder.glob("*.safetensors"), *folder.glob("*.bin")]):
        with file.open("rb") as data:
            digest.update(hashlib.file_digest(data, "sha256").digest())
    return digest.hexdigest()


def ask_model(answers: Answers, who: Contender, panel: Panel, plan: Plan, progress: Progress) -> None:
    """Let a model answer what it has not answered yet; nothing is loaded where that is nothing."""
    if answers.complete:
        return
    torch.set_num_threads(who.settings.run.threads)
    with Environments(who.settings) as worlds:
        world = worlds("train")
        judge = judge_in(who.settings, world, worlds)
        world.close()
        try:
            _ask(answers, panel, lambda tasks: judge.episodes(tasks, plan.decoding), progress)
        finally:
            judge.close()


def ask_player(answers: Answers, kind: PlayerKind, panel: Panel, place: Place, progress: Progress) -> None:
    """Let a reference player answer what it has not answered yet.

    Errors: ConfigError where the environment has no such player.
    """
    if answers.complete:
        return
    split: Split = panel[0].split  # type: ignore[assignment]
    with Environments(place.settings) as worlds:
        env = worlds(split)

        def asked(tasks: Sequence[tuple[int, Task]]) -> list[Trajectory]:
            nonlocal env
            found = []
            for number, task in tasks:
                found.append(played(env, kind, task, stream(answers.header.seed, "bench", kind, number)))
                if not found[-1].scorable:  # what raised is not used again
                    env = worlds(split)
            return found

        asked([(0, panel[0])])  # where there is no such player, that is known before anything is announced
        _ask(answers, panel, asked, progress)
        env.close()


def _ask(answers: Answers, panel: Panel, ask: Ask, progress: Progress) -> None:
    """Add the answers that are missing, piece by piece."""
    numbered = list(enumerate(panel))
    done = len(answers.lines)
    progress.phase(f"{answers.header.who} on {answers.header.env}", len(panel), done)
    for start in range(done, len(panel), PIECE):
        piece = numbered[start : start + PIECE]
        begun = time.perf_counter()
        episodes = ask(piece)
        seconds = (time.perf_counter() - begun) / len(piece)
        by_model = answers.header.decoding != "none"
        answers.add([
            line(number, episode, seconds, written=by_model)
            for (number, _), episode in zip(piece, episodes, strict=True)
        ])  # fmt: skip
        right = sum(one.answered.correct for one in answers.lines) / len(answers.lines)
        progress.step(len(answers.lines), right=right)


def played(env: TextEnv, kind: PlayerKind, task: Task, seed: int) -> Trajectory:
    """Return the episode that a scripted player plays, without its turns: no model's words lie between.

    Errors: ConfigError where the environment has no such player.
    Edge:   whatever else the environment raises ends the episode, as it does for models.
    """
    calls: list[Mapping[str, Any]] = []
    terminated = over = False
    try:
        observation, info = env.reset(options={"task": task})
        play = env.player(kind, seed)
        while not over:
            observation, _, terminated, truncated, info = env.step(play(observation))
            calls += info["calls"]
            over = terminated or truncated
    except ConfigError:
        raise
    except Exception as why:
        return Trajectory(task, task.id, 0, (), "environment_error", f"{type(why).__name__}: {why}")
    told = {
        "calls": float(len(calls)),
        "cost": sum(float(call.get("cost", 1.0)) for call in calls),
        "latency": sum(float(call.get("latency", 0.0)) for call in calls),
    }
    success = bool(info["success"])
    outcome: Outcome = "success" if success else "failure" if terminated else "turn_limit"
    metrics = {**(told if calls else {}), **info["metrics"]}
    return Trajectory(task, task.id, 0, (), outcome, success=success, metrics=metrics)
