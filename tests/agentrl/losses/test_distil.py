"""Divergences over several tokens in each place."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from agentrl.errors import AgentRLError
from agentrl.losses.distil import jensen_shannon, reverse_kl

Rows = st.integers(0, 10_000)


def logits(seed: int, size: int = 7) -> torch.Tensor:
    return torch.randn(5, size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@given(Rows, Rows)
def test_over_a_whole_vocabulary_holding_the_bracket_still_changes_no_gradient(one: int, two: int) -> None:
    teacher = logits(two).log_softmax(-1)
    gradients = []
    for held in (True, False):
        leaf = logits(one).requires_grad_()
        student = leaf.log_softmax(-1)
        loss = reverse_kl(student, teacher) if held else (student.exp() * (student - teacher)).sum(-1)
        gradients.append(torch.autograd.grad(loss.sum(), leaf)[0])
    assert torch.allclose(*gradients, atol=1e-12)


def test_where_student_and_teacher_agree_on_the_tokens_compared_nothing_is_pushed() -> None:
    leaf = logits(1).requires_grad_()
    student = leaf.log_softmax(-1)[:, :3]
    held = torch.autograd.grad(reverse_kl(student, student.detach()).sum(), leaf)[0]
    assert held.abs().max() == 0
    student = leaf.log_softmax(-1)[:, :3]
    plain = (student.exp() * (student - student.detach())).sum()
    assert torch.autograd.grad(plain, leaf)[0].abs().max() > 1e-3  # the bias that the form above avoids


@given(Rows, Rows, st.floats(0.05, 0.95))
def test_jensen_shannon_lies_between_0_and_its_bound(one: int, two: int, mix: float) -> None:
    student, teacher = logits(one).log_softmax(-1), logits(two).log_softmax(-1)
    found = jensen_shannon(student, teacher, mix=mix, whole=True)
    bound = -mix * math.log(mix) - (1 - mix) * math.log(1 - mix)
    assert (found >= -1e-12).all() and (found <= bound + 1e-12).all()
    assert torch.allclose(found, jensen_shannon(teacher, student, mix=1 - mix, whole=True))
    assert jensen_shannon(student, student, mix=mix, whole=True).abs().max() < 1e-12


@given(Rows, Rows)
def test_fewer_tokens_tell_less_apart_and_all_of_them_the_same(one: int, two: int) -> None:
    student, teacher = logits(one).log_softmax(-1), logits(two).log_softmax(-1)
    whole = jensen_shannon(student, teacher, whole=True)
    assert (jensen_shannon(student[:, :3], teacher[:, :3]) <= whole + 1e-12).all()
    assert torch.allclose(jensen_shannon(student, teacher), whole, atol=1e-9)


@pytest.mark.parametrize("mix", [0.0, 1.0, -1.0])
def test_a_mixture_of_one_alone_is_refused(mix: float) -> None:
    with pytest.raises(AgentRLError, match="between 0 and 1"):
        jensen_shannon(logits(1), logits(2), mix=mix)
