"""The clipped surrogate by hand, its gradient, and its metrics."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from agentrl.errors import ShapeError
from agentrl.losses.policy import clip_metrics, clipped


def real(*x: float) -> Tensor:
    return torch.tensor(x, dtype=torch.float64)


@given(
    st.lists(st.tuples(st.floats(-30, 30), st.floats(-3, 3)), max_size=20),
    st.sampled_from([None, 3.0, 10.0]),
    st.sampled_from([None, 0.28]),
)
def test_it_equals_a_plain_loop(
    tokens: list[tuple[float, float]], dual: float | None, high: float | None
) -> None:
    want = []
    for log_ratio, credit in tokens:
        r = math.exp(min(20.0, max(-20.0, log_ratio)))
        loss = max(-credit * r, -credit * min(max(r, 0.8), 1.0 + (high or 0.2)))
        want.append(min(loss, -credit * dual) if dual is not None and credit < 0 else loss)
    logp, credit = (torch.tensor([t[k] for t in tokens], dtype=torch.float64) for k in (0, 1))
    got = clipped(logp, torch.zeros_like(logp), credit, clip_high=high, dual=dual)
    torch.testing.assert_close(got.tolist(), want, rtol=1e-9, atol=1e-9)


def test_at_the_old_policy_the_slope_is_the_credit_turned_round() -> None:
    logp, credit = real(-1, -2, -3).requires_grad_(), real(0.5, -2.0, 0.0)
    (slope,) = torch.autograd.grad(clipped(logp, logp.detach(), credit, dual=3.0).sum(), logp)
    torch.testing.assert_close(slope, -credit)


def test_a_token_past_its_bound_stops_learning() -> None:
    logp, old, credit = real(1.0, -1.0, 1.0, -1.0).requires_grad_(), real(0, 0, 0, 0), real(1, 1, -1, -1)
    (slope,) = torch.autograd.grad(clipped(logp, old, credit).sum(), logp)
    assert [s == 0 for s in slope.tolist()] == [True, False, False, True]


def test_the_dual_bound_stops_a_bad_token_that_became_likely() -> None:
    logp = real(math.log(5)).requires_grad_()
    loss = clipped(logp, real(0), real(-2), dual=3.0)
    assert loss.item() == 6.0 and torch.autograd.grad(loss.sum(), logp)[0].item() == 0.0


def test_only_the_current_policy_learns() -> None:
    columns = [real(0.1, 0.2).requires_grad_() for _ in range(3)]
    clipped(*columns).sum().backward()
    assert columns[0].grad is not None and columns[1].grad is None and columns[2].grad is None


def test_metrics_say_what_was_clipped() -> None:
    logp, credit = real(0.0, 1.0, 2.0, 2.0), real(1.0, 1.0, -1.0, 1.0)
    found = clip_metrics(logp, real(0, 0, 0, 0), credit, dual=3.0)
    assert found["clip_frac"].tolist() == [0.0, 1.0, 0.0, 1.0]
    assert found["clip_frac_lower"].tolist() == [0.0, 0.0, 1.0, 0.0]
    assert found["approx_kl"].tolist() == [0.0, -1.0, -2.0, -2.0]


def test_lengths_must_agree() -> None:
    with pytest.raises(ShapeError, match="axis N is 2 in logp but 1 in advantage"):
        clipped(real(0, 0), real(0, 0), real(0))
