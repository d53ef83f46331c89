"""What comes of judging episodes twice: the contract of `rescore.json`."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Literal

from agentrl.statistics import proportion

Kind = Literal["only the reward", "only the verifier", "unknown"]
KINDS: tuple[Kind, ...] = ("only the reward", "only the verifier", "unknown")
SHOWN = 5
"""examples kept of each kind"""


@dataclass(frozen=True, slots=True)
class Scored:
    """An episode judged twice: a line of `scores/*.jsonl`."""

    iteration: int
    task: str
    sample: int
    success: bool
    """it passed when it was played"""
    score: float
    """as it was played, 0 to 1"""
    ret: float
    """what credit was given by: the weighted sum of its rewards"""
    new: float | None
    """the verifier's score, 0 to 1; None where it gave none"""
    passes: bool
    """the verifier's score is its best"""
    status: str
    """ok, timeout, error, or how an episode ended that says nothing about the policy"""
    answer: str
    reason: str


@dataclass(frozen=True, slots=True)
class Agreement:
    """Episodes by what the reward and the verifier make of them."""

    both: int
    only_reward: int
    only_verifier: int
    neither: int
    unknown: Mapping[str, int]
    """by status: these are in none of the four"""
    rate: float | None
    """share of the known ones that both judge alike; None where none is known"""
    low: float | None = None
    """of its 95 % interval, episodes taken to be independent"""
    high: float | None = None


@dataclass(frozen=True, slots=True)
class RescorePoint:
    """One iteration; means over the episodes that the verifier knows."""

    iteration: int
    episodes: int
    unknown: int
    success: float | None
    """share that passed when played"""
    score: float | None
    ret: float | None
    new: float | None
    """mean score of the verifier, 0 to 1"""
    passes: float | None
    """share that passes the verifier"""


@dataclass(frozen=True, slots=True)
class Rescore:
    """`rescore.json`."""

    run: str
    verifier: str
    judged: str
    """action or reply: what was taken for the answer"""
    episodes: int
    agreement: Agreement
    curve: tuple[RescorePoint, ...]
    examples: Mapping[Kind, tuple[Scored, ...]] = field(default_factory=dict)
    """the first of each kind"""


def rescored(run: str, verifier: str, judged: str, found: Sequence[Scored]) -> Rescore:
    """Return what the verdicts on all episodes of a run come to."""
    by_iteration: dict[int, list[Scored]] = {}
    for one in found:
        by_iteration.setdefault(one.iteration, []).append(one)
    examples: dict[Kind, tuple[Scored, ...]] = {
        kind: tuple(one for one in found if kind_of(one) == kind)[:SHOWN] for kind in KINDS
    }
    curve = tuple(_point(number, by_iteration[number]) for number in sorted(by_iteration))
    return Rescore(run, verifier, judged, len(found), agreement(found), curve, examples)


def kind_of(one: Scored) -> Kind | None:
    """Return how the two part on an episode; None where they agree."""
    if one.new is None:
        return "unknown"
    if one.success == one.passes:
        return None
    return "only the reward" if one.success else "only the verifier"


def agreement(found: Sequence[Scored]) -> Agreement:
    """Return the table of agreement."""
    known = [one for one in found if one.new is not None]
    counts = Counter((one.success, one.passes) for one in known)
    unknown = Counter(one.status for one in found if one.new is None)
    alike = counts[True, True] + counts[False, False]
    rate = proportion(alike, len(known)) if known else None
    return Agreement(
        both=counts[True, True],
        only_reward=counts[True, False],
        only_verifier=counts[False, True],
        neither=counts[False, False],
        unknown=dict(sorted(unknown.items())),
        rate=rate.mean if rate else None,
        low=rate.low if rate else None,
        high=rate.high if rate else None,
    )


def _point(iteration: int, found: Sequence[Scored]) -> RescorePoint:
    known = [one for one in found if one.new is not None]

    def over(values: Sequence[float]) -> float | None:
        return fmean(values) if values else None

    return RescorePoint(
        iteration=iteration,
        episodes=len(found),
        unknown=len(found) - len(known),
        success=over([float(one.success) for one in known]),
        score=over([one.score for one in known]),
        ret=over([one.ret for one in known]),
        new=over([one.new for one in known if one.new is not None]),
        passes=over([float(one.passes) for one in known]),
    )
