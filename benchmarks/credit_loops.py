"""GiGPO's credit three ways, for `benchmarks/credit.py`: the suite's functions, and two loops beside them.

- row loop: rows of tokens in, dicts of rows, one tensor element at a time, one product with the mask for each
  term, as published trainers write it, but with returns in linear time;
- plain loop: the same formulas over Python numbers a turn, the best a loop can do.
"""

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from agentrl.credit.anchors import anchor_codes, anchor_relative
from agentrl.credit.groups import group_relative
from agentrl.credit.returns import discounted

GAMMA, OMEGA, EPS, PENALTY = 0.95, 1.0, 1e-6, 0.1
GROUP, STATES = 8, 30


@dataclass(frozen=True, slots=True)
class Batch:
    """Turns of a batch of episodes, and which turn each token belongs to."""

    reward: Tensor
    trajectory: Tensor
    group: Tensor
    valid: Tensor
    state: list[str]
    turn: Tensor
    """[N] of each token"""
    token_reward: Tensor
    """[rows, tokens] for the row loop: a turn's reward on its last token"""
    mask: Tensor
    """[rows, tokens]"""


def batch(trajectories: int, turns: int, tokens: int) -> Batch:
    """Return random episodes: eight a task, thirty states a task, success on the last turn or never."""
    dice = random.Random(0)
    rows = trajectories * turns
    reward = torch.zeros(rows)
    reward[turns - 1 :: turns] = torch.tensor([10.0 * dice.randrange(2) for _ in range(trajectories)])
    trajectory = torch.arange(rows) // turns
    token_reward = torch.zeros(rows, tokens)
    token_reward[:, -1] = reward
    return Batch(
        reward=reward,
        trajectory=trajectory,
        group=trajectory // GROUP,
        valid=torch.tensor([dice.random() < 0.9 for _ in range(rows)]),
        state=[f"You are in room {dice.randrange(STATES)} of the house." for _ in range(rows)],
        turn=torch.arange(rows).repeat_interleave(tokens),
        token_reward=token_reward,
        mask=torch.ones(rows, tokens),
    )


def vectorised(b: Batch) -> Tensor:
    """Return the credit of every turn by the suite's functions."""
    penalty = PENALTY * (~b.valid).float()
    total = torch.zeros(int(b.trajectory[-1]) + 1).index_add(0, b.trajectory, b.reward)
    episode = group_relative(total[b.trajectory] - penalty, b.group, eps=EPS)
    anchor = anchor_codes(b.group.tolist(), b.state)
    step = anchor_relative(discounted(b.reward, b.trajectory, GAMMA) - penalty, anchor, eps=EPS)
    return episode + OMEGA * step


def by_row(b: Batch) -> Tensor:
    """Return the credit of every token, a row at a time."""
    reward = b.token_reward.sum(-1)
    rows = len(reward)
    returns, total = torch.zeros(rows), torch.zeros(rows)
    running, last = torch.tensor(0.0), -1
    for i in reversed(range(rows)):
        if int(b.trajectory[i]) != last:
            running, last = torch.tensor(0.0), int(b.trajectory[i])
        running = reward[i] + GAMMA * running
        returns[i] = running
    sums: dict[int, Tensor] = defaultdict(lambda: torch.tensor(0.0))
    for i in range(rows):
        sums[int(b.trajectory[i])] = sums[int(b.trajectory[i])] + reward[i]
    for i in range(rows):
        penalty = 0.0 if b.valid[i] else PENALTY
        returns[i] -= penalty
        total[i] = sums[int(b.trajectory[i])] - penalty
    groups = [int(g) for g in b.group]
    states = list(zip(groups, b.state, strict=True))
    episode = _normalised(total, groups, alone=0.0).unsqueeze(-1) * b.mask
    step = _normalised(returns, states, alone=None).unsqueeze(-1) * b.mask
    return (episode + OMEGA * step).reshape(-1)


def _normalised(score: Tensor, keys: Sequence[object], alone: float | None) -> Tensor:
    members: dict[object, list[Tensor]] = defaultdict(list)
    for i, key in enumerate(keys):
        members[key].append(score[i])
    mean: dict[object, Tensor] = {}
    std: dict[object, Tensor] = {}
    for key, values in members.items():
        if len(values) == 1:
            mean[key] = values[0] if alone is None else torch.tensor(alone)
            std[key] = torch.tensor(1.0)
        else:
            mean[key], std[key] = torch.stack(values).mean(), torch.stack(values).std()
    out = torch.empty_like(score)
    for i, key in enumerate(keys):
        out[i] = (score[i] - mean[key]) / (std[key] + EPS)
    return out


def plain_floats(b: Batch) -> Tensor:
    """Return the credit of every turn by a loop over Python numbers."""
    reward, trajectory, group, valid = (
        b.reward.tolist(),
        b.trajectory.tolist(),
        b.group.tolist(),
        b.valid.tolist(),
    )
    rows = len(reward)
    sums: dict[int, float] = defaultdict(float)
    returns, running = [0.0] * rows, 0.0
    for i in reversed(range(rows)):
        follows = i + 1 < rows and trajectory[i + 1] == trajectory[i]
        running = reward[i] + (GAMMA * running if follows else 0.0)
        returns[i] = running
        sums[trajectory[i]] += reward[i]
    penalty = [0.0 if ok else PENALTY for ok in valid]
    total = [sums[t] - p for t, p in zip(trajectory, penalty, strict=True)]
    returns = [r - p for r, p in zip(returns, penalty, strict=True)]
    episode = _plain(total, group, alone=0.0)
    step = _plain(returns, list(zip(group, b.state, strict=True)), alone=None)
    return torch.tensor([e + OMEGA * s for e, s in zip(episode, step, strict=True)])


def _plain(score: list[float], keys: Sequence[object], alone: float | None) -> list[float]:
    members: dict[object, list[float]] = defaultdict(list)
    for value, key in zip(score, keys, strict=True):
        members[key].append(value)
    mean, std = {}, {}
    for key, values in members.items():
        n = len(values)
        mean[key], std[key] = sum(values) / n, 1.0
        if n == 1:
            mean[key] = values[0] if alone is None else alone
        else:
            std[key] = (sum((v - mean[key]) ** 2 for v in values) / (n - 1)) ** 0.5
    return [(value - mean[key]) / (std[key] + EPS) for value, key in zip(score, keys, strict=True)]
