"""Residuals of the soft Bellman equation, as OREO minimises them.

With d[t] = logp[t] - ref[t], G[t] = the sum of d from t to the end, and R the episode's reward, a policy and
its value function agree where V(s_t) = R - beta * G[t] in every state. One state precedes each token, turn or
episode.
"""

from typing import Literal, get_args

import torch
from torch import Tensor

from agentrl.credit.returns import following, spread, suffix_sum, within
from agentrl.errors import ConfigError, nearest
from agentrl.shapes import expect

Level = Literal["token", "step", "response", "single"]
"""Which tokens have a state before them: all, the first of each turn, the first of each episode, all."""


def states(level: Level, turn: Tensor, trajectory: Tensor) -> Tensor:
    """Return a mask of the tokens before which a state counts.

    Shapes: turn, trajectory [N] int, tokens of each in one run; returns [N] bool.
    Errors: ConfigError for an unknown level.
    """
    expect("N", turn=turn, trajectory=trajectory)
    if level not in get_args(Level):
        allowed = get_args(Level)
        raise ConfigError(f"level={level!r} is not one of {', '.join(allowed)}{nearest(level, allowed)}")
    mark = torch.ones_like(turn, dtype=torch.bool)
    if level in ("step", "response"):
        key = turn if level == "step" else trajectory
        mark[1:] = key[1:] != key[:-1]
    return mark


def value_residual(
    value: Tensor,
    ratio: Tensor,
    ret: Tensor,
    trajectory: Tensor,
    *,
    beta: float,
    clip_log: float | None = None,
) -> Tensor:
    """Return V(s_t) + beta * G[t] - R at each token; gradient through `value` alone.

    Source: OREO (arXiv:2412.16145), value loss; `clip_log` bounds G as its published code can.
    Shapes: value, ratio (= logp - ref) [N], ret [B], trajectory [N] int; returns [N].
    Units:  reward units; `beta` in reward units per nat, `clip_log` in nats.
    """
    expect("N", value=value, ratio=ratio, trajectory=trajectory)
    suffix = suffix_sum(ratio.detach(), trajectory)
    if clip_log is not None:
        suffix = suffix.clamp(-clip_log, clip_log)
    return value + beta * suffix - spread(ret, trajectory)


def policy_residual(
    value: Tensor,
    ratio: Tensor,
    ret: Tensor,
    trajectory: Tensor,
    state: Tensor,
    *,
    beta: float,
) -> Tensor:
    """Return V(s_t) + beta * G[t] - R at each token; gradient through `ratio` up to the next state.

    With every token a state only a token's own ratio learns from its residual, with one state a turn the
    turn's ratios do, with one state an episode all do.

    Source: OREO (arXiv:2412.16145), policy loss at token, step and response level.
    Shapes: value, ratio (= logp - ref) [N], ret [B], trajectory [N] int, state [N] bool; returns [N].
    Units:  reward units; `beta` in reward units per nat.
    Edge:   only entries where `state` is True mean anything.
    """
    expect("N", value=value, ratio=ratio, trajectory=trajectory, state=state)
    rest = suffix_sum(ratio.detach(), trajectory)
    own = within(ratio, trajectory, 1.0 - following(state.to(ratio.dtype), trajectory))
    return value.detach() + beta * (rest + own - own.detach()) - spread(ret, trajectory)


def one_step_residual(
    value: Tensor, ratio: Tensor, ret: Tensor, trajectory: Tensor, *, beta: float
) -> Tensor:
    """Return V(s_t) + beta * d[t] - r[t] - V(s_{t+1}) at each token; gradient through `ratio` alone.

    r is R at an episode's last token and 0 before it; V past the end is 0.

    Source: OREO (arXiv:2412.16145), one-step form of the policy loss in its published code.
    Shapes: value, ratio (= logp - ref) [N], ret [B], trajectory [N] int; returns [N].
    Units:  reward units; `beta` in reward units per nat.
    """
    expect("N", value=value, ratio=ratio, trajectory=trajectory)
    # Past the last token the reward stands where the next value would.
    target = following(value.detach(), trajectory, ret)
    return value.detach() + beta * ratio - target


def importance_weight(ratio: Tensor, trajectory: Tensor, count: int) -> Tensor:
    """Return exp(min(1, sum of the log ratios)) of each trajectory, without gradient.

    Source: importance sampling option of OREO's published code (arXiv:2412.16145).
    Shapes: ratio (= logp - ref) [N], trajectory [N] int in [0, count); returns [count].
    """
    expect("N", ratio=ratio, trajectory=trajectory)
    total = ratio.detach().new_zeros(count).index_add(0, trajectory, ratio.detach())
    return total.clamp(max=1.0).exp()
