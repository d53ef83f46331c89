"""What a run folder says, read in one go, and the result in sentences."""

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from agentrl.alarms import alarms
from agentrl.errors import DataError
from agentrl.folder import CONFIG, METRICS, SUMMARY, read_evaluation, read_samples, read_summary
from agentrl.hacking import hacking
from agentrl.journal import MetricsLine, read_metrics
from agentrl.records import Evaluation, Measurement, SampleEpisode, Summary, best
from agentrl.settings import RolloutSettings
from agentrl.statistics import Interval, paired_difference

GAP, EFFECTIVE = 0.02, 0.8
"""nats a token above which, and share of tokens below which, sampler and trainer are too far apart"""


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
        return f"{_name(self.config, 'algo')} on {_name(self.config, 'env')}, not finished"


def _name(config: Mapping[str, Any], group: str) -> str:
    """Return the name of the algorithm or environment."""
    found = config.get(group, "?")
    return str(found.get("name", "?") if isinstance(found, Mapping) else found)


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
    said += [f"For comparison: {', '.join(bounds)}."] if bounds else []
    return said + advice(run)


def advice(run: Findings) -> list[str]:
    """Return what the figures warn of and what to do about it; nothing where all is well."""
    parted = hacking(run.metrics, run.config)[1:]
    return parted + mismatch(run)[1:] + alarms(run.metrics, run.config)


def mismatch(run: Findings) -> list[str]:
    """Return how far the sampler was from the trainer in a sentence, and advice where that is too far.

    Edge: nothing where no iteration compared the two; figures that are not finite do not count.
    """

    def over(name: str) -> list[float]:
        found = (x.values.get(name, math.nan) for x in run.metrics if x.phase == "rl")
        return [value for value in found if math.isfinite(value)]

    gap, largest, effective = map(over, ("logprob_gap_mean", "logprob_gap_max", "correction_ess"))
    if not gap and not effective:
        return []
    parts = []
    if gap:
        parts.append(
            f"log-probabilities differ by {fmean(gap):.2g} nats a token on average, {max(largest or gap):.2g}"
            " at most"
        )
    if effective:
        parts.append(
            f"effective sample size {_percent(fmean(effective))} of the tokens,"
            f" {_percent(min(effective))} at least"
        )
    for name, words in (("clipped", "of weights truncated"), ("rejected", "of tokens rejected")):
        shares = over(f"correction_{name}")
        parts += [f"{_percent(fmean(shares))} {words}"] if shares else []
    said = [f"Sampler against trainer: {'; '.join(parts)}."]
    if (gap and fmean(gap) > GAP) or (effective and fmean(effective) < EFFECTIVE):
        said.append(_advice(run))
    return said


def _advice(run: Findings) -> str:
    """Return what to do where sampler and trainer are too far apart."""
    rollout = run.config.get("rollout", {})
    names = ("backend", "old", "correction", "top_p", "top_k")
    set_up = RolloutSettings(**{name: rollout[name] for name in names if name in rollout})
    if set_up.top_p < 1 or set_up.top_k > 0:
        first = "sample without cutting tokens off (rollout.top_p=1 rollout.top_k=0), which is a difference"
        first += " in itself"
    elif set_up.trusts_sampler:
        first = "compute old log-probabilities again (rollout.old=recompute) and weigh tokens"
        first += " (rollout.correction=truncate)"
    elif set_up.weighted == "none":
        first = "weigh tokens by the ratio of the two (rollout.correction=truncate)"
    elif set_up.weighted == "truncate":
        first = "leave out what is farthest off (rollout.correction=mask, or rollout.reject=seq_mean_k3"
        first += " rollout.reject_at=0.01)"
    else:
        first = "loosen the bounds if most of the data is lost (rollout.correction_cap), or truncate instead"
    return (
        f"Sampler and trainer are far apart: {first}; and look for the cause: precision that differs"
        " (model.dtype=float32 on both sides), weights that the"
        " sampler did not get, or stored episodes that are old."
    )


def _percent(share: float) -> str:
    """Return a share in percent, in words."""
    return f"{100 * share:.1f} %"


def rate(look: Measurement) -> str:
    """Return the share of tasks solved, in words."""
    return _percent(look.rate)


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
