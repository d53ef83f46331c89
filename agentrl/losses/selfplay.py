"""Losses on a policy's own answers that a judge compared: regressions on win probabilities, and optimism."""

from torch import Tensor
from torch.nn.functional import softplus

from agentrl.losses.groupwise import trajectory_sum
from agentrl.losses.sides import Side
from agentrl.shapes import expect


def sppo(side: Side, win: Tensor, *, beta: float) -> Tensor:
    """Return half the squared distance of a log-ratio to (win - 1/2) / beta.

    Source: SPPO (arXiv:2405.00675), published code; a pair's loss is the sum over its sides.
    Shapes: win [P]: probability to win against the policy's answers, 0 to 1; returns [P].
    """
    expect("P", logp=side.logp, win=win)
    return 0.5 * (side.ratio - (win - 0.5) / beta) ** 2


def online_ipo(one: Side, other: Side, win: Tensor, lose: Tensor, *, beta: float) -> Tensor:
    """Return the squared distance of the gap of log-ratios to (win - lose) / beta.

    Source: online IPO, and the inner loss of EGPO (arXiv:2503.08942), published code.
    Shapes: win, lose [P]: chance of either side to win against a third answer of the policy; returns [P].
    Edge:   1 and 0 make it the loss on a label.
    """
    expect("P", logp=one.logp, win=win, lose=lose)
    return (one.ratio - other.ratio - (win - lose) / beta) ** 2


def inpo(chosen: Side, rejected: Side, before: Tensor, *, eta: float, tau: float) -> Tensor:
    """Return (D - tau/eta D_ref - (eta - tau)/eta D_before - 1/(2 eta))^2, D the gap of log-probabilities.

    Source: INPO (arXiv:2407.00617), published code; tau = eta is ipo_sum with beta = eta.
    Shapes: before [P]: the gap under the last iterate; returns [P].
    """
    expect("P", logp=chosen.logp, before=before)
    gap, ref = chosen.logp - rejected.logp, chosen.ref - rejected.ref
    return (gap - tau / eta * ref - (eta - tau) / eta * before.detach() - 0.5 / eta) ** 2


def xpo(own: Side, reference: Side, own_won: Tensor, *, beta: float, alpha: float = 1e-5) -> Tensor:
    """Return the pair loss of DPO plus alpha times the log-probability of the reference's own answer.

    Source: XPO (arXiv:2405.21046): what the reference would say anyway is made less likely, which explores.
    Shapes: sides of the policy's and of the reference's answer, own_won [P] bool; returns [P].
    """
    expect("P", own=own.logp, reference=reference.logp, own_won=own_won)
    gap = own.ratio - reference.ratio
    sign = own_won.to(gap.dtype) * 2 - 1
    return softplus(-beta * sign * gap) + alpha * reference.logp


def nash_md(logp: Tensor, ref: Tensor, trajectory: Tensor, win: Tensor, *, beta: float) -> Tensor:
    """Return beta * sum_t sg(logp_t - ref_t) logp_t - (win - 1/2) * sum_t logp_t for each answer.

    Source: Nash-MD (arXiv:2312.00886), as published code estimates its gradient.
    Shapes: logp, ref [N], trajectory [N] int, win [B]: chance against the mixture of policy and reference;
            returns [B].
    """
    expect("N", logp=logp, ref=ref, trajectory=trajectory)
    ratio = (logp - ref).detach()
    return trajectory_sum(
        (beta * ratio - (win.to(logp.dtype) - 0.5)[trajectory]) * logp, trajectory, len(win)
    )
