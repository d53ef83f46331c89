"""Generalised advantage estimation over tokens, turns, or both."""

import torch
from torch import Tensor

from agentrl.credit.returns import following, within
from agentrl.shapes import expect


def gae(
    reward: Tensor,
    value: Tensor,
    trajectory: Tensor,
    *,
    gamma: float,
    lam: float,
    bootstrap: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Return the advantage of each row and the return its value should have been (advantage plus value).

    delta[t] = reward[t] + gamma * value[t + 1] - value[t]
    advantage[t] = delta[t] + gamma * lam * advantage[t + 1]

    Source: GAE (arXiv:1506.02438).
    Shapes: reward, value [N] float, trajectory [N] int, bootstrap [B] indexed by trajectory; returns two [N].
    Units:  reward units; `gamma` and `lam` per row: a token on the token table, a turn on the turn table.
    Edge:   tokens that the policy did not write are not rows, so values carry over them. The value past the
            end is `bootstrap` (a truncated episode), or 0 (a terminated one).
    """
    expect("N", reward=reward, value=value, trajectory=trajectory)
    delta = reward + gamma * following(value, trajectory, bootstrap) - value
    advantage = within(delta, trajectory, gamma * lam)
    return advantage, advantage + value


def bilevel(
    reward: Tensor,
    value: Tensor,
    turn: Tensor,
    trajectory: Tensor,
    *,
    gamma: float,
    lam: float,
    turn_gamma: float,
) -> tuple[Tensor, Tensor]:
    """Return advantages and returns of tokens: over turns first, then inside each turn towards its return.

    Turns: GAE with `turn_gamma` on the values at their last tokens. Tokens: GAE with `gamma` inside a turn,
    whose last token earns the turn's return and is followed by nothing.

    Source: bi-level GAE of RAGEN (arXiv:2504.20073), with the ends of turns given, where its code takes the
            tokens with a reward for them.
    Shapes: reward, value [N] float, turn, trajectory [N] int; returns two [N].
    Units:  reward units; `gamma` and `lam` a token, `turn_gamma` and `lam` a turn.
    """
    expect("N", reward=reward, value=value, turn=turn, trajectory=trajectory)
    end = torch.ones_like(turn, dtype=torch.bool)
    end[:-1] = turn[1:] != turn[:-1]
    _, own = torch.unique_consecutive(turn, return_inverse=True)
    _, target = gae(reward[end], value[end], trajectory[end], gamma=turn_gamma, lam=lam)
    inside = torch.where(end, target[own], reward)
    return gae(inside, value, own, gamma=gamma, lam=lam)
