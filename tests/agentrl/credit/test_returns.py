"""Sums along trajectories against a plain backward loop."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from agentrl.credit.returns import discounted, following, prefix_sum, suffix_sum, whiten, within
from agentrl.errors import ShapeError

Rows = list[tuple[int, float]]
ROWS = st.lists(st.tuples(st.integers(0, 3), st.floats(-10, 10)), max_size=40)


def columns(rows: Rows) -> tuple[Tensor, Tensor]:
    trajectory = torch.tensor([r[0] for r in rows], dtype=torch.long)
    return torch.tensor([r[1] for r in rows], dtype=torch.float64), trajectory


def backward(rows: Rows, decay: list[float]) -> list[float]:
    """y[t] = x[t] + decay[t] * y[next row of the trajectory], a row at a time."""
    out, running = [0.0] * len(rows), {}
    for i in reversed(range(len(rows))):
        trajectory, x = rows[i]
        running[trajectory] = out[i] = x + decay[i] * running.get(trajectory, 0.0)
    return out


@given(ROWS, st.sampled_from([0.0, 0.5, 0.95, 1.0]))
def test_discounted_returns_equal_a_plain_loop_in_any_interleaving(rows: Rows, gamma: float) -> None:
    got = discounted(*columns(rows), gamma)
    torch.testing.assert_close(got.tolist(), backward(rows, [gamma] * len(rows)), atol=1e-9, rtol=0)


@given(ROWS, st.randoms(use_true_random=False))
def test_a_decay_may_differ_by_row(rows: Rows, dice: object) -> None:
    decay = [dice.random() for _ in rows]  # type: ignore[attr-defined]
    got = within(*columns(rows), torch.tensor(decay, dtype=torch.float64))
    torch.testing.assert_close(got.tolist(), backward(rows, decay), atol=1e-9, rtol=0)


@given(ROWS)
def test_a_prefix_and_a_suffix_meet_in_the_total(rows: Rows) -> None:
    x, trajectory = columns(rows)
    total = x.new_zeros(4).index_add(0, trajectory, x)[trajectory]
    both = prefix_sum(x, trajectory) + suffix_sum(x, trajectory) - x
    torch.testing.assert_close(both, total, atol=1e-9, rtol=0)


def test_rows_of_one_environment_step_share_its_reward() -> None:
    reward, step = torch.tensor([0.0, 0, 5, 5, 1]), torch.tensor([0, 0, 1, 1, 2])
    got = discounted(reward, torch.zeros(5, dtype=torch.long), 0.5, step=step)
    assert got.tolist() == [2.75, 2.75, 5.5, 5.5, 1.0]


def test_equal_step_numbers_of_two_trajectories_stay_apart() -> None:
    reward, trajectory = torch.tensor([1.0, 2.0, 3.0, 4.0]), torch.tensor([0, 1, 0, 1])
    got = discounted(reward, trajectory, 0.5, step=torch.tensor([0, 0, 0, 1]))
    assert got.tolist() == [1.0, 4.0, 1.0, 4.0]


def test_a_broken_reward_stays_in_its_trajectory() -> None:
    got = discounted(torch.tensor([1.0, 1.0, math.nan, 1.0]), torch.tensor([0, 0, 1, 2]), 0.5)
    assert got[:2].tolist() == [1.5, 1.0] and got[2].isnan() and got[3] == 1.0


def test_whole_numbers_become_real() -> None:
    assert discounted(torch.tensor([0, 1]), torch.tensor([0, 0]), 0.5).tolist() == [0.5, 1.0]


def test_gradients_go_back_through_a_sum() -> None:
    x = torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0], dtype=torch.float64, requires_grad=True)
    trajectory = torch.tensor([0, 0, 0, 1, 1])
    assert torch.autograd.gradcheck(lambda y: within(y, trajectory, 0.7), x)


def test_a_long_sum_in_float32_stays_close() -> None:
    x = torch.full((100_000,), 0.1)
    got = suffix_sum(x, torch.zeros(len(x), dtype=torch.long))[0].item()
    assert got == pytest.approx(10_000, rel=1e-6)


def test_following_looks_one_row_ahead() -> None:
    x, trajectory = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([0, 1, 0])
    assert following(x, trajectory).tolist() == [3.0, 0.0, 0.0]
    assert following(x, trajectory, torch.tensor([8.0, 9.0])).tolist() == [3.0, 9.0, 8.0]


def test_following_refuses_ends_that_are_missing() -> None:
    with pytest.raises(ShapeError, match="trajectories run from 0 to 1, but there are 1 of them"):
        following(torch.ones(2), torch.tensor([0, 1]), torch.ones(1))


def test_whitened_rows_have_mean_zero_and_variance_one() -> None:
    got = whiten(torch.tensor([1.0, 2.0, 4.0, 9.0], dtype=torch.float64))
    assert abs(got.mean().item()) < 1e-12 and got.var().item() == pytest.approx(1.0, abs=1e-6)
    assert whiten(torch.tensor([3.0])).tolist() == [0.0]


def test_lengths_must_agree() -> None:
    with pytest.raises(ShapeError, match="axis N is 2 in x but 3 in trajectory"):
        discounted(torch.ones(2), torch.zeros(3, dtype=torch.long), 0.9)
