"""The reward that a policy implies, given where it started: beta * log(pi / reference)."""

import torch
from torch import Tensor

from agentrl.credit.returns import following, prefix_sum
from agentrl.shapes import expect


def token_reward(logp: Tensor, ref: Tensor, beta: float) -> Tensor:
    """Return the implicit reward of each token, beta * (logp - ref).

    Source: DPO (arXiv:2305.18290) read token by token.
    Shapes: logp, ref [N]; returns [N], with gradient through `logp` alone.
    Units:  reward units; `beta` in reward units per nat.
    """
    expect("N", logp=logp, ref=ref)
    return beta * (logp - ref.detach())


def step_reward(reward: Tensor, step: Tensor, count: int) -> Tensor:
    """Return the sum of the token rewards of each step.

    Shapes: reward [N], step [N] int in [0, count); returns [count].
    Edge:   a step without tokens gets 0.
    """
    expect("N", reward=reward, step=step)
    return reward.new_zeros(count).index_add(0, step, reward)


def relative_value(reward: Tensor, trajectory: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Return how far the implied value has risen since the start: before each token, and at the end.

    A policy that is optimal for its implicit reward has V(s_t) - V(s_0) = sum of the rewards of tokens before
    t.

    Shapes: reward [N], trajectory [N] int in [0, count); returns [N] and [count].
    """
    expect("N", reward=reward, trajectory=trajectory)
    upto = prefix_sum(reward, trajectory)
    before = following(upto.flip(0), trajectory.flip(0)).flip(0)
    return before, step_reward(reward, trajectory, count)


def guided_reward(
    logp: Tensor,
    ref: Tensor,
    guide: Tensor,
    trajectory: Tensor,
    score: Tensor,
    *,
    prices: tuple[float, float, float] = (0.05, 0.05, 0.01),
) -> Tensor:
    """Return the reward of each token: a guide's log-ratio, less the policy's own, and the score at the end.

    clip(scale (guide - ref), +-bound) - kl (logp - ref), prices = (scale, bound, kl); the last token of each
    trajectory also gets its score, cut to +-10.

    Source: RTO (arXiv:2404.18922), published code; the guide is a policy trained by DPO.
    Shapes: logp, ref, guide [N], trajectory [N] int in one run each, score [B]; returns [N], no gradient.
    Units:  reward units; scale and kl in reward units a nat.
    Edge:   a bound of 0 bounds nothing.
    """
    expect("N", logp=logp, ref=ref, guide=guide, trajectory=trajectory)
    scale, bound, price = prices
    word = scale * (guide - ref)
    dense = (word.clamp(-bound, bound) if bound > 0 else word) - price * (logp - ref)
    last = torch.ones_like(trajectory, dtype=torch.bool)
    last[:-1] = trajectory[:-1] != trajectory[1:]
    end = score.clamp(-10.0, 10.0).to(dense.dtype)[trajectory]
    return (dense + torch.where(last, end, 0.0)).detach()
