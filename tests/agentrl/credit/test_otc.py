"""Rewards for few calls: the published values, and what must always hold."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from agentrl.credit.otc import efficiency, harmonic, least_calls, remembered, scaled_reward, unpunished
from agentrl.errors import ConfigError, ShapeError

COUNT = st.just(0.0) | st.floats(1e-6, 50)


def real(*numbers: float) -> torch.Tensor:
    return torch.tensor(numbers, dtype=torch.float64)


def r_tool(calls: float, least: float, c: float = 4.0) -> float:
    return efficiency(real(calls), real(least), c).item()


@pytest.mark.parametrize(
    ("c", "published"),
    [
        (4, [1, 0.8660, 0.7071, 0.5878, 0.5, 0.4339]),
        (3, [1, 0.8090, 0.6235, 0.5, 0.4154, 0.3546]),
    ],
)
def test_without_a_least_count_the_published_cosine_comes_out(c: int, published: list[float]) -> None:
    calls = torch.arange(6, dtype=torch.float64)
    for least in (math.nan, 0.0):
        found = efficiency(calls, torch.full_like(calls, least), c)
        torch.testing.assert_close(found, real(*published), atol=5e-5, rtol=0)


@pytest.mark.parametrize(
    ("least", "published"),
    [
        (1, [0, 1, 0.8660, 0.7071, 0.5878, 0.5, 0.4339]),
        (2, [0, 0.8660, 1, 0.9511, 0.8660, 0.7818, 0.7071]),
        (3, [0, 0.7071, 0.9511, 1, 0.9749, 0.9239, 0.8660]),
    ],
)
def test_with_a_least_count_the_published_sine_comes_out(least: int, published: list[float]) -> None:
    calls = torch.arange(7, dtype=torch.float64)
    found = efficiency(calls, torch.full_like(calls, least), 4)
    torch.testing.assert_close(found, real(*published), atol=5e-5, rtol=0)


@given(COUNT, COUNT)
def test_it_lies_between_0_and_1_and_is_best_at_the_least(calls: float, least: float) -> None:
    assert -1e-9 <= r_tool(calls, least) <= r_tool(least, least) + 1e-9
    assert r_tool(least, least) == pytest.approx(1.0)


@given(COUNT, st.floats(0, 10), COUNT)
def test_every_call_more_than_the_least_lowers_it(least: float, over: float, further: float) -> None:
    calls = least + over
    assert r_tool(calls + further, least) <= r_tool(calls, least) + 1e-9


@given(COUNT, COUNT)
def test_the_mapped_count_is_the_count_at_the_least_and_below_twice_the_least(m: float, n: float) -> None:
    found = harmonic(real(m), real(n)).item()
    assert found <= 2 * n + 1e-6 or n == 0
    assert harmonic(real(n), real(n)).item() == pytest.approx(n)


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans(), st.integers(0, 2)), min_size=1))
def test_after_the_least_is_lowered_no_correct_episode_has_fewer_calls(
    rows: list[tuple[int, bool, int]],
) -> None:
    calls, correct = real(*(r[0] for r in rows)), torch.tensor([r[1] for r in rows])
    group = torch.tensor([r[2] for r in rows])
    least = least_calls(calls, correct, group)
    assert bool((calls[correct] >= least[correct]).all())
    memory = remembered({"q0": 1.0}, [f"q{r[2]}" for r in rows], calls, correct)
    assert all(count >= memory[f"q{g}"] for count, right, g in rows if right)
    assert memory["q0"] <= 1.0


def test_groups_without_a_correct_episode_have_no_least_and_leave_no_memory() -> None:
    calls, correct = real(2, 1, 5), torch.tensor([True, False, False])
    assert least_calls(calls, correct, torch.tensor([7, 7, 3])).isnan().tolist() == [False, False, True]
    assert remembered({}, ["a", "a", "b"], calls, correct) == {"a": 2.0}


def test_a_memory_is_only_lowered_and_the_old_one_is_left_alone() -> None:
    old = {"a": 2.0}
    assert remembered(old, ["a", "a"], real(3, 1), torch.tensor([True, True])) == {"a": 1.0}
    assert remembered(old, ["a"], real(3), torch.tensor([True])) == old == {"a": 2.0}


@given(st.floats(-5, 0), COUNT)
def test_a_wrong_answer_gains_nothing_by_calls(reward: float, calls: float) -> None:
    share = efficiency(real(calls), real(math.nan), 4)
    assert scaled_reward(real(reward), share, alpha=2.0).item() == reward


def test_prices_of_calls_scale_out_where_c_is_priced_alike() -> None:
    assert r_tool(3, 2, 4) == pytest.approx(r_tool(0.3, 0.2, 0.4))
    assert r_tool(3, 0, 4) == pytest.approx(r_tool(0.3, 0, 0.4))


def test_correct_episodes_are_not_punished_and_wrong_ones_are() -> None:
    found = unpunished(real(0.5, -1.0, -1.0), torch.tensor([True, True, False]))
    assert found.tolist() == [0.5, 0.0, -1.0]


def test_a_limit_that_lets_nothing_be_called_is_refused() -> None:
    with pytest.raises(ConfigError, match="c=0: must be above 0"):
        efficiency(real(0), real(0), 0)


def test_lengths_must_agree() -> None:
    with pytest.raises(ShapeError, match="axis B"):
        efficiency(real(1, 2), real(1), 4)
