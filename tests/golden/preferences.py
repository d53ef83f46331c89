"""Adapters of the preference files: pair tables in, sums over each side through the losses, slopes out."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from agentrl.credit import search
from agentrl.losses import distil, pairwise, sides
from tests.golden.online import Flat, Inputs, Outputs, leaf, real, slope
from tests.golden.public import Public


def spans(mask: Tensor) -> Tensor:
    """Return the span of each row's tokens among all tokens under the mask, [B, 2]."""
    count = mask.sum(1)
    stop = count.cumsum(0)
    return torch.stack([stop - count, stop], dim=1)


def summed(public: Public, x: Inputs, name: str, mask: str) -> Tensor:
    """Return the sum of each row of a token table."""
    flat = Flat(x[mask])
    total: Tensor = public.sum_spans(flat.column(x[name]), spans(flat.mask))
    return total


def one_side(public: Public, x: Inputs, name: str) -> sides.Side:
    """Return a side whose summed log-probabilities are leaves."""
    mask = f"{name}_mask"
    logp = summed(public, x, f"policy_{name}_token_logps", mask).requires_grad_()
    table = f"ref_{name}_token_logps"
    ref = summed(public, x, table, mask) if table in x else torch.zeros_like(logp)
    return sides.Side(logp, ref, Flat(x[mask]).mask.sum(1))


def slopes(loss: Tensor, chosen: sides.Side, rejected: sides.Side) -> Outputs:
    """Return a loss and its gradient on each side's summed log-probability."""
    return {
        "loss": loss.item(),
        "grad_policy_chosen_logps": slope(loss, chosen.logp),
        "grad_policy_rejected_logps": slope(loss, rejected.logp),
    }


def pair(kind: str, public: Public, x: Inputs) -> Outputs:
    """A pair loss and its gradients."""
    chosen, rejected = one_side(public, x, "chosen"), one_side(public, x, "rejected")
    found = public.pairwise(chosen, rejected, kind, knobs(x))
    answer = slopes(found.mean(), chosen, rejected)
    if kind in ("cpo", "orpo"):
        nll = public.unlikelihood(chosen).mean()
        name, weight = ("preference_loss", x["cpo_alpha"]) if kind == "cpo" else ("or_term", 1.0)
        answer |= {"nll": nll.item(), name: (found.mean() - weight * nll).item()}
    if kind == "orpo":
        answer["log_odds"] = public.log_odds(chosen, rejected).tolist()
    return answer


def knobs(x: Inputs) -> pairwise.Knobs:
    """Return what a case says of a pair loss."""
    said = {
        "smoothing": x.get("label_smoothing", 0.0),
        "margin": x.get("simpo_gamma", 0.0),
        "penalty": x.get("dpop_lambda", 0.0),
        "sft": x.get("cpo_alpha", 0.0),
        "tau": x.get("discopop_tau", 0.0),
        "alpha": x.get("f_alpha_divergence_coef", 0.0),
    }
    return pairwise.Knobs(x["beta"], **said)


def step_apo(public: Public, x: Inputs) -> Outputs:
    """DPO whose margin is the gap of the steps' values."""
    chosen, rejected = one_side(public, x, "chosen"), one_side(public, x, "rejected")
    margin = x["alpha"] * (real(x["q_chosen"]) - real(x["q_rejected"]))
    loss = public.pairwise(chosen, rejected, "dpo", pairwise.Knobs(x["beta"], margin=margin)).mean()
    return slopes(loss, chosen, rejected)


def mcts_dpo(public: Public, x: Inputs) -> Outputs:
    """The three losses of MCTS-DPO."""
    chosen, rejected = one_side(public, x, "chosen"), one_side(public, x, "rejected")
    variant = x["variant"]
    kind = "cdpo" if variant == "conservative" else variant
    doubts = None
    if kind == "cdpo":
        doubts = [public.doubt(*visits) for visits in x["visit_counts_chosen_rejected"]]
    smoothing: Any = real(doubts) if doubts else 0.0
    how = pairwise.Knobs(x["beta"], smoothing=smoothing, power=x["length_penalty"])
    loss = public.pairwise(chosen, rejected, kind, how).mean()
    return slopes(loss, chosen, rejected) | {"label_smoothing": doubts}


def step_dpo(public: Public, x: Inputs) -> Outputs:
    """DPO on the tokens of one step."""
    columns: dict[str, list[Tensor]] = {"chosen": [], "rejected": []}
    loss: list[Tensor] = []
    for row in x["rows"]:
        found = []
        for name, leaves in columns.items():
            logp = leaf(row[f"{name}_token_logps"])
            start = row["prompt_len"] + row["prefix_len"]
            span = torch.tensor([[start, start + row[f"{name}_step_len"]]])
            found.append(public.side(logp, real(row[f"ref_{name}_token_logps"]), span))
            leaves.append(logp)
        loss.append(public.pairwise(*found, "dpo", pairwise.Knobs(x["beta"])))
    total = torch.cat(loss)
    return {
        "per_pair_loss": total.tolist(),
        "loss": total.mean().item(),
        **{
            f"grad_per_pair_loss_{name}_tokens": [slope(total.sum(), one) for one in leaves]
            for name, leaves in columns.items()
        },
    }


def tdpo(public: Public, x: Inputs) -> Outputs:
    """TDPO1 and TDPO2 from the logits of both models."""
    answer: Outputs = {}
    found, leaves = [], {}
    for name in ("chosen", "rejected"):
        labels = torch.tensor(x[f"{name}_labels"])[:, 1:]
        logits = leaf(x[f"{name}_logits"])
        mask = labels != -100
        policy = logits[:, :-1].log_softmax(-1)[mask]
        reference = real(x[f"{name}_ref_logits"])[:, :-1].log_softmax(-1)[mask]
        token = labels[mask][:, None]
        columns = policy.gather(1, token).squeeze(1), reference.gather(1, token).squeeze(1)
        one = public.side(*columns, spans(mask), kl=public.forward_kl(policy, reference))
        answer |= {f"{name}_margin": one.ratio.tolist(), f"{name}_seq_forward_kl": one.kl.tolist()}
        leaves[name] = logits
        found.append(one)
    loss = public.pairwise(*found, x["variant"], pairwise.Knobs(x["beta"], alpha=x["alpha"])).mean()
    grads = {f"grad_{name}_logits": slope(loss, logits) for name, logits in leaves.items()}
    return {"loss": loss.item(), **answer, **grads}


def tgdpo(public: Public, x: Inputs) -> Outputs:
    """DPO whose tokens weigh by what a trained policy says of them."""
    found, leaves = [], {}
    for name in ("chosen", "rejected"):
        flat, logps = Flat(x[f"{name}_mask"]), leaf(x[f"policy_{name}_token_logps"])
        ref = flat.column(x[f"ref_{name}_token_logps"])
        reward = flat.column(x[f"reward_{name}_token_logps"]) - ref
        weight = public.guided(reward, beta=x["beta"], alpha=x["alpha"], chosen=name == "chosen")
        found.append(public.side(weight * flat.column(logps), weight * ref, spans(flat.mask)))
        leaves[name] = logps
    loss = public.pairwise(*found, "dpo", pairwise.Knobs(x["beta"])).mean()
    grads = {f"grad_policy_{name}_token_logps": slope(loss, logps) for name, logps in leaves.items()}
    return {"loss": loss.item(), **grads}


FUNCTIONS: list[Callable[..., Any]] = [
    sides.side,
    sides.sum_spans,
    pairwise.pairwise,
    pairwise.unlikelihood,
    pairwise.log_odds,
    pairwise.guided,
    distil.forward_kl,
    search.doubt,
]

ADAPTERS: dict[str, Callable[..., Outputs]] = {
    **{
        f"offline_{name}": partial(pair, kind)
        for name, kind in {
            "hinge_slic": "hinge",
            **{kind: kind for kind in pairwise.KINDS if kind not in ("hinge", "tdpo1", "tdpo2", "asft")},
        }.items()
    },
    "offline_step_apo": step_apo,
    "offline_mctsdpo_loss": mcts_dpo,
    "offline_step_dpo": step_dpo,
    "offline_tdpo": tdpo,
    "offline_tgdpo": tgdpo,
}
