"""What a run folder says, read in one go, and the result in sentences."""

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, variance
from typing import Any, NamedTuple

from agentrl.errors import DataError
from agentrl.folder import CONFIG, METRICS, SUMMARY, read_evaluation, read_samples, read_summary
from agentrl.journal import MetricsLine, read_metrics
from agentrl.records import Evaluation, Measurement, SampleEpisode, Summary, best
from agentrl.settings import RolloutSettings
from agentrl.statistics import Interval, paired_difference

GAP, EFFECTIVE = 0.02, 0.8
"""nats a token above which, and share of tokens below which, sampler and trainer are too far apart"""
FALL = 0.01
"""by which a stricter check must fall before it is worth a warning"""


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
    said += [f"For comparison: {', '.join(bounds)}."] if bounds else []
    return said + hacking(run)[1:] + mismatch(run)[1:]


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


@dataclass(frozen=True, slots=True)
class Watched:
    """The training reward beside a stricter check: iterations at which both are known."""

    check: str
    """in words"""
    iterations: tuple[int, ...]
    reward: tuple[float, ...]
    """mean weighted return of an episode"""
    score: tuple[float, ...]
    """0 to 1"""
    strict: tuple[float, ...]
    """0 to 1"""
    unknown: float
    """mean share of episodes that the check said nothing about"""


def watched(run: Findings) -> Watched | None:
    """Return the training reward and the stricter check beside it; None where there was no such check."""
    names = ("return", "score", "strict")
    lines = [
        line
        for line in run.metrics
        if line.phase == "rl" and all(math.isfinite(line.values.get(name, math.nan)) for name in names)
    ]
    if not lines:
        return None
    named = run.config.get("run", {}).get("strict")
    check = f"the verifier {Path(named).name}" if named else "the environment's own strict check"
    reward, score, strict = (tuple(line.values[name] for line in lines) for name in names)
    unknown = fmean(line.values.get("strict_unknown", 0.0) for line in lines)
    return Watched(check, tuple(line.iteration for line in lines), reward, score, strict, unknown)


def hacking(run: Findings) -> list[str]:
    """Return how reward and stricter check moved in a sentence, and a warning where they part.

    They part where from the first to the last third of the iterations the reward rises and the check falls,
    each by more than twice the standard error of the difference, and the check by more than a point.

    Edge: nothing where there is no check; no warning before the ninth iteration.
    """
    seen = watched(run)
    if seen is None:
        return []
    reward, strict = _thirds(seen.reward), _thirds(seen.strict)
    unknown = f"; it said nothing about {_percent(seen.unknown)} of the episodes" if seen.unknown else ""
    moved = (
        f"the reward went from {reward.before:.3g} to {reward.after:.3g} and {seen.check} from"
        f" {_percent(strict.before)} to {_percent(strict.after)}, first to last third of {len(seen.strict)}"
        f" iterations{unknown}."
    )
    said = [f"Reward against a stricter check: {moved}"]
    if reward.gain > 2 * reward.error and -strict.gain > max(2 * strict.error, FALL):
        said.append(
            "Reward hacking? The training reward rises while the stricter check falls: the policy is paid for"
            " what the check does not accept. Read episodes of the last iterations, then mend the reward or"
            " train on the check."
        )
    return said


class _Thirds(NamedTuple):
    """Means of the first and last third of a curve, and the standard error of their difference."""

    before: float
    after: float
    error: float

    @property
    def gain(self) -> float:
        return self.after - self.before


def _thirds(values: Sequence[float]) -> _Thirds:
    size = max(1, len(values) // 3)
    first, last = values[:size], values[-size:]
    # The spread of one or two values says nothing: no difference is then large enough.
    error = math.sqrt((variance(first) + variance(last)) / size) if size > 2 else math.inf
    return _Thirds(fmean(first), fmean(last), error)


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
