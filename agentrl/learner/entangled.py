"""How the gradients of a pair's two sides lie to each other: why both may become less likely together."""

import torch
from torch import Tensor

from agentrl.batch import TokenTable
from agentrl.learner.model import Policy, forward


def entangled(policy: Policy, table: TokenTable, budget: int) -> dict[str, float]:
    """Return <g_w, g_l> over |g_w|^2 and over |g_l|^2, of the mean log-probabilities of chosen and rejected.

    A small step of a loss on the margin changes them by |g_w|^2 - <g_w, g_l> and <g_w, g_l> - |g_l|^2: where
    the first share is above 1 the chosen side loses, too; where the second is above 1 the rejected one gains.
    Costs two backward passes and two copies of the gradient; the policy's own gradients are left alone.

    Source: gradient entanglement (arXiv:2410.13828).
    """
    assert table.pairs is not None
    parameters = [p for p in policy.module.parameters() if p.requires_grad]
    found = [
        _gradient(policy, table, _share(table, spans), parameters, budget)
        for spans in (table.pairs.chosen, table.pairs.rejected)
    ]
    chosen, rejected = (torch.cat([policy.team.own(g).flatten().double() for g in one]) for one in found)
    inner, tiny = float(chosen @ rejected), 1e-30
    sizes = {"inner": inner, "chosen": float(chosen @ chosen), "rejected": float(rejected @ rejected)}
    sizes = policy.team.summed(sizes)
    return {
        "entanglement_chosen": sizes["inner"] / max(sizes["chosen"], tiny),
        "entanglement_rejected": sizes["inner"] / max(sizes["rejected"], tiny),
    }


def _share(table: TokenTable, spans: Tensor) -> Tensor:
    """Return how much each token counts in the mean of a side, [N]."""
    count = torch.zeros(len(table) + 1, dtype=torch.float64)
    one = torch.ones(len(spans), dtype=torch.float64)
    count.index_add_(0, spans[:, 0], one).index_add_(0, spans[:, 1], -one)
    return count.cumsum(0)[:-1] / len(spans)


def _gradient(
    policy: Policy, table: TokenTable, share: Tensor, parameters: list[torch.nn.Parameter], budget: int
) -> list[Tensor]:
    held = [p.grad for p in parameters]
    for p in parameters:
        p.grad = None
    for rows, tokens, counts in policy.team.dealt(table, budget):
        logp = forward(policy, table, rows, tokens, frozenset({"logp"}))["logp"]
        loss = (share[tokens].to(logp) * logp).sum()
        (loss if counts else 0 * loss).backward()  # where weights are split, only this adds gradients up
    found = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
    for p, own in zip(parameters, held, strict=True):
        p.grad = own
    return found
