"""Numbers that reports show: means and how far to trust them.

Tasks are the unit of a measurement and seeds the unit of a claim about an algorithm. Intervals over tasks
are bootstrap percentile intervals; intervals over seeds, of which there are few, are Student's t; those of
counts are Wilson's.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from agentrl.errors import DataError

_CHUNK = 2_000_000
"""resampled counts held at once (16 MB)"""


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean and the ends of its interval, in the unit of the values."""

    mean: float
    low: float
    high: float

    def within(self, least: float, most: float) -> "Interval":
        """Return the part of it between the least and the most that the figure can be.

        An interval of Student's knows of neither.
        """
        return Interval(self.mean, max(least, self.low), min(most, self.high))


def proportion(count: int, total: int, *, level: float = 0.95) -> Interval:
    """Return count / total with its Wilson interval, which has a width at 0 and at 1 too.

    Source: Wilson 1927, JASA 22, page 209.
    Errors: DataError unless 0 <= count <= total and total is 1 or more.
    """
    if not 0 <= count <= total or total < 1:
        raise DataError(f"a share needs 0 <= count <= total and a total of 1 or more; got {count} of {total}")
    share, z = count / total, NormalDist().inv_cdf((1 + level) / 2)
    spread = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    middle, whole = share + z * z / (2 * total), 1 + z * z / total
    # At 0 and at 1 the formula gives 0 and 1 up to rounding.
    low = 0.0 if count == 0 else (middle - spread) / whole
    return Interval(share, low, 1.0 if count == total else (middle + spread) / whole)


def pass_at(k: int, count: int, solved: int) -> float:
    """Return the chance that one of `k` attempts succeeds, estimated from `count` of which `solved` did.

    Source: Chen et al. 2021 (arXiv:2107.03374), equation 1: unbiased, 1 - C(count - solved, k) / C(count, k).
    Errors: DataError unless 0 <= solved <= count and 1 <= k <= count.
    """
    if not 0 <= solved <= count or not 1 <= k <= count:
        raise DataError(f"pass@k needs 0 <= solved <= count, 1 <= k <= count; got {solved}, {count}, k={k}")
    return 1.0 - math.comb(count - solved, k) / math.comb(count, k)


def mean(values: Sequence[float]) -> float:
    """Return the arithmetic mean.

    Errors: DataError where there are no values or one is not finite.
    """
    return float(_checked(values).mean())


def bootstrap(
    values: Sequence[float], *, level: float = 0.95, draws: int = 10_000, seed: int = 0
) -> Interval:
    """Return the mean with its percentile interval over values drawn again with replacement.

    Source: Efron and Tibshirani 1993, section 13.3.
    Errors: DataError where there are no values or one is not finite.
    Edge:   equal values give an interval without width, however few they are.
    """
    data = _checked(values)
    # A resample is a multinomial count of each distinct value: two numbers a draw for successes, not n.
    distinct, counts = np.unique(data, return_counts=True)
    rng = np.random.default_rng(seed)
    size = max(1, _CHUNK // len(distinct))
    means = [
        rng.multinomial(len(data), counts / len(data), size=min(size, draws - start)) @ distinct / len(data)
        for start in range(0, draws, size)
    ]
    low, high = np.quantile(np.concatenate(means), [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(data.mean()), float(low), float(high))


def bootstrap_ratio(
    above: Sequence[float],
    below: Sequence[float],
    *,
    level: float = 0.95,
    draws: int = 10_000,
    seed: int = 0,
) -> Interval:
    """Return the sum of one value over the sum of another, with its percentile interval; both of each unit.

    Errors: DataError where the lengths differ or `below` sums up to 0.
    Edge:   resamples whose `below` sums up to 0 have no ratio and are left out.
    """
    over, under = _checked(above), _checked(below)
    if len(over) != len(under) or under.sum() == 0:
        raise DataError(
            f"a ratio needs both values of each unit, and a sum other than 0 below; got {len(over)} and"
            f" {len(under)} values, sum {under.sum():g}"
        )
    distinct, counts = np.unique(np.stack([over, under]), axis=1, return_counts=True)
    rng = np.random.default_rng(seed)
    size = max(1, _CHUNK // len(counts))
    sums = np.concatenate(
        [
            rng.multinomial(len(over), counts / len(over), size=min(size, draws - start)) @ distinct.T
            for start in range(0, draws, size)
        ]
    )
    sums = sums[sums[:, 1] != 0]
    low, high = np.quantile(sums[:, 0] / sums[:, 1], [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(over.sum() / under.sum()), float(low), float(high))


def paired_difference(
    before: Sequence[float],
    after: Sequence[float],
    *,
    level: float = 0.95,
    draws: int = 10_000,
    seed: int = 0,
) -> Interval:
    """Return the mean of after - before with its bootstrap interval; entry i of both is the same task.

    Errors: DataError where the lengths differ.
    """
    if len(before) != len(after):
        raise DataError(f"a paired difference needs the same tasks twice; got {len(before)} and {len(after)}")
    return bootstrap(list(_checked(after) - _checked(before)), level=level, draws=draws, seed=seed)


def over_seeds(values: Sequence[float], *, level: float = 0.95) -> Interval:
    """Return the mean over runs that differ in their seed, with Student's t interval.

    Edge: one run says nothing about the next: its interval is infinite.
    """
    data = _checked(values)
    centre = float(data.mean())
    if len(data) == 1:
        return Interval(centre, -math.inf, math.inf)
    error = float(data.std(ddof=1)) / math.sqrt(len(data))
    width = student_quantile(level, len(data) - 1) * error
    return Interval(centre, centre - width, centre + width)


def crossed(values: Sequence[Sequence[float]], *, level: float = 0.95) -> Interval:
    """Return the mean over runs (rows) and tasks (columns), with an interval that allows for both.

    Each run met each task. The variance of the mean is that of the rows' means over their number, plus the
    columns' likewise, less what both count: the rest's over the number of cells. Student's t.

    Source: two-way random effects without repetition; degrees of freedom by Satterthwaite 1946.
    Errors: DataError unless every row has the same number of finite values.
    Edge:   one row says nothing about other runs, one column nothing about other tasks: the interval is then
            over the other of the two alone, and has no width for a single value.
    """
    if len({len(row) for row in values}) != 1:
        raise DataError(f"runs were measured on different numbers of tasks: {[len(row) for row in values]}")
    data = np.stack([_checked(row) for row in values])
    rows, columns = data.shape
    across, down = data.mean(axis=1, keepdims=True), data.mean(axis=0, keepdims=True)
    centre = float(data.mean())
    by_row = float(((across - centre) ** 2).sum()) / max(rows - 1, 1) / rows
    by_column = float(((down - centre) ** 2).sum()) / max(columns - 1, 1) / columns
    free = max((rows - 1) * (columns - 1), 1)
    rest = float(((data - across - down + centre) ** 2).sum()) / free / data.size
    # The difference can come out too small by chance; it is never less than either part alone.
    variance = max(by_row + by_column - rest, by_row, by_column)
    parts = ((by_row, rows - 1), (by_column, columns - 1), (rest, free))
    doubt = sum(part**2 / freedom for part, freedom in parts if freedom)
    if not variance or not doubt:
        return Interval(centre, centre, centre)
    # A sum of parts never has fewer degrees of freedom than each; that one is taken off must not change it.
    fewest = min(freedom for freedom in (rows - 1, columns - 1) if freedom)
    width = student_quantile(level, max(fewest, int(variance**2 / doubt))) * math.sqrt(variance)
    return Interval(centre, centre - width, centre + width)


def area(x: Sequence[float], y: Sequence[float]) -> float:
    """Return the mean height of a curve: the area by trapezia over the width of x.

    Units:  those of y, so that curves over iterations and over environment steps compare.
    Errors: DataError unless x increases and is as long as y, at least two points.
    """
    across, height = _checked(x), _checked(y)
    if len(across) != len(height) or len(across) < 2 or not bool((np.diff(across) > 0).all()):
        raise DataError(
            f"an area needs two or more points with increasing x; got {len(across)} x, {len(height)} y"
        )
    slices = np.diff(across) * (height[1:] + height[:-1]) / 2
    return float(slices.sum() / (across[-1] - across[0]))


def student_quantile(level: float, freedom: int) -> float:
    """Return the t with P(|T| < t) = level, for a whole number of degrees of freedom.

    Source: Abramowitz and Stegun 1964, equations 26.7.3 and 26.7.4, solved by bisection.
    Errors: DataError unless 0 < level < 1 and freedom >= 1.
    """
    if not 0 < level < 1 or freedom < 1:
        raise DataError(
            f"level={level}, freedom={freedom}: the level lies inside 0 and 1, freedom is 1 or more"
        )
    low, high = 0.0, math.pi / 2
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if _inside(middle, freedom) < level else (low, middle)
    return math.sqrt(freedom) * math.tan(low)


def _inside(theta: float, freedom: int) -> float:
    """Return P(|T| < sqrt(freedom) tan theta): a finite sum of powers of the cosine."""
    cosine, odd = math.cos(theta), freedom % 2
    term, total = (cosine if odd else 1.0), 0.0
    for power in range(odd, freedom - 1, 2):
        total += term
        term *= cosine**2 * (power + 1) / (power + 2)
    total *= math.sin(theta)
    return (theta + total) * 2 / math.pi if odd else total


def _checked(values: Sequence[float]) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    data = np.asarray(values, dtype=np.float64)
    if data.ndim != 1 or not len(data) or not bool(np.isfinite(data).all()):
        raise DataError(f"statistics need a list of one or more finite numbers; got {list(values)[:5]!r}...")
    return data
