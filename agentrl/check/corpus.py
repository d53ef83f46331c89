"""How often a verifier is wrong on answers whose fate is known, and how long it takes."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

import msgspec

from agentrl.check.rules import Watch
from agentrl.errors import ConfigError, DataError
from agentrl.statistics import proportion
from agentrl.types import Task
from agentrl.verify import Pair, Submission, Verdict, Verifier, verdict_of

SHOWN = 5
"""misjudged answers told of each kind"""
LENGTH = 60
"""characters shown of an answer"""


def read_corpus(path: Path) -> list[Pair]:
    """Return the pairs of a file of JSON lines {"answer": text, "data": {...}, "passes": true or false}.

    Errors: ConfigError where there is no such file, DataError naming the first line that is none, or where
            there are none.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as why:
        raise ConfigError(f"corpus={path}: cannot be read: {why.strerror}") from why
    pairs: list[Pair] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            pairs.append(msgspec.convert(json.loads(line), Pair))
        except ValueError as why:
            raise DataError(f"{path}, line {number}: {why}; a line is"
                            ' {"answer": "4", "data": {"answer": "4"}, "passes": true}') from why  # fmt: skip
    if not pairs:
        raise DataError(f"{path} holds no answers")
    return pairs


@dataclass(frozen=True, slots=True)
class Found:
    """What a verifier said of one pair."""

    place: int
    """1 for the first of the corpus"""
    pair: Pair
    verdict: Verdict
    passed: bool


@dataclass(frozen=True, slots=True)
class Measured:
    """What a verifier said of every pair of a corpus."""

    found: tuple[Found, ...]

    @property
    def known(self) -> list[Found]:
        """Those it was sure of."""
        return [one for one in self.found if one.verdict.known]

    @property
    def false_positives(self) -> list[Found]:
        """Those that it passes and that must fail."""
        return [one for one in self.known if one.passed and not one.pair.passes]

    @property
    def false_negatives(self) -> list[Found]:
        """Those that it fails and that must pass."""
        return [one for one in self.known if not one.passed and one.pair.passes]

    def __str__(self) -> str:
        passing = sum(one.pair.passes for one in self.known)
        unknown = Counter(one.verdict.status for one in self.found if not one.verdict.known)
        lines = [
            f"corpus: {len(self.found)} answers",
            f"  false positives {_rate(len(self.false_positives), len(self.known) - passing)}",
            f"  false negatives {_rate(len(self.false_negatives), passing)}",
            f"  unknown         {sum(unknown.values())} of {len(self.found)}"
            + "".join(f", {status} {count}" for status, count in sorted(unknown.items())),
        ]
        wrong = (("passed, must fail", self.false_positives), ("failed, must pass", self.false_negatives),
                 ("unknown", [one for one in self.found if not one.verdict.known]))  # fmt: skip
        for label, ones in wrong:
            lines += [f"  {label}: {_shown(one)}" for one in ones[:SHOWN]]
            lines += [f"  {label}: {len(ones) - SHOWN} more"] if len(ones) > SHOWN else []
        times = [one.verdict.seconds for one in self.found]
        p95 = quantiles(times, n=20, method="inclusive")[-1] if len(times) > 1 else times[0]
        return "\n".join([*lines, f"  time an answer  median {_time(median(times))}, p95 {_time(p95)}"])


def measured(verifier: Verifier, pairs: Sequence[Pair], watch: Watch) -> Measured:
    """Return what a verifier says of every pair, one after the other."""
    found: list[Found] = []
    for place, pair in enumerate(pairs, 1):
        with watch.over(f"verify({pair.answer[:40]!r})"):
            verdict = verdict_of(verifier, Submission(pair.answer), Task("check", "train", 0, pair.data))
        found.append(Found(place, pair, verdict, verdict.known and verdict.score >= verifier.high))
    return Measured(tuple(found))


def _rate(count: int, total: int) -> str:
    """Return a count in words, with its rate and interval."""
    if not total:
        return "none to be seen: no answer of that kind"
    seen = proportion(count, total)
    return (
        f"{count} of {total} ({100 * seen.mean:.1f} %, 95 % interval"
        f" {100 * seen.low:.1f} to {100 * seen.high:.1f})"
    )


def _shown(one: Found) -> str:
    answer = one.pair.answer if len(one.pair.answer) <= LENGTH else one.pair.answer[:LENGTH] + "..."
    why = one.verdict.reason or f"score {one.verdict.score:g}"
    return f"answer {one.place}, {answer!r}: {' '.join(why.split())}"


def _time(seconds: float) -> str:
    """Return a time in a unit that suits it.

    >>> _time(2.5), _time(0.0123), _time(4.2e-6)
    ('2.5 s', '12.3 ms', '4.2 us')
    """
    scaled = ((1.0, "s"), (1e-3, "ms"), (1e-6, "us"))
    unit, name = next((one for one in scaled if seconds >= one[0]), scaled[-1])
    return f"{seconds / unit:.3g} {name}"
