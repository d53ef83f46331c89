"""Intervals and areas against numbers worked out by hand, and against what must always hold."""

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentrl.errors import DataError
from agentrl.statistics import (
    area,
    bootstrap,
    mean,
    over_seeds,
    paired_difference,
    pass_at,
    proportion,
    student_quantile,
)

VALUES = st.lists(st.floats(-100, 100), min_size=1, max_size=30)


def test_a_share_has_wilsons_interval() -> None:
    """Newcombe 1998, table I: 81 of 263 gives 0.2553 to 0.3662, and 0 of 20 gives 0 to 0.1611."""
    found = proportion(81, 263)
    assert (found.low, found.high) == (pytest.approx(0.2553, abs=5e-5), pytest.approx(0.3662, abs=5e-5))
    none = proportion(0, 20)
    assert (none.mean, none.low, none.high) == (0.0, 0.0, pytest.approx(0.1611, abs=5e-5))
    assert proportion(20, 20).low == pytest.approx(1 - none.high)
    for count, total in ((1, 0), (3, 2), (-1, 2)):
        with pytest.raises(DataError, match="a share needs 0 <= count <= total"):
            proportion(count, total)


def test_the_bootstrap_of_a_rate_has_the_width_of_the_binomial() -> None:
    """75 of 100: standard error sqrt(0.75 * 0.25 / 100) = 0.0433, so 0.75 -+ 1.96 * 0.0433."""
    got = bootstrap([True] * 75 + [False] * 25)
    assert got.mean == 0.75
    assert got.low == pytest.approx(0.75 - 0.0849, abs=0.011)
    assert got.high == pytest.approx(0.75 + 0.0849, abs=0.011)


def test_the_bootstrap_of_two_values_reaches_both() -> None:
    """Resamples of {0, 1}: 0, 1/2, 1 with weights 1/4, 1/2, 1/4; the outer 2.5 % are 0 and 1."""
    got = bootstrap([0.0, 1.0])
    assert (got.mean, got.low, got.high) == (0.5, 0.0, 1.0)
    half = bootstrap([0.0, 1.0], level=0.4)
    assert (half.low, half.high) == (0.5, 0.5)


def test_many_distinct_values_are_drawn_in_pieces_with_the_same_law() -> None:
    """Uniform on 0..1999: standard error of the mean 2000 / sqrt(12 * 2000) = 12.9."""
    got = bootstrap([float(i) for i in range(2000)], draws=3000)
    assert got.mean == 999.5
    assert got.high - got.low == pytest.approx(2 * 1.96 * 12.9, rel=0.08)


@given(VALUES, st.integers(0, 5))
def test_a_bootstrap_is_the_same_for_a_seed_and_lies_in_the_values(values: list[float], seed: int) -> None:
    one = bootstrap(values, draws=200, seed=seed)
    assert one == bootstrap(values, draws=200, seed=seed)
    slack = 1e-9 * (1 + max(map(abs, values)))
    assert min(values) - slack <= one.low <= one.high <= max(values) + slack


@given(VALUES)
def test_the_order_of_tasks_does_not_matter(values: list[float]) -> None:
    one, two = bootstrap(values, draws=100), bootstrap(values[::-1], draws=100)
    assert (one.low, one.high) == (two.low, two.high)


def test_pairing_sees_a_gain_that_unpaired_intervals_do_not() -> None:
    before = [float(i) for i in range(50)]
    after = [b + (0.1 if i % 2 else 0.3) for i, b in enumerate(before)]
    got = paired_difference(before, after)
    assert got.mean == pytest.approx(0.2)
    assert 0.15 < got.low < 0.2 < got.high < 0.25


def test_a_pair_needs_the_same_tasks() -> None:
    with pytest.raises(DataError, match="the same tasks twice; got 1 and 2"):
        paired_difference([1.0], [1.0, 2.0])


@pytest.mark.parametrize(
    ("freedom", "t"), [(1, 12.706), (2, 4.303), (3, 3.182), (4, 2.776), (5, 2.571), (10, 2.228), (30, 2.042)]
)
def test_student_quantiles_are_those_of_printed_tables(freedom: int, t: float) -> None:
    assert student_quantile(0.95, freedom) == pytest.approx(t, abs=5e-4)


def test_seeds_by_hand() -> None:
    """1, 2, 3: mean 2, standard deviation 1, error 1 / sqrt(3), t(2) = 4.3027."""
    got = over_seeds([1.0, 2.0, 3.0])
    assert got.mean == 2.0
    assert got.high - 2 == pytest.approx(4.302653 / math.sqrt(3), rel=1e-6)
    assert 2 - got.low == pytest.approx(got.high - 2)


def test_one_seed_promises_nothing() -> None:
    got = over_seeds([0.5])
    assert (got.mean, got.low, got.high) == (0.5, -math.inf, math.inf)


def test_an_interval_ends_where_its_figure_does() -> None:
    """1, 1, .7: mean .9, and t(2) = 4.3027 times an error of .1 on either side."""
    got = over_seeds([1.0, 1.0, 0.7]).within(0.0, 1.0)
    assert (got.mean, got.high) == (pytest.approx(0.9), 1.0)
    assert got.low == pytest.approx(0.9 - 0.4302653, rel=1e-6)


def test_the_interval_over_seeds_covers_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    looks = [over_seeds(list(rng.normal(size=4))) for _ in range(2000)]
    assert np.mean([x.low <= 0 <= x.high for x in looks]) == pytest.approx(0.95, abs=0.015)


def test_an_area_is_a_mean_height() -> None:
    """(0..2 at mean 1/2, 2..6 at 1): (2 * 0.5 + 4 * 1) / 6."""
    assert area([0, 2, 6], [0, 1, 1]) == pytest.approx(5 / 6)


@given(st.floats(-10, 10), st.floats(0.1, 10), st.floats(-5, 5))
def test_an_area_does_not_depend_on_the_unit_of_x(height: float, scale: float, shift: float) -> None:
    x, y = [0.0, 1.0, 3.0], [height, height / 2, -height]
    assert area([scale * i + shift for i in x], y) == pytest.approx(area(x, y), abs=1e-6)


@pytest.mark.parametrize(("x", "y"), [([0], [1]), ([0, 0], [1, 1]), ([1, 0], [1, 1]), ([0, 1], [1])])
def test_an_area_needs_points_from_left_to_right(x: list[float], y: list[float]) -> None:
    with pytest.raises(DataError, match="two or more points with increasing x"):
        area(x, y)


@pytest.mark.parametrize("values", [[], [math.nan], [1.0, math.inf]])
def test_statistics_of_nothing_or_of_nan_are_refused(values: list[float]) -> None:
    with pytest.raises(DataError, match="finite numbers"):
        mean(values)


def test_pass_at_k_is_the_share_of_draws_of_k_that_hold_a_success() -> None:
    attempts = [True, False, False, True, False]
    for k in range(1, 6):
        draws = list(combinations(attempts, k))
        assert pass_at(k, 5, 2) == pytest.approx(sum(map(any, draws)) / len(draws))
    assert pass_at(3, 3, 0) == 0.0 and pass_at(1, 4, 4) == 1.0
    with pytest.raises(DataError, match="k=6"):
        pass_at(6, 5, 2)
