"""How sure a policy is of its answers to one task, and what follows for its credit."""

from typing import Literal

import torch
from torch import Tensor

from agentrl.credit.groups import group_mean
from agentrl.shapes import expect


def answer_entropy(answer: Tensor, group: Tensor) -> Tensor:
    """Return for each episode the entropy of its group's answers, by their counts.

    Source: COPO (arXiv:2508.04138).
    Shapes: answer, group [B] int, equal answers of one group are the same; returns [B].
    Units:  bits; from 0 (all the same) to log2 of the group's size.
    """
    expect("B", answer=answer, group=group)
    share = torch.zeros(len(answer), dtype=torch.float64)
    _, slot, count = torch.unique(group, return_inverse=True, return_counts=True)
    _, same, often = torch.unique(
        torch.stack([group, answer]), dim=1, return_inverse=True, return_counts=True
    )
    share = often[same].double() / count[slot]
    # Each answer is met once an episode, so the mean over episodes is the expectation over answers.
    return group_mean(-share.log2(), group)


def consistency_value(reward: Tensor, entropy: Tensor, group: Tensor) -> Tensor:
    """Return what a group is worth among groups: p * (1 - lambda H), lambda = (1 - 1/n) / log2 n.

    Source: global reward of COPO (arXiv:2508.04138), p the mean reward of the n episodes, H their entropy.
    Shapes: reward [B] in {0, 1}, entropy [B] in bits, group [B] int; returns [B].
    Edge:   a group of one has no entropy and is worth its reward.
    """
    expect("B", reward=reward, entropy=entropy, group=group)
    _, slot, count = torch.unique(group, return_inverse=True, return_counts=True)
    size = count[slot].double()
    weight = torch.where(size > 1, (1.0 - 1.0 / size) / size.clamp(min=2).log2(), 0.0)
    return group_mean(reward.double(), group) * (1.0 - weight * entropy)


def among_groups(value: Tensor, group: Tensor, *, eps: float = 1e-6) -> Tensor:
    """Return each group's number less the mean over groups, over their standard deviation plus eps.

    Source: global advantage of COPO (arXiv:2508.04138); the unbiased deviation.
    Shapes: value [B], the same inside a group, group [B] int; returns [B].
    Edge:   one group alone gets 0 (published code gives NaN), and so do equal ones.
    """
    expect("B", value=value, group=group)
    names, slot = torch.unique(group, return_inverse=True)
    one = torch.zeros(len(names), dtype=torch.float64).index_copy(0, slot, value.double())
    if len(one) < 2 or bool((one == one[0]).all()):
        return torch.zeros_like(value)
    return ((one - one.mean()) / (one.std() + eps))[slot].to(value.dtype)


def local_weight(entropy: Tensor, k: float, b: float) -> Tensor:
    """Return sigmoid(k (H - b)): how much the comparison inside a group counts against that among groups.

    Source: soft blending of COPO (arXiv:2508.04138).
    Shapes: entropy [B] in bits; returns [B], 0 to 1.
    """
    return torch.sigmoid(k * (entropy - b))


def answer_uncertainty(
    likelihood: Tensor, answer: Tensor, group: Tensor, *, how: Literal["rao", "mean_log"] = "rao"
) -> Tensor:
    """Return for each episode the entropy of its group's answers, by how likely the policy finds them.

    An answer's probability p is the share of its episodes in the sum of exp(likelihood) over the group.
    rao: - sum over answers of p log p. mean_log: - mean over answers of log p.

    Source: SEED-GRPO (arXiv:2505.12346), as a re-implementation has it; the paper is said to use mean_log.
    Shapes: likelihood [B]: mean log-probability of an episode's tokens, answer, group [B] int; returns [B].
    Units:  nats; at most log of the group's size.
    """
    expect("B", likelihood=likelihood, answer=answer, group=group)
    _, slot = torch.unique(group, return_inverse=True)
    keys, same = torch.unique(torch.stack([slot, answer]), dim=1, return_inverse=True)
    of = keys[0]
    top = _zeros(slot).scatter_reduce(0, slot, likelihood.double(), "amax", include_self=False)
    mass = (likelihood.double() - top[slot]).exp()
    whole = _zeros(slot).index_add(0, slot, mass)
    p = torch.zeros(len(of), dtype=torch.float64).index_add(0, same, mass) / whole[of]
    if how == "rao":
        return _zeros(slot).index_add(0, of, -p * p.log())[slot]
    count = _zeros(slot).index_add(0, of, torch.ones_like(p))
    return (_zeros(slot).index_add(0, of, -p.log()) / count.clamp(min=1))[slot]


def _zeros(slot: Tensor) -> Tensor:
    return torch.zeros(int(slot.max()) + 1 if len(slot) else 0, dtype=torch.float64)
