"""Credit from a model that knows better."""

from torch import Tensor

from agentrl.credit.returns import discounted
from agentrl.shapes import expect


def teacher_term(
    student: Tensor, teacher: Tensor, trajectory: Tensor, *, coef: float = 1.0, discount: float = 0.0
) -> Tensor:
    """Return -coef * (student - teacher) at each token, or its discounted sum over what follows.

    The mean of student - teacher over the student's own tokens is the reverse divergence from the teacher, so
    following this credit lowers it.

    Source: on-policy distillation (arXiv:2306.13649); sampled-token form of published code.
    Shapes: student, teacher [N]: log-probabilities of the sampled tokens, trajectory [N] int; returns [N].
    Units:  reward units; `coef` in reward units per nat, `discount` a token, 0: each token for itself.
    """
    expect("N", student=student, teacher=teacher, trajectory=trajectory)
    term = -coef * (student - teacher)
    return discounted(term, trajectory, discount) if discount else term
