"""Adapters of the online files whose loss is neither PPO's nor a value loss."""

from collections.abc import Callable
from typing import Any

from agentrl.losses import groupwise, ratios
from tests.golden.online import Flat, Inputs, Outputs, codes, leaf, real, slope
from tests.golden.public import Public


def gspo(public: Public, x: Inputs) -> Outputs:
    """The loss on ratios of sequences."""
    flat, table = Flat(x["response_mask"]), leaf(x["log_probs"])
    columns = flat.column(table), flat.column(x["old_log_probs"]), flat.column(x["advantages"]), flat.row
    clip = {"clip_low": x["clip_low"], "clip_high": x["clip_high"]}
    share = public.weights("seq-mean-token-mean", flat.row)
    loss = (share * public.sequence_clipped(*columns, **clip)).sum()
    clipped = public.sequence_clip_metrics(*columns, **clip)["clip_frac"]
    even = public.weights("token-mean", flat.row)
    return {"loss": loss.item(), "grad": slope(loss, table), "clip_frac": (even * clipped).sum().item()}


def cispo(public: Public, x: Inputs) -> Outputs:
    """The capped ratio as a weight; bounds are relative to 1 in the file."""
    flat, table = Flat(x["response_mask"]), leaf(x["log_probs"])
    columns = flat.column(table), flat.column(x["old_log_probs"]), flat.column(x["advantages"])
    tokens = public.capped(*columns, cap=1.0 + x["clip_high"], floor=1.0 - x["clip_low"])
    loss = (public.weights(x["loss_agg"], flat.row) * tokens).sum()
    return {"loss": loss.item(), "grad": slope(loss, table)}


def disco(public: Public, x: Inputs) -> Outputs:
    """Scores of good against bad answers, and the constraint."""
    flat, table = Flat(x["response_mask"]), leaf(x["log_probs"])
    logp, old = flat.column(table), flat.column(x["old_log_probs"])
    score = public.sequence_score(
        logp, old, flat.row, flat.rows, "logp" if x["score_func"] == "logL" else "ratio"
    )
    gap = public.discriminative(score, real(x["rewards"]) > 0, codes(x["group"]), tau=x["tau"])
    kl = (public.weights("token-mean", flat.row) * (old - logp)).sum()
    loss = gap + public.constraint(kl, delta=x["delta"], beta=x["beta"])
    return {"loss": loss.item(), "kl": kl.item(), "grad": slope(loss, table)}


def trpa(public: Public, x: Inputs) -> Outputs:
    """Pairs of levels inside a group."""
    flat, table = Flat(x["response_mask"]), leaf(x["log_probs"])
    mean = {"trajectory": flat.row, "count": flat.rows}
    gap = public.trajectory_mean(flat.column(table) - flat.column(x["ref_log_probs"]), *mean.values())
    how = {"beta": x["beta"], "anisotropy": x["anisotropy"]}
    loss, pairs = public.levelled(gap, real(x["levels"]).long(), codes(x["group"]), **how)
    return {"loss": loss.item(), "num_pairs": int(pairs), "grad": slope(loss, table)}


def copg(public: Public, x: Inputs) -> Outputs:
    """Pairs of answers to one question."""
    one, two = leaf(x["logp_y"]), leaf(x["logp_y2"])
    value = public.regularised(real(x["reward_y"]), one - real(x["ref_logp_y"]), x["beta"])
    other = public.regularised(real(x["reward_y2"]), two - real(x["ref_logp_y2"]), x["beta"])
    pairs = public.contrast(value, other, x["beta"])
    return {
        "delta": (value - other).tolist(),
        "per_pair": pairs.tolist(),
        "loss": pairs.mean().item(),
        "grad_y": slope(pairs.sum(), one),
        "grad_y2": slope(pairs.sum(), two),
    }


FUNCTIONS: list[Callable[..., Any]] = [
    ratios.sequence_clipped,
    ratios.sequence_clip_metrics,
    ratios.capped,
    groupwise.sequence_score,
    groupwise.discriminative,
    groupwise.constraint,
    groupwise.trajectory_mean,
    groupwise.levelled,
    groupwise.regularised,
    groupwise.contrast,
]

ADAPTERS = {
    "online_loss_gspo": gspo,
    "online_loss_cispo": cispo,
    "online_disco": disco,
    "online_trpa": trpa,
    "online_copg": copg,
}
