"""Divergences of a policy from a teacher over many tokens in each place, not the sampled one alone."""

import torch
from torch import Tensor

from agentrl.errors import AgentRLError
from agentrl.shapes import expect

TINY = 1e-12
"""least probability of all other tokens together"""


def reverse_kl(student: Tensor, teacher: Tensor) -> Tensor:
    """Return sum_k p_k (log p_k - log q_k) over the tokens compared, with the gradient of the whole sum.

    The bracket is held still. Over a whole vocabulary that changes nothing (probabilities add up to 1, so
    their gradients add up to 0); over the likeliest tokens alone the plain derivative would be biased: it
    would push all of them down to make the part that is seen smaller.

    Source: stop-gradient form of top-k on-policy distillation.
    Shapes: student, teacher [N, k]: log-probabilities; returns [N].
    Units:  nats.
    """
    expect("N K", student=student, teacher=teacher)
    return (student.exp() * (student - teacher).detach()).sum(-1)


def jensen_shannon(student: Tensor, teacher: Tensor, *, mix: float = 0.5, whole: bool = False) -> Tensor:
    """Return mix KL(q | m) + (1 - mix) KL(p | m), m = mix q + (1 - mix) p, p the policy and q the teacher.

    Source: generalised Jensen-Shannon divergence (arXiv:2306.13649), as KEPO (arXiv:2602.00400) uses it.
    Shapes: student, teacher [N, k]: log-probabilities; returns [N].
    Units:  nats, 0 to log 2 where mix is 1/2.
    Edge:   tokens that are not compared count as one token more, unless they are the `whole` vocabulary.
    Errors: AgentRLError where mix is not between 0 and 1: either end is another divergence.
    """
    expect("N K", student=student, teacher=teacher)
    if not 0 < mix < 1:
        raise AgentRLError(f"mix={mix}: must be between 0 and 1")
    if not whole:
        student, teacher = with_rest(student), with_rest(teacher)
    weights = student.new_tensor([1.0 - mix, mix]).log()
    middle = torch.logsumexp(torch.stack([student + weights[0], teacher + weights[1]]), 0)
    of_teacher = (teacher.exp() * (teacher - middle)).sum(-1)
    of_student = (student.exp() * (student - middle)).sum(-1)
    return mix * of_teacher + (1.0 - mix) * of_student


def with_rest(logp: Tensor) -> Tensor:
    """Return log-probabilities with that of all other tokens together as one column more, [N, k + 1]."""
    rest = (1.0 - logp.exp().sum(-1, keepdim=True)).clamp(min=TINY)
    return torch.cat([logp, rest.log()], -1)


def forward_kl(student: Tensor, teacher: Tensor) -> Tensor:
    """Return sum_k q_k (log q_k - log p_k), p the student's probability and q the teacher's.

    Source: sequential divergence of TDPO (arXiv:2404.11999), the reference being the teacher.
    Shapes: student, teacher [N, k]: log-probabilities of the whole vocabulary; returns [N].
    Units:  nats.
    """
    expect("N K", student=student, teacher=teacher)
    return (teacher.exp() * (teacher - student)).sum(-1)


def collision(logp: Tensor) -> Tensor:
    """Return log sum_k p_k^2: the mean probability of what the policy samples, as a logarithm, no gradient.

    Source: sampled alignment of WPO (arXiv:2406.11827).
    Shapes: logp [N, k]: log-probabilities of the whole vocabulary; returns [N].
    Units:  nats.
    """
    expect("N K", logp=logp)
    return (2.0 * logp.detach()).logsumexp(-1)
