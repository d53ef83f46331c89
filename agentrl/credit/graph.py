"""The graph of a task's states: a node for each state that its episodes acted in, an edge for each turn.

A turn leads from its own state to the one acted in next; the last turn of an episode leads out of the graph,
to the goal where the episode succeeded and nowhere otherwise. Credit of this family differs in what is read
off the graph and in which turns are compared.
"""

from collections import defaultdict
from collections.abc import Sequence

import torch
from torch import Tensor

from agentrl.credit.groups import Scale, group_mean
from agentrl.credit.selection import has_spread
from agentrl.shapes import expect


def history_codes(anchor: Tensor, trajectory: Tensor, depth: int) -> list[Tensor]:
    """Return, for each k from 1 to `depth`, a number for the last k states of each turn.

    Equal numbers: the same k states in the same order. Turns that have not seen k states yet get -1: early
    turns have no deep history, and nothing is made up for them.

    Source: history-aware groups of HGPO (arXiv:2602.22817).
    Shapes: anchor, trajectory [S] int, turns of a trajectory in a run in time order; returns `depth` of [S].
    """
    expect("S", anchor=anchor, trajectory=trajectory)
    first = torch.ones_like(trajectory, dtype=torch.bool)
    first[1:] = trajectory[1:] != trajectory[:-1]
    codes = [anchor]
    while len(codes) < depth:
        before = torch.where(first, -1, codes[-1].roll(1))
        _, code = torch.unique(torch.stack([before, anchor]), dim=1, return_inverse=True)
        codes.append(torch.where(before < 0, -1, code))
    return codes


def hierarchical(
    returns: Tensor,
    levels: Sequence[Tensor],
    *,
    ranks: Sequence[int],
    alpha: float = 1.0,
    scale: Scale = "std",
    eps: float = 1e-6,
) -> Tensor:
    """Return a weighted mean of each turn's comparisons inside groups of rising depth.

    A_k = (Q - mean) / (std + eps) inside a group of level k with two or more turns, else 0, with the std
    of the population (n); A = sum of w_k A_k / (sum of w_k + eps), w_k = (k + 1)^alpha over levels where
    A_k != 0.

    Source: HGPO (arXiv:2602.22817), as its published code computes it.
    Shapes: returns [S] float, levels: [S] int each, -1 belongs to no group; ranks: the k of each level;
            returns [S].
    Edge:   a level whose members have equal returns drops out of the weights.
    """
    total, weight = torch.zeros_like(returns), torch.zeros_like(returns)
    for level, rank in zip(levels, ranks, strict=True):
        own = torch.where(level < 0, level.max() + 1 + torch.arange(len(level)), level)
        term = returns - group_mean(returns, own)
        if scale == "std":
            term = term / (group_mean(term**2, own).sqrt() + eps)
        term = torch.where(has_spread(returns, own), term, 0.0)
        share = (rank + 1.0) ** alpha * (term != 0)
        total, weight = total + share * term, weight + share
    return total / (weight + eps)


def distances(anchor: Tensor, next_anchor: Tensor, goal: Tensor, group: Tensor) -> tuple[Tensor, Tensor]:
    """Return how many turns each turn's state, and the state after it, are from the goal.

    The shortest way over edges of all episodes of the task counts, whichever episode went it. States from
    which no way was seen are one further than the furthest with one; so is the end of a failed episode.

    Source: GraphGPO (arXiv:2605.26684).
    Shapes: anchor, next_anchor (-1 after the last turn) [S] int, goal (the turn ended a success) [S] bool,
            group [S] int; returns two [S] int64.
    Edge:   in a task without success everything is 1 away.
    """
    expect("S", anchor=anchor, next_anchor=next_anchor, goal=goal, group=group)
    sources: dict[int, list[int]] = defaultdict(list)
    for here, there in zip(anchor.tolist(), next_anchor.tolist(), strict=True):
        sources[there].append(here)
    found: dict[int, int] = {}
    frontier, depth = anchor[goal].tolist(), 1
    while frontier:
        new = [state for state in dict.fromkeys(frontier) if state not in found]
        found.update(dict.fromkeys(new, depth))
        frontier, depth = [source for state in new for source in sources.get(state, ())], depth + 1
    none = -1
    own = torch.tensor([found.get(state, none) for state in anchor.tolist()], dtype=torch.long)
    names, slot = torch.unique(group, return_inverse=True)
    furthest = torch.zeros(len(names), dtype=torch.long).scatter_reduce(0, slot, own.clamp(min=0), "amax")
    lost = (furthest + 1)[slot]
    own = torch.where(own == none, lost, own)
    after = torch.tensor([found.get(state, none) for state in next_anchor.tolist()], dtype=torch.long)
    after = torch.where(goal, 0, torch.where(after == none, lost, after))
    return own, after


def visit_values(ret: Tensor, left: Tensor, anchor: Tensor, gamma: float) -> Tensor:
    """Return the value of each turn's state: the mean over its visits of gamma^left * ret.

    Source: G2PO (arXiv:2606.22995).
    Shapes: ret [S]: what the turn's episode returned, left [S] int: turns to its end, this one included,
            anchor [S] int; returns [S].
    Units:  those of the return; `gamma` a turn.
    """
    expect("S", ret=ret, left=left, anchor=anchor)
    return group_mean(gamma ** left.to(ret.dtype) * ret, anchor)


def success_weight(success: Tensor, rate: Tensor, *, most: float = 0.05) -> Tensor:
    """Return how much an episode counts: more for a hard task's success, less for an easy one's failure.

    1 + b (sigmoid((1 - p)^4) - 1/2) for a success, 1 + b (sigmoid(-p^4) - 1/2) for a failure, with p the
    task's success rate and b such that the weight is at most 1 + `most`, at least 1 - `most`.

    Source: ProxMO (arXiv:2602.19225).
    Shapes: success [B] bool, rate [B] float in [0, 1]; returns [B].
    """
    expect("B", success=success, rate=rate)
    b = most / (torch.sigmoid(torch.ones((), dtype=torch.float64)) - 0.5)
    signal = torch.where(success, (1.0 - rate) ** 4, -(rate**4))
    return 1.0 + b * (torch.sigmoid(signal.double()) - 0.5)
