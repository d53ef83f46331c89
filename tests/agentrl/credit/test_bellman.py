"""Soft Bellman residuals: when they vanish, and which tokens learn from which."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from agentrl.credit.bellman import (
    importance_weight,
    one_step_residual,
    policy_residual,
    states,
    value_residual,
)
from agentrl.credit.implicit import relative_value, step_reward, token_reward
from agentrl.credit.returns import suffix_sum
from agentrl.errors import ConfigError, ShapeError

TURN = torch.tensor([0, 0, 1, 1, 1, 2, 3])
TRAJECTORY = torch.tensor([0, 0, 0, 0, 0, 1, 1])
RET = torch.tensor([1.0, 0.0], dtype=torch.float64)
BETA = 0.3


def ratio() -> Tensor:
    return torch.linspace(-1, 1, 7, dtype=torch.float64).sin().requires_grad_()


def value() -> Tensor:
    return torch.linspace(0, 1, 7, dtype=torch.float64).requires_grad_()


@pytest.mark.parametrize(
    ("level", "want"),
    [
        ("token", [1] * 7),
        ("step", [1, 0, 1, 0, 0, 1, 1]),
        ("response", [1, 0, 0, 0, 0, 1, 0]),
        ("single", [1] * 7),
    ],
)
def test_states_stand_before_tokens_turns_or_episodes(level: str, want: list[int]) -> None:
    assert states(level, TURN, TRAJECTORY).int().tolist() == want  # type: ignore[arg-type]


def test_an_unknown_level_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"level='tokn' is not one of .*; did you mean 'token'\?"):
        states("tokn", TURN, TRAJECTORY)  # type: ignore[arg-type]


def test_all_residuals_vanish_where_policy_and_value_agree() -> None:
    d = ratio()
    exact = RET[TRAJECTORY] - BETA * suffix_sum(d.detach(), TRAJECTORY)
    everywhere = torch.ones(7, dtype=torch.bool)
    found = [
        value_residual(exact, d, RET, TRAJECTORY, beta=BETA),
        policy_residual(exact, d, RET, TRAJECTORY, everywhere, beta=BETA),
        one_step_residual(exact, d, RET, TRAJECTORY, beta=BETA),
    ]
    for residual in found:
        torch.testing.assert_close(residual.detach(), torch.zeros(7, dtype=torch.float64))


@pytest.mark.parametrize("level", ["token", "step", "response"])
def test_a_residual_teaches_the_tokens_up_to_the_next_state_and_no_value(level: str) -> None:
    d, v, state = ratio(), value(), states(level, TURN, TRAJECTORY)  # type: ignore[arg-type]
    residual = policy_residual(v, d, RET, TRAJECTORY, state, beta=BETA)
    starts = state.nonzero().squeeze(1).tolist()
    for number, start in enumerate(starts):
        stop = starts[number + 1] if number + 1 < len(starts) else 7
        (slope,) = torch.autograd.grad(residual[start], d, retain_graph=True)
        want = torch.zeros(7, dtype=torch.float64)
        want[start:stop] = BETA
        torch.testing.assert_close(slope, want)
    assert torch.autograd.grad(residual.sum(), v, allow_unused=True) == (None,)


def test_the_value_residual_teaches_the_value_alone() -> None:
    d, v = ratio(), value()
    residual = value_residual(v, d, RET, TRAJECTORY, beta=BETA)
    slopes = torch.autograd.grad(residual.sum(), (v, d), allow_unused=True)
    assert slopes[0].tolist() == [1.0] * 7 and slopes[1] is None


@given(st.floats(0.01, 3))
def test_levels_differ_in_gradients_not_in_residuals(beta: float) -> None:
    found = [
        policy_residual(
            value(), ratio(), RET, TRAJECTORY, states(level, TURN, TRAJECTORY), beta=beta
        ).detach()
        for level in ("token", "step", "response")
    ]
    torch.testing.assert_close(found[0], found[1])
    torch.testing.assert_close(found[0], found[2])
    torch.testing.assert_close(
        found[0], value_residual(value(), ratio(), RET, TRAJECTORY, beta=beta).detach()
    )


def test_the_suffix_may_be_clipped() -> None:
    d = torch.tensor([5.0, 5.0], dtype=torch.float64)
    got = value_residual(d * 0, d, d[:1] * 0, torch.zeros(2, dtype=torch.long), beta=1.0, clip_log=6.0)
    assert got.tolist() == [6.0, 5.0]


def test_importance_weights_stop_at_e() -> None:
    d = torch.tensor([3.0, 4.0, -1.0, 0.5], dtype=torch.float64, requires_grad=True)
    got = importance_weight(d, torch.tensor([0, 0, 1, 1]), 3)
    torch.testing.assert_close(got, torch.tensor([1.0, -0.5, 0.0], dtype=torch.float64).exp())
    assert not got.requires_grad


def test_implicit_rewards_add_up_by_turn_and_along_the_way() -> None:
    reward = token_reward(torch.tensor([0.0, 1.0, 2.0]), torch.tensor([0.0, 0.0, 4.0]), 0.5)
    assert reward.tolist() == [0.0, 0.5, -1.0]
    assert step_reward(reward, torch.tensor([0, 0, 2]), 3).tolist() == [0.5, 0.0, -1.0]
    before, end = relative_value(reward, torch.tensor([0, 0, 1]), 2)
    assert before.tolist() == [0.0, 0.0, 0.0] and end.tolist() == [0.5, -1.0]


def test_the_reference_gets_no_gradient() -> None:
    logp, ref = torch.zeros(2, requires_grad=True), torch.zeros(2, requires_grad=True)
    token_reward(logp, ref, 0.1).sum().backward()
    assert logp.grad is not None and ref.grad is None


def test_every_trajectory_needs_a_return() -> None:
    with pytest.raises(ShapeError, match="trajectories run from 0 to 1, but there are 1"):
        value_residual(value(), ratio(), RET[:1], TRAJECTORY, beta=BETA)
