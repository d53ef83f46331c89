"""Charts: where points lie, and that any numbers can be drawn."""

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentrl.charts import (
    Frame,
    Level,
    Series,
    described,
    line_chart,
    percent,
    share_bar,
    small_chart,
    ticks,
    wide,
)

POINTS = st.lists(st.tuples(st.integers(0, 10**9), st.floats()), max_size=60).map(tuple)


def numbers(markup: str) -> list[float]:
    places = re.findall(r'(?: d| cx| cy| x| y)="([^"]*)"', markup)
    return [float(n) for place in places for n in re.findall(r"-?[\d.]+(?:e-?\d+)?|nan|inf", place)]


def test_the_corners_of_a_frame() -> None:
    frame = Frame(100, 80, (0, 10), (0, 1), left=20, bottom=10, top=5, right=15)
    assert frame.at(0, 0) == (20, 70)
    assert frame.at(10, 1) == (85, 5)
    assert frame.at(5, 0.5) == (52.5, 37.5)


@given(POINTS)
def test_any_series_is_drawn_inside_its_small_frame(points: tuple[tuple[int, float], ...]) -> None:
    drawn = small_chart("loss", Series("loss", points))
    assert all(-1 <= n <= 240 for n in numbers(drawn))


@given(st.lists(st.tuples(st.integers(0, 10**6), st.floats(0, 1)), max_size=60).map(tuple), st.floats(0, 1))
def test_any_shares_are_drawn_inside_their_frame(points: tuple[tuple[int, float], ...], level: float) -> None:
    drawn = line_chart("solved", [Series("greedy", points)], levels=[Level("warm start", level)])
    assert all(-1 <= n <= 500 for n in numbers(drawn))


@given(st.floats(-1e150, 1e150), st.floats(-1e150, 1e150))
def test_ticks_are_few_and_inside(one: float, two: float) -> None:
    low, high = wide(min(one, two), max(one, two))
    made = ticks(low, high)
    slack = (high - low) * 1e-6 + 1e-11
    assert len(made) <= 6
    assert all(low - slack <= t <= high + slack for t in made)


def test_ticks_by_hand() -> None:
    assert ticks(0, 1) == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert ticks(0, 150) == [0.0, 50.0, 100.0, 150.0]
    assert ticks(-3, 3) == [-2.0, 0.0, 2.0]


def test_what_a_line_shows_is_said_in_words() -> None:
    line = Series("greedy", ((0, 0.3), (10, 0.7), (20, math.nan), (40, 0.62)))
    assert described(line, "iteration", percent) == (
        "greedy goes from 30 % at iteration 0 to 62 % at 40, highest 70 % at 10"
    )
    assert "warm start is at 35 %" in line_chart("solved", [line], levels=[Level("warm start", 0.35)])


def test_a_chart_without_points_says_so() -> None:
    assert "No points yet" in line_chart("solved", [Series("greedy", ())])
    assert "no finite value" in small_chart("loss", Series("loss", ((1, math.nan),)))


@pytest.mark.parametrize("parts", [{"a": 3.0, "b": 1.0}, {"a": 0.0}, {}])
def test_a_bar_is_cut_in_proportion(parts: dict[str, float]) -> None:
    widths = [float(w) for w in re.findall(r'width="([\d.]+)"', share_bar("time", parts))]
    assert widths == [640 * v / (sum(parts.values()) or 1) for v in parts.values()]
