"""KL estimators and the critic's loss."""

import pytest
import torch
from torch import Tensor

from agentrl.errors import ConfigError, ShapeError
from agentrl.losses.kl import KINDS, kl
from agentrl.losses.value import clipped_value, value_metrics


def real(*x: float) -> Tensor:
    return torch.tensor(x, dtype=torch.float64)


X = real(-0.7, 0.0, 0.4, 1.5)
VALUES = {"k1": X, "abs": X.abs(), "k2": X**2 / 2, "k3": (-X).exp() - 1 + X}
SLOPES = {"k1": X * 0 + 1, "abs": X.sign(), "k2": X, "k3": 1 - (-X).exp()}


@pytest.mark.parametrize("kind", list(KINDS))
def test_each_estimator_has_its_value_and_slope(kind: str) -> None:
    logp, ref = (X - 1).requires_grad_(), (X * 0 - 1).requires_grad_()
    got = kl(logp, ref, kind)
    torch.testing.assert_close(got.detach(), VALUES[kind])
    slopes = torch.autograd.grad(got.sum(), (logp, ref), allow_unused=True)
    torch.testing.assert_close(slopes[0], SLOPES[kind])
    assert slopes[1] is None


@pytest.mark.parametrize("kind", list(KINDS))
def test_a_plus_keeps_the_value_and_takes_the_slope_of_k2(kind: str) -> None:
    logp = X.clone().requires_grad_()
    got = kl(logp, X * 0, f"{kind}+")
    torch.testing.assert_close(got.detach(), VALUES[kind])
    torch.testing.assert_close(torch.autograd.grad(got.sum(), logp)[0], X)


def test_k3_stays_finite_for_a_broken_token() -> None:
    assert kl(real(-1000, 1000), real(0, 0), "k3").tolist() == [10.0, 10.0]


def test_an_unknown_estimator_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"kl kind 'kl3' is not one of .*; did you mean 'k3'"):
        kl(X, X, "kl3")


def test_a_value_that_moved_too_far_is_held_back_only_where_that_costs() -> None:
    """Old value 0, clip 0.5: a move to 2 costs all it costs when 0 was right, and as for 0.5 when 3 was."""
    value = real(2.0, 2.0, 0.2).requires_grad_()
    old, returns = real(0.0, 0.0, 0.0), real(0.0, 3.0, 1.0)
    loss = clipped_value(value, old, returns)
    torch.testing.assert_close(loss.detach(), real(2.0, 0.5 * 2.5**2, 0.5 * 0.8**2))
    (slope,) = torch.autograd.grad(loss.sum(), value)
    torch.testing.assert_close(slope, real(2.0, 0.0, -0.8))
    assert value_metrics(value, old, returns)["value_clip_frac"].tolist() == [0.0, 1.0, 0.0]


def test_without_a_clip_it_is_half_the_squared_error() -> None:
    assert clipped_value(real(3.0), real(0.0), real(1.0), clip=None).item() == 2.0


def test_lengths_must_agree() -> None:
    with pytest.raises(ShapeError, match="axis N is 2 in value but 1 in value_old"):
        clipped_value(real(1, 2), real(1), real(1, 2))
