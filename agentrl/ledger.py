"""What a run has measured so far, and the files that say so."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

from msgspec import UNSET

from agentrl.env import PlayerKind, Split, TextEnv
from agentrl.errors import ChildError, ConfigError
from agentrl.evaluate import Judge, first
from agentrl.folder import RunFolder
from agentrl.mixture import is_mixture
from agentrl.progress import Progress
from agentrl.records import (
    CurvePoint,
    Evaluation,
    Measurement,
    PanelRecord,
    SampleEpisode,
    Summary,
    When,
    final_scores,
    sample_episode,
    scores,
)
from agentrl.settings import Settings
from agentrl.types import Panel, Task, Trajectory
from agentrl.versions import versions

SAMPLES = 4
"""tasks whose episodes are kept to be read, before and after"""
BASELINES: tuple[PlayerKind, ...] = ("random", "expert")
log = logging.getLogger("agentrl")


class Ledger:
    """Measures a run's policy when it is told to, and keeps what came out. Nothing is measured twice."""

    def __init__(
        self,
        settings: Settings,
        folder: RunFolder,
        judge: Judge,
        panels: Mapping[Split, Panel],
        progress: Progress,
    ) -> None:
        self.settings, self.folder, self.judge, self.progress = settings, folder, judge, progress
        self.dev = first(panels["dev"], settings.eval.dev)
        self.panel = first(panels[settings.eval.panel], settings.eval.test)
        self.evaluation = Evaluation()
        self.samples: list[SampleEpisode] = []

    def rewind(self, iteration: int) -> None:
        """Go back to what was known once `iteration` was done; -1: before RL."""
        self.evaluation = self.folder.evaluation().until(iteration)
        self.samples = [sample for sample in self.folder.samples() if sample.when == "before"]

    def look(self, iteration: int, environment_steps: int, seconds: float) -> None:
        """Put a point on the dev curve."""
        if not self.settings.eval.every:
            return
        looks = {decoding: self.judge.measure(self.dev, decoding)[0] for decoding in self.settings.eval.curve}
        rates: dict[str, float] = {decoding: look.rate for decoding, look in looks.items()}
        point = CurvePoint(iteration, environment_steps, seconds, rates)
        curve = (*self.evaluation.curve, point)
        self.evaluation = replace(self.evaluation, curve=curve, dev=_record(self.dev))
        self.folder.write_evaluation(self.evaluation)
        found = {f"dev/{name}": rate for name, rate in rates.items()}
        if is_mixture(self.settings.env):
            parts = [(name, *part) for name, look in looks.items() for part in look.by_kind.items()]
            found |= {f"dev/{name}/{label}": good / count for name, label, (good, count) in parts}
        self.folder.add_metrics("eval", iteration, found)

    def measure(self, when: Literal["warm_start", "final"]) -> None:
        """Measure all decodings on the panel; before RL the baselines too."""
        if getattr(self.evaluation, when):
            return
        kept: When = "before" if when == "warm_start" else "after"
        # Episodes may be on disk already: a kill between the two files below.
        self.samples = [sample for sample in self.samples if sample.when != kept]
        decodings = self.settings.eval.decodings
        found: list[Measurement] = []
        self.progress.phase(f"measuring {when.replace('_', ' ')}", len(decodings))
        for number, decoding in enumerate(decodings):
            measurement, episodes = self.judge.measure(self.panel, decoding)
            found.append(measurement)
            if number == 0:
                self._keep(episodes[:SAMPLES], kept, decoding)
            self.progress.step(number + 1, **{decoding: measurement.rate})
        if when == "warm_start":
            baselines = self._baselines()
            self.evaluation = replace(self.evaluation, warm_start=tuple(found), baselines=baselines)
        else:
            self.evaluation = replace(self.evaluation, final=tuple(found))
        self.folder.write_samples(self.samples)
        self.folder.write_evaluation(self.evaluation)

    def _baselines(self) -> dict[str, Measurement]:
        found: dict[str, Measurement] = {}
        for kind in BASELINES:
            try:
                found[kind] = self.judge.baseline(self.panel, kind)
            except ConfigError as why:
                log.info("no %s baseline: %s", kind, why)
        return found

    def _keep(self, episodes: Sequence[Trajectory], when: When, decoding: str) -> None:
        with self.judge.make_env(self.settings.eval.panel) as env:
            for episode in episodes:
                self.samples.append(sample_episode(episode, _goal(env, episode.task), when, decoding))

    def summarise(
        self, environment_steps: int, seconds: Mapping[str, float], accounts: Mapping[str, int]
    ) -> None:
        """Write `summary.json`."""
        self.folder.write_summary(
            Summary(
                env=self.settings.env,
                algo=self.settings.algo,
                seed=self.settings.run.seed,
                panel=_record(self.panel),
                warm_start=scores(self.evaluation.warm_start),
                final=final_scores(self.evaluation.final),
                environment_steps=environment_steps,
                seconds=dict(seconds),
                versions=versions(),
                accounts=accounts or UNSET,
            )
        )


def _record(panel: Panel) -> PanelRecord:
    return PanelRecord(panel.name, panel.hash, len(panel))


def _goal(env: TextEnv, task: Task) -> str:
    """Return a task in words; nothing where its environment's process was lost, which ends no run."""
    try:
        env.reset(options={"task": task})
    except ChildError as why:
        log.warning("task %s is shown without its goal: %s", task.id, why)
        return ""
    return env.goal()
