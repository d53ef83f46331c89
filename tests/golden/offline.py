"""Adapters of the offline files: column s of a table scores token s + 1, so masks lose a column."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from agentrl.credit import bellman, implicit, returns
from agentrl.losses import bellman as bellman_losses
from tests.golden.online import Flat, Inputs, Outputs, leaf, real, slope
from tests.golden.public import Public


def oreo(level: str, public: Public, x: Inputs) -> Outputs:
    """OREO's value and policy loss and their gradients."""
    flat = Flat([row[1:] for row in x["action_mask"]])
    marked = flat.column([row[:-1] for row in x["state_mask"]]).bool()
    values, logps = leaf(x["values"]), leaf(x["policy_token_logps"])
    value, logp, ret = flat.column(values), flat.column(logps), real(x["rewards"])
    ratio = logp - flat.column(x["ref_token_logps"])
    weight = public.importance_weight(ratio, flat.row, flat.rows) if x["importance_sampling"] else None
    gap = public.value_residual(value, ratio, ret, flat.row, beta=x["beta"], clip_log=x.get("clip_log"))
    value_loss = public.bellman(gap, marked, flat.row, weight=weight)
    state = public.states(level, marked.cumsum(0), flat.row)
    if level == "single":
        residual = public.one_step_residual(value, ratio, ret, flat.row, beta=x["beta"])
    else:
        residual = public.policy_residual(value, ratio, ret, flat.row, state, beta=x["beta"])
    policy_loss = public.bellman(residual, state, flat.row, weight=weight)
    return {
        "value_loss": value_loss.item(),
        "grad_values": slope(value_loss, values),
        "policy_loss": policy_loss.item(),
        "grad_policy_token_logps": slope(policy_loss, logps),
    }


def implicit_credit(public: Public, x: Inputs) -> Outputs:
    """Implicit rewards of one trajectory, by token and by step."""
    reward = public.token_reward(real(x["policy_token_logps"]), real(x["ref_token_logps"]), x["beta"])
    one = torch.zeros(len(reward), dtype=torch.long)
    ends = torch.tensor(x["step_ends"])
    step = torch.bucketize(torch.arange(len(reward)), ends, right=True)
    before, last = public.relative_value(reward, one, 1)
    answer: dict[str, Any] = {
        "token_reward": reward,
        "step_reward": public.step_reward(reward, step, len(ends)),
        "relative_value_V_t_minus_V_0": torch.cat([before, last]),
        "suffix_return": public.suffix_sum(reward, one),
    }
    return {name: y.tolist() for name, y in answer.items()}


FUNCTIONS: list[Callable[..., Any]] = [
    returns.suffix_sum,
    implicit.token_reward,
    implicit.step_reward,
    implicit.relative_value,
    bellman.states,
    bellman.value_residual,
    bellman.policy_residual,
    bellman.one_step_residual,
    bellman.importance_weight,
    bellman_losses.bellman,
]

ADAPTERS = {
    "offline_oreo_token": partial(oreo, "token"),
    "offline_oreo_step": partial(oreo, "step"),
    "offline_oreo_response": partial(oreo, "response"),
    "offline_oreo_single": partial(oreo, "single"),
    "offline_implicit_credit": implicit_credit,
}
