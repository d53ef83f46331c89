"""Adapters of the online files: tables in, flat columns through the public functions, tables out."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from agentrl.batch import token_table
from agentrl.credit import anchors, gae, groups, implicit, returns
from agentrl.losses import correction, kl, policy, reduce, value
from agentrl.types import Task, Trajectory, Turn, floats32, ids32
from agentrl_algos.gigpo import GiGPO
from tests.golden.compare import IGNORED
from tests.golden.public import Public

Inputs = dict[str, Any]
Outputs = dict[str, Any]


def real(x: Any) -> Tensor:
    """Return nested lists as float64."""
    return torch.tensor(x, dtype=torch.float64)


def codes(names: list[Any]) -> Tensor:
    """Return names as numbers by first appearance."""
    seen: dict[Any, int] = {}
    return torch.tensor([seen.setdefault(name, len(seen)) for name in names], dtype=torch.long)


class Flat:
    """The tokens under a mask as flat columns, and back."""

    def __init__(self, mask: Any) -> None:
        self.mask = real(mask).bool()
        self.row = self.mask.nonzero()[:, 0]
        self.rows = len(self.mask)

    def column(self, table: Any) -> Tensor:
        """Return [N] from a table."""
        return (table if isinstance(table, Tensor) else real(table))[self.mask]

    def table(self, column: Tensor, fill: Any = 0.0) -> list[list[Any]]:
        """Return nested lists from [N]."""
        values = iter(column.tolist())
        return [[next(values) if inside else fill for inside in row] for row in self.mask.tolist()]


def leaf(table: Any) -> Tensor:
    """Return a table that gradients are wanted for."""
    return real(table).requires_grad_()


def slope(loss: Tensor, table: Tensor) -> list[Any]:
    """Return d loss / d table."""
    answer: list[Any] = torch.autograd.grad(loss, table, retain_graph=True)[0].tolist()
    return answer


def advantage(public: Public, x: Inputs) -> Outputs:
    """Group-relative advantage of each row, on each of its tokens."""
    flat = Flat(x["response_mask"])
    score = public.step_reward(flat.column(x["token_level_rewards"]), flat.row, flat.rows)
    if "norm_by_std" in x:
        scale = "std" if x["norm_by_std"] else "none"
        credit = public.group_relative(score, codes(x["group"]), scale=scale, eps=x["eps"])
    else:
        credit = public.leave_one_out(score, codes(x["group"]))
    return {"advantages": flat.table(credit[flat.row])}


def grpo_rows(public: Public, x: Inputs) -> Outputs:
    """The three statistics of group-relative advantages on turns."""
    score, group, unit = real(x["row_score"]), codes(x["group"]), codes(x["traj"])
    how = {"scale": "std" if x["norm_by_std"] else "none", "eps": x["eps"]}
    mean = public.group_mean(score, unit)
    return {
        "rows": public.group_relative(score, group, **how).tolist(),
        "first_row": public.group_relative(score, group, unit, **how).tolist(),
        "traj_mean": public.group_relative(mean, group, unit, **how).tolist(),
    }


def gigpo(public: Public, x: Inputs) -> Outputs:
    """GiGPO's stages, over the active rows."""
    active = [row for row in x["rows"] if row["active"]]
    names = [row["group"] for row in active]
    trajectory = codes([row["traj"] for row in active])
    reward = real([row["reward"] for row in active])
    penalty = x["invalid_action_penalty"] * real([not row["action_valid"] for row in active])
    anchor = public.anchor_codes(names, [row["anchor_obs"] for row in active], similarity=_similarity(x))
    returns = public.discounted(reward, trajectory, x["gamma"])
    score = public.step_reward(reward, trajectory, len(active))[trajectory] - penalty
    if x["eps"] == 1e-6 and x["step_advantage_w"]:
        advantage, episode, step = _credit(public, x, active, trajectory, anchor)
    else:  # the algorithm fixes one and multiplies by the other: its two terms are asked instead
        how = {"scale": "std" if x["mode"] == "mean_std_norm" else "none", "eps": x["eps"]}
        unit = trajectory if x["episode_stat"] == "trajectory" else None
        episode = public.group_relative(score, codes(names), unit, **how)
        step = public.anchor_relative(returns - penalty, anchor, **how)
        advantage = episode + x["step_advantage_w"] * step
    found = {
        "step_returns": returns, "episode_score": score, "episode_advantage": episode, "step_advantage": step,
        "advantage": advantage, "step_group": anchor,
    }  # fmt: skip
    rows = Flat([[float(row["active"]) for row in x["rows"]]])
    return {name: rows.table(y, -1 if name == "step_group" else 0.0)[0] for name, y in found.items()}


def _credit(
    public: Public, x: Inputs, rows: list[Any], trajectory: Tensor, anchor: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Return what the algorithm itself gives each row for these episodes: in all, and its two terms."""
    algo = GiGPO(
        gamma=x["gamma"],
        omega=x["step_advantage_w"],
        scale="std" if x["mode"] == "mean_std_norm" else "none",
        statistic="trajectory" if x["episode_stat"] == "trajectory" else "turn",
        invalid_penalty=x["invalid_action_penalty"],
    )
    one = ids32([0]), floats32([0.0])
    episodes, places = [], []
    for number in range(int(trajectory.max()) + 1):
        mine = (trajectory == number).nonzero().flatten().tolist()
        turns = tuple(
            Turn("", ids32(), *one, "", "", {"task": rows[i]["reward"]}, str(int(anchor[i])),
                 admissible=rows[i]["action_valid"])
            for i in mine
        )  # fmt: skip
        task = Task(rows[mine[0]]["group"], "train", 0)
        episodes.append(Trajectory(task, task.id, number, turns, "success"))
        places += mine
    credit = public.GiGPO_credit(algo, public.token_table(episodes))
    back = torch.tensor(places).argsort()
    episode, step = credit.parts["episode"][back], credit.parts["step"][back] / algo.omega
    return credit.value[back], episode, step


def _similarity(x: Inputs) -> float | None:
    return x["similarity_thresh"] if x["enable_similarity"] else None


def gigpo_grouping(public: Public, x: Inputs) -> Outputs:
    """Which turns share a state."""
    return {
        "step_group": public.anchor_codes(x["group"], x["anchor_obs"], similarity=_similarity(x)).tolist()
    }


def gigpo_returns(public: Public, x: Inputs) -> Outputs:
    """Discounted returns, a row or an environment step at a time."""
    step = torch.tensor(x["env_step"]) if "env_step" in x else None
    returns = public.discounted(real(x["rewards"]), codes(x["traj"]), x["gamma"], step=step)
    return {"returns": returns.tolist()}


def gae_token(public: Public, x: Inputs) -> Outputs:
    """Advantages and returns; positions without a token are not compared."""
    flat = Flat(x["response_mask"])
    reward, value = flat.column(x["token_level_rewards"]), flat.column(x["values"])
    raw, returns = public.gae(reward, value, flat.row, gamma=x["gamma"], lam=x["lam"])
    return {
        "advantages_raw": flat.table(raw, IGNORED),
        "returns": flat.table(returns, IGNORED),
        "advantages": flat.table(public.whiten(raw), IGNORED),
    }


def surrogate(public: Public, x: Inputs) -> Outputs:
    """The clipped surrogate under each reduction, its gradient and metrics."""
    flat, table = Flat(x["response_mask"]), leaf(x["log_probs"])
    columns = flat.column(table), flat.column(x["old_log_probs"]), flat.column(x["advantages"])
    clip = {"clip_low": x["clip_low"], "clip_high": x["clip_high"], "dual": x["clip_ratio_c"]}
    tokens = public.clipped(*columns, **clip)
    if "loss_scale_factor" in x:
        how = {"max_tokens": x["loss_scale_factor"], "trajectories": flat.rows}
        loss = (public.weights("constant", flat.row, norm="verl", **how) * tokens).sum()
        found = {"loss_trl": (public.weights("constant", flat.row, **how) * tokens).sum().item()}
    else:
        loss = (public.weights(x["loss_agg"], flat.row) * tokens).sum()
        even = public.weights("token-mean", flat.row)
        found = {name: (even * y).sum().item() for name, y in public.clip_metrics(*columns, **clip).items()}
    return {"loss": loss.item(), "grad": slope(loss, table), **found}


def value_loss(public: Public, x: Inputs) -> Outputs:
    """The clipped value loss."""
    flat, table = Flat(x["response_mask"]), leaf(x["values_new"])
    columns = flat.column(table), flat.column(x["values_old"]), flat.column(x["returns"])
    even = public.weights("token-mean", flat.row)
    loss = (even * public.clipped_value(*columns, clip=x["cliprange_value"])).sum()
    clip_frac = public.value_metrics(*columns, clip=x["cliprange_value"])["value_clip_frac"]
    return {"loss": loss.item(), "grad": slope(loss, table), "clip_frac": (even * clip_frac).sum().item()}


def divergence(public: Public, x: Inputs) -> Outputs:
    """A KL estimator, its mean and gradient."""
    flat, table = Flat(x["response_mask"]), leaf(x["log_probs"])
    tokens = public.kl(flat.column(table), flat.column(x["ref_log_probs"]), x["estimator"])
    loss = (public.weights("token-mean", flat.row) * tokens).sum()
    return {"per_token": flat.table(tokens), "token_mean": loss.item(), "grad": slope(loss, table)}


def is_correction(public: Public, x: Inputs) -> Outputs:
    """Importance weights between sampler and trainer."""
    flat = Flat(x["response_mask"])
    level, how = x["mode"].split("_")
    columns = flat.column(x["train_log_probs"]), flat.column(x["rollout_log_probs"]), flat.row
    ratio = public.importance_ratio(*columns, level=level)
    if how == "truncate":
        weight = public.truncated(ratio, x["cap"])
    else:
        weight = public.masked(ratio, x["cap"], x["floor"] or 0.0)
    if x["batch_normalize"]:
        weight = public.normalised(weight, flat.row, level=level)
    return {"weights": flat.table(weight)}


def is_rejection(public: Public, x: Inputs) -> Outputs:
    """Which tokens a rejection rule keeps; a threshold is `high` or `low_high`."""
    flat = Flat(x["response_mask"])
    columns = flat.column(x["train_log_probs"]), flat.column(x["rollout_log_probs"]), flat.row
    *low, high = map(float, x["threshold"].split("_"))
    kept = public.agreeing(*columns, criterion=x["criterion"], high=high, low=low[0] if low else None)
    return {"mask": flat.table(kept.double())}


FUNCTIONS: list[Callable[..., Any]] = [
    GiGPO.credit,
    token_table,
    groups.group_relative,
    groups.leave_one_out,
    groups.group_mean,
    anchors.anchor_relative,
    anchors.anchor_codes,
    returns.discounted,
    returns.whiten,
    gae.gae,
    implicit.step_reward,
    policy.clipped,
    policy.clip_metrics,
    kl.kl,
    value.clipped_value,
    value.value_metrics,
    reduce.weights,
    correction.importance_ratio,
    correction.truncated,
    correction.masked,
    correction.normalised,
    correction.agreeing,
]

ADAPTERS = {
    "online_grpo_advantage": advantage,
    "online_rloo_advantage": advantage,
    "online_grpo_rows": grpo_rows,
    "online_gigpo": gigpo,
    "online_gigpo_grouping": gigpo_grouping,
    "online_gigpo_returns": gigpo_returns,
    "online_gigpo_returns_multirow": gigpo_returns,
    "online_gae_token": gae_token,
    "online_loss_ppo": surrogate,
    "online_loss_dapo": surrogate,
    "online_loss_drgrpo": surrogate,
    "online_loss_value": value_loss,
    "online_kl": divergence,
    "online_is_correction": is_correction,
    "online_is_rejection": is_rejection,
}
