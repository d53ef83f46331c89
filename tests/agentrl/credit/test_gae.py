"""Generalised advantages against a loop, and at the ends of lambda."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from agentrl.credit.gae import gae
from agentrl.credit.returns import discounted
from agentrl.errors import ShapeError

ROWS = st.lists(st.tuples(st.integers(0, 3), st.floats(-5, 5), st.floats(-5, 5)), max_size=30)
RATE = st.sampled_from([0.0, 0.5, 0.95, 1.0])


@given(ROWS, RATE, RATE, st.booleans())
def test_it_equals_a_plain_loop(
    rows: list[tuple[int, float, float]], gamma: float, lam: float, cut: bool
) -> None:
    past = [0.5, -1.0, 2.0, 0.0] if cut else [0.0] * 4
    later = {b: (past[b], 0.0) for b in range(4)}
    want = [0.0] * len(rows)
    for i in reversed(range(len(rows))):
        b, reward, value = rows[i]
        ahead, advantage = later[b]
        want[i] = reward + gamma * ahead - value + gamma * lam * advantage
        later[b] = (value, want[i])
    real = [torch.tensor([r[k] for r in rows], dtype=torch.float64) for k in (1, 2)]
    trajectory = torch.tensor([r[0] for r in rows], dtype=torch.long)
    bootstrap = torch.tensor(past, dtype=torch.float64) if cut else None
    got, returns = gae(*real, trajectory, gamma=gamma, lam=lam, bootstrap=bootstrap)
    torch.testing.assert_close(got.tolist(), want, atol=1e-9, rtol=0)
    torch.testing.assert_close(returns, got + real[1])


def test_lambda_one_gives_the_return_and_lambda_zero_one_step() -> None:
    reward, value = torch.tensor([0.0, 0.0, 1.0]), torch.tensor([0.2, 0.5, 0.9])
    trajectory = torch.zeros(3, dtype=torch.long)
    whole, returns = gae(reward, value, trajectory, gamma=0.9, lam=1.0)
    torch.testing.assert_close(returns, discounted(reward, trajectory, 0.9))
    torch.testing.assert_close(whole, returns - value)
    step, _ = gae(reward, value, trajectory, gamma=0.9, lam=0.0)
    torch.testing.assert_close(step, torch.tensor([0.9 * 0.5 - 0.2, 0.9 * 0.9 - 0.5, 1.0 - 0.9]))


def test_the_exact_value_leaves_no_advantage() -> None:
    reward, trajectory = torch.tensor([1.0, 2.0, 3.0, 4.0]), torch.tensor([0, 0, 1, 1])
    value = discounted(reward, trajectory, 0.9)
    advantage, _ = gae(reward, value, trajectory, gamma=0.9, lam=0.7)
    torch.testing.assert_close(advantage, torch.zeros(4))


def test_lengths_must_agree() -> None:
    with pytest.raises(ShapeError, match="axis N is 3 in reward but 2 in value"):
        gae(torch.ones(3), torch.ones(2), torch.zeros(3, dtype=torch.long), gamma=1.0, lam=1.0)
