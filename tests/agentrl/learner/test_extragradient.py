"""A half step leaves nothing behind but what it played."""

import pytest
import torch
from torch import Tensor

from agentrl.learner.adam import adam
from agentrl.learner.extragradient import Origin, turned


def made(dtype: torch.dtype) -> tuple[torch.nn.Parameter, torch.optim.AdamW]:
    parameter = torch.nn.Parameter(torch.tensor([0.5, -0.25], dtype=dtype))
    return parameter, adam([parameter], lr=0.1, betas=(0.9, 0.99), weight_decay=0.01)


def step(parameter: torch.nn.Parameter, optimizer: torch.optim.AdamW, slope: list[float]) -> Tensor:
    parameter.grad = torch.tensor(slope, dtype=torch.float32)
    optimizer.step()
    return parameter.detach().clone()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_whole_step_is_taken_as_if_there_had_been_no_half_step(dtype: torch.dtype) -> None:
    one, other = made(dtype), made(dtype)
    for parameter, optimizer in (one, other):
        step(parameter, optimizer, [1.0, 2.0])
    optimizers = {"policy": one[1]}
    origin = turned(optimizers, None)
    assert origin is not None
    halfway = step(*one, [3.0, -5.0])
    assert turned(optimizers, Origin(**origin.saved())) is None
    assert torch.equal(step(*one, [-1.0, 0.5]), step(*other, [-1.0, 0.5]))
    assert not torch.equal(halfway, one[0])


def distance(*, extra: bool) -> float:
    """Return how far 400 steps end from the solution of min over x, max over y of xy."""
    point = torch.nn.Parameter(torch.tensor([1.0, 1.0]))
    optimizers = {"policy": torch.optim.AdamW([point], lr=0.05, betas=(0.0, 0.0), eps=1.0, weight_decay=0.0)}
    origin: Origin | None = None
    for _ in range(400):
        played = point.detach().clone()
        if extra:
            origin = turned(optimizers, origin)
        point.grad = torch.stack([played[1], -played[0]])
        optimizers["policy"].step()
    return float(point.detach().norm())


def test_it_draws_nearer_to_where_plain_steps_circle() -> None:
    assert distance(extra=True) < 2**0.5 < distance(extra=False)
