"""The training reward beside a stricter check that the policy is not paid by: do they part?"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, variance
from typing import Any, NamedTuple

from agentrl.journal import MetricsLine
from agentrl.values import NONE

FALL = 0.01
"""by which a stricter check must fall before it is worth a warning"""


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


def watched(metrics: Sequence[MetricsLine], config: Mapping[str, Any]) -> Watched | None:
    """Return the training reward and the stricter check beside it; None where there was no such check."""
    names = ("return", "score", "strict")
    lines = [
        line
        for line in metrics
        if line.phase == "rl" and all(math.isfinite(line.values.get(name, math.nan)) for name in names)
    ]
    if not lines:
        return None
    named = config.get("run", {}).get("strict", NONE)
    check = "the environment's own strict check" if named == NONE else f"the verifier {Path(named).name}"
    reward, score, strict = (tuple(line.values[name] for line in lines) for name in names)
    unknown = fmean(line.values.get("strict_unknown", 0.0) for line in lines)
    return Watched(check, tuple(line.iteration for line in lines), reward, score, strict, unknown)


def hacking(metrics: Sequence[MetricsLine], config: Mapping[str, Any]) -> list[str]:
    """Return how reward and stricter check moved in a sentence, and a warning where they part.

    They part where from the first to the last third of the iterations the reward rises and the check falls,
    each by more than twice the standard error of the difference, and the check by more than a point.

    Edge: nothing where there is no check; no warning before the ninth iteration.
    """
    seen = watched(metrics, config)
    if seen is None:
        return []
    reward, strict = _thirds(seen.reward), _thirds(seen.strict)
    unknown = f"; it said nothing about {100 * seen.unknown:.1f} % of the episodes" if seen.unknown else ""
    moved = (
        f"the reward went from {reward.before:.3g} to {reward.after:.3g} and {seen.check} from"
        f" {100 * strict.before:.1f} % to {100 * strict.after:.1f} %, first to last third of"
        f" {len(seen.strict)} iterations{unknown}."
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
