"""Generalised advantage estimation over tokens or turns."""

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
