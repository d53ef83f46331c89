"""Several rewards in one credit."""

from typing import Literal

import torch
from torch import Tensor

from agentrl.credit.groups import group_relative
from agentrl.errors import ConfigError, ShapeError, nearest

How = Literal["sum_then_normalize", "normalize_then_sum"]


def combined(
    rewards: Tensor, weights: Tensor, group: Tensor, how: str = "normalize_then_sum", *, eps: float = 1e-6
) -> Tensor:
    """Return the advantage of each episode from several rewards.

    sum_then_normalize: the weighted sum, compared inside its group. normalize_then_sum: each reward compared
    inside its group (minus the mean, over the unbiased deviation plus eps), the weighted sum of these, and
    that compared over the whole batch: a reward with a small spread is heard as well as one with a large one.

    Source: normalize_then_sum is the order of GDPO; both as a published trainer offers them.
    Shapes: rewards [B, K], weights [K], group [B] int; returns [B].
    Errors: ConfigError for an unknown order, ShapeError where there are not as many weights as rewards.
    """
    orders = ("sum_then_normalize", "normalize_then_sum")
    if how not in orders:
        raise ConfigError(f"order={how!r} is not one of {', '.join(orders)}{nearest(how, orders)}")
    if rewards.ndim != 2 or rewards.shape[1] != len(weights):
        raise ShapeError(f"rewards has shape {list(rewards.shape)}, but there are {len(weights)} weights")
    weights = weights.to(rewards.dtype)
    if how == "sum_then_normalize":
        return group_relative(rewards @ weights, group, eps=eps)
    each = torch.stack([group_relative(column, group, eps=eps) for column in rewards.unbind(1)], dim=1)
    return group_relative(each @ weights, torch.zeros_like(group), eps=eps)
