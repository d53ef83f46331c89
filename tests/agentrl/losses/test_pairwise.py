"""Pair losses, spans, and the loss on Bellman residuals."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from agentrl.errors import ConfigError, ShapeError
from agentrl.losses.bellman import bellman
from agentrl.losses.pairwise import Knobs, pairwise
from agentrl.losses.sides import Side, sum_spans


def real(*x: float) -> Tensor:
    return torch.tensor(x, dtype=torch.float64)


def loss(chosen: Tensor, rejected: Tensor, kind: str = "dpo", **knobs: float) -> Tensor:
    zero, one = torch.zeros_like(chosen), torch.ones_like(chosen)
    return pairwise(Side(chosen, zero, one), Side(rejected, zero, one), kind, Knobs(**knobs))


def test_at_the_reference_dpo_is_ln_2_and_ipo_its_target_squared() -> None:
    assert loss(real(0), real(0)).item() == pytest.approx(math.log(2))
    assert loss(real(0), real(0), "ipo_sum").item() == pytest.approx(1 / (4 * 0.1**2))
    assert loss(real(0), real(0), "ipo").item() == pytest.approx(1 / (4 * 0.1**2))


@given(st.floats(-50, 50), st.floats(-50, 50), st.floats(0.01, 2))
def test_the_slope_of_dpo_is_beta_times_how_wrong_the_margin_is(w: float, r: float, beta: float) -> None:
    chosen, rejected = real(w).requires_grad_(), real(r).requires_grad_()
    slopes = torch.autograd.grad(loss(chosen, rejected, beta=beta).sum(), (chosen, rejected))
    want = beta / (1 + math.exp(min(beta * (w - r), 700)))
    assert slopes[0].item() == pytest.approx(-want, rel=1e-7, abs=1e-12)
    assert slopes[1].item() == pytest.approx(want, rel=1e-7, abs=1e-12)


def test_a_hopeless_margin_stays_finite() -> None:
    assert loss(real(-1e6), real(1e6), beta=1.0).item() == 2e6


def test_an_unknown_pair_loss_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"pair loss 'simop' is not one of .*did you mean 'simpo'"):
        loss(real(0), real(0), "simop")


@pytest.mark.parametrize(
    ("kind", "knobs", "why"),
    [
        ("dpo", {"beta": 0.0}, "beta=0.0: must be above 0"),
        ("robust", {"smoothing": 0.5}, "robust: below it"),
        ("cdpo", {"smoothing": 0.6}, "up to a half"),
        ("exo_pair", {"smoothing": 0.0}, "infinite"),
    ],
)
def test_knobs_without_a_sense_are_refused(kind: str, knobs: dict[str, float], why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        loss(real(0), real(0), kind, **knobs)


@given(st.lists(st.floats(-5, 5), max_size=12), st.data())
def test_spans_sum_what_slices_sum(x: list[float], data: st.DataObject) -> None:
    bound = st.integers(0, len(x))
    spans = data.draw(st.lists(st.tuples(bound, bound).map(sorted), max_size=5))
    got = sum_spans(
        torch.tensor(x, dtype=torch.float64), torch.tensor(spans, dtype=torch.long).reshape(-1, 2)
    )
    torch.testing.assert_close(got.tolist(), [float(sum(x[a:b])) for a, b in spans], atol=1e-9, rtol=0)


def test_a_token_learns_once_for_each_span_it_is_in_and_the_rest_is_not_read() -> None:
    x = real(1, 2, 3, math.nan).requires_grad_()
    got = sum_spans(x, torch.tensor([[0, 2], [1, 3], [2, 2]]))
    assert got.tolist() == [3.0, 5.0, 0.0]
    (slope,) = torch.autograd.grad((got * real(1, 10, 100)).sum(), x)
    assert slope.tolist() == [1.0, 11.0, 10.0, 0.0]


@pytest.mark.parametrize("span", [[-1, 1], [2, 1], [0, 4]])
def test_a_span_outside_the_table_is_named(span: list[int]) -> None:
    with pytest.raises(ShapeError, match=r"span 1 is .* outside the 3 tokens or backwards"):
        sum_spans(real(1, 2, 3), torch.tensor([[0, 1], span]))


def test_bellman_averages_states_then_trajectories() -> None:
    """Trajectory 0 has residuals 1 and 3 (mean square 5), trajectory 1 has 2 (square 4), 9 has no state."""
    residual = real(1, math.nan, 3, 2, 7)
    state = torch.tensor([True, False, True, True, False])
    trajectory = torch.tensor([0, 0, 0, 1, 9])
    assert bellman(residual, state, trajectory).item() == pytest.approx(4.5)
    weighted = bellman(residual, state, trajectory, weight=real(*range(2, 12)))
    assert weighted.item() == pytest.approx((2 * 5 + 3 * 4) / 2)


def test_bellman_spends_its_gradient_on_states() -> None:
    residual = real(1, 2, 3).requires_grad_()
    loss = bellman(residual, torch.tensor([True, False, True]), torch.tensor([0, 0, 0]))
    (slope,) = torch.autograd.grad(loss, residual)
    assert slope.tolist() == [1.0, 0.0, 3.0]
