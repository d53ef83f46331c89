"""What a run folder says, read in one go, and the result in sentences."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentrl.errors import DataError
from agentrl.folder import CONFIG, METRICS, SUMMARY, read_evaluation, read_samples, read_summary
from agentrl.journal import MetricsLine, read_metrics
from agentrl.records import Evaluation, Measurement, SampleEpisode, Summary, best
from agentrl.statistics import Interval, paired_difference


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything a run folder says."""

    path: Path
    config_text: str
    config: Mapping[str, Any]
    metrics: Sequence[MetricsLine]
    evaluation: Evaluation
    samples: Sequence[SampleEpisode]
    summary: Summary | None

    @property
    def title(self) -> str:
        """Algorithm, environment and seed."""
        if self.summary is not None:
            return f"{self.summary.algo} on {self.summary.env}, seed {self.summary.seed}"
        return f"{self.config.get('algo', '?')} on {self.config.get('env', '?')}, not finished"


def read_findings(folder: Path) -> Findings:
    """Return what is in a run folder.

    Errors: DataError where it is no run, or a file of it is not as documented.
    """
    config, metrics = folder / CONFIG, folder / METRICS
    if not config.is_file():
        raise DataError(f"{folder} is not a run: it has no {CONFIG}")
    text = config.read_text(encoding="utf-8")
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as why:
        raise DataError(f"{config}: {why}") from why
    return Findings(
        path=folder,
        config_text=text,
        config=values,
        metrics=read_metrics(metrics) if metrics.is_file() else [],
        evaluation=read_evaluation(folder),
        samples=read_samples(folder),
        summary=read_summary(folder) if (folder / SUMMARY).is_file() else None,
    )


def headline(run: Findings) -> list[str]:
    """Return the result in sentences, the first of which can stand alone."""
    before, after = best(run.evaluation.warm_start), best(run.evaluation.final)
    if before is None and after is None:
        return ["Nothing has been measured yet."]
    said = []
    only = after or before
    if before is None or after is None:
        assert only is not None
        when = "after training" if after else "before training; the run has not finished"
        said.append(
            f"{only.decoding} solves {rate(only)} of {only.panel.name} ({only.panel.tasks} tasks) {when}."
        )
    else:
        gain = change(before, after)
        said.append(
            f"Training took {after.panel.name} from {rate(before)} to {rate(after)} solved:"
            f" {points(gain.mean)} points (95 % interval {points(gain.low)} to {points(gain.high)},"
            f" {after.panel.tasks} tasks)."
        )
        if gain.low <= 0 <= gain.high:
            said.append("The interval holds 0: these tasks do not show that training changed anything.")
        said.append(
            f"Best decoding before: {before.decoding}; after: {after.decoding}. The interval is over tasks,"
            " for this one seed, and does not allow for choosing the best of several decodings."
        )
    bounds = [f"{name} {rate(look)}" for name, look in run.evaluation.baselines.items()]
    return said + ([f"For comparison: {', '.join(bounds)}."] if bounds else [])


def rate(look: Measurement) -> str:
    """Return the share of tasks solved, in words."""
    return f"{100 * look.rate:.1f} %"


def points(share: float) -> str:
    """Return a difference of shares in points, with its sign."""
    return f"{100 * share:+.1f}"


def change(before: Measurement, after: Measurement) -> Interval:
    """Return the gain in share of tasks solved, paired by task.

    Errors: DataError where the two were measured on different tasks.
    """
    if before.tasks != after.tasks or before.panel.hash != after.panel.hash:
        raise DataError(f"{before.panel.name} was not the same before and after:"
                        f" {before.panel.hash} and {after.panel.hash}")  # fmt: skip
    return paired_difference(before.success, after.success)
