"""Optimiser steps on weights of few bits: small updates are kept, and a stored optimiser goes on exactly."""

import copy
from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.optim import AdamW

from agentrl.batch import token_table
from agentrl.learner.adam import MasterAdamW, adam
from agentrl.learner.model import Policy
from agentrl.learner.step import Learner
from agentrl.settings import LearnerSettings
from agentrl_algos.grpo import GRPO
from tests.agentrl.examples import FakeTokenizer, episodes, model


def over(*parameters: nn.Parameter, lr: float = 1e-6) -> AdamW:
    return adam(parameters, lr=lr, betas=(0.9, 0.95), weight_decay=0.0)


def weight(dtype: torch.dtype = torch.bfloat16) -> nn.Parameter:
    return nn.Parameter(torch.full((3,), 0.02, dtype=dtype))


def push(parameter: nn.Parameter, optimizer: AdamW, steps: int) -> None:
    for _ in range(steps):
        optimizer.zero_grad()
        parameter.float().sum().backward()
        optimizer.step()


@pytest.mark.parametrize(
    ("make", "moves"), [(over, True), (lambda p: AdamW([p], lr=1e-6, weight_decay=0.0), False)]
)
def test_updates_of_a_millionth_add_up_with_masters_and_vanish_without(
    make: Callable[[nn.Parameter], AdamW], moves: bool
) -> None:
    low, start = weight(), weight()
    push(low, make(low), 200)
    assert torch.equal(low, start) != moves
    assert low.dtype == torch.bfloat16
    if moves:
        full = weight(torch.float32)
        full.data = start.data.float()
        push(full, over(full), 200)
        assert torch.equal(low, full.bfloat16())


def test_weights_of_enough_bits_need_no_masters() -> None:
    assert type(over(weight(torch.float32), weight(torch.float64))) is AdamW
    assert type(over(weight(torch.float32), weight())) is MasterAdamW


def test_gradients_are_added_up_in_float32() -> None:
    low = weight()
    over(low)
    for _ in range(1000):
        (low.float() * 1e-3).sum().backward()
    assert low.grad is not None and low.grad.dtype == torch.float32
    torch.testing.assert_close(low.grad, torch.ones(3), atol=2e-3, rtol=0)


def test_a_stored_optimiser_goes_on_bit_for_bit() -> None:
    whole = weight()
    optimizer = over(whole)
    push(whole, optimizer, 30)
    stored, rounded = copy.deepcopy(optimizer.state_dict()), whole.detach().clone()
    push(whole, optimizer, 30)
    again = nn.Parameter(rounded)
    resumed = over(again)
    resumed.load_state_dict(stored)
    push(again, resumed, 30)
    assert torch.equal(again, whole)
    assert resumed.state[again]["exp_avg"].dtype == torch.float32
    for one, two in zip(resumed.state_dict()["masters"], optimizer.state_dict()["masters"], strict=True):
        assert torch.equal(one, two)


def test_a_whole_bfloat16_policy_learns_at_a_small_rate() -> None:
    policy = Policy(model(dtype=torch.bfloat16), FakeTokenizer())
    learner = Learner(policy, GRPO(), LearnerSettings(lr=1e-6), 10, trust_sampler=False)
    optimizer = learner.optimizers["policy"]
    before = [m.clone() for m in optimizer.state_dict()["masters"]]
    learner.learn(token_table(episodes()), {}, 0, 0)
    after = optimizer.state_dict()["masters"]
    moved = [float((a - b).abs().max()) for a, b in zip(after, before, strict=True)]
    assert max(moved) == pytest.approx(1e-6, rel=0.1)
