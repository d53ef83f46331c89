"""Adapters of the preference files without pairs: single answers, lists, self-play, steps, trees."""

from collections.abc import Callable
from typing import Any

import torch

from agentrl.credit import displacement, implicit, search, steps
from agentrl.losses import distil, listwise, reduce, selfplay, sides, unpaired
from tests.golden.online import Flat, Inputs, Outputs, leaf, real, slope
from tests.golden.preferences import one_side, slopes, summed
from tests.golden.public import Public


def kto(public: Public, x: Inputs) -> Outputs:
    """KTO with the divergence on mismatched answers."""
    gap = real(x["policy_KL_logps"]) - real(x["ref_KL_logps"])
    return _kto(public, x, public.kl_baseline(gap).item())


def apo_zero(public: Public, x: Inputs) -> Outputs:
    """APO-zero without pairs."""
    return _kto(public, x, 0.0)


def _kto(public: Public, x: Inputs, level: float) -> Outputs:
    logp = summed(public, x, "policy_token_logps", "mask").requires_grad_()
    ratio = logp - summed(public, x, "ref_token_logps", "mask")
    weights = {"desirable": x["desirable_weight"], "undesirable": x["undesirable_weight"]}
    loss = public.kto(ratio, torch.tensor(x["label"]), level, beta=x["beta"], **weights).mean()
    return {"loss": loss.item(), "kl": level, "grad_policy_logps": slope(loss, logp)}


def bco(public: Public, x: Inputs) -> Outputs:
    """BCO on a second batch, its running mean over both."""
    answer: Outputs = {}
    seen: Any = (0.0, 0.0)
    for name in ("first", "second"):
        batch = x[f"{name}_batch"]
        chosen, rejected = one_side(public, batch, "chosen"), one_side(public, batch, "rejected")
        reward = x["beta"] * torch.cat([chosen.ratio, rejected.ratio])
        shift, *seen = public.running_mean(reward, *seen)
        answer[f"delta_after_{name}"] = shift.item()
    good = torch.arange(len(reward)) < len(chosen.logp)
    loss = public.bco(reward, good, shift)
    return answer | slopes(loss.mean(), chosen, rejected) | {"loss_second": loss.mean().item()}


def redi(public: Public, x: Inputs) -> Outputs:
    """REDI from token tables."""
    chosen, rejected = one_side(public, x, "chosen"), one_side(public, x, "rejected")
    loss = _redi(public, x, chosen.mean, rejected.mean).mean()
    return slopes(loss, chosen, rejected)


def redi_sums(public: Public, x: Inputs) -> Outputs:
    """REDI from sums and lengths."""
    means = [
        real(x[f"{name}_logps"]) / real(x[f"{name}_lengths"]).clamp(min=1) for name in ("chosen", "rejected")
    ]
    pairs = _redi(public, x, *means)
    return {"per_pair": pairs.tolist(), "loss": pairs.mean().item()}


def _redi(public: Public, x: Inputs, chosen: Any, rejected: Any) -> Any:
    weights = {"chosen": x["chosen_coef"], "rejected": x["rejected_coef"]}
    good = torch.ones(len(chosen), dtype=torch.bool)
    return public.redi(chosen, good, **weights) + public.redi(rejected, ~good, **weights)


def listed(public: Public, x: Inputs) -> Outputs:
    """Every list loss on one list."""
    ratios, label = leaf(x["log_ratios"]), real(x["labels"])
    score = x["beta"] * ratios
    loss = public.listwise(score, label, "lambda")
    names = {
        "listnet_softmax": "listnet",
        "plackett_luce_listmle": "plackett_luce",
        "pairwise_logistic_sum": "logistic",
        "pairwise_hinge_sum": "hinge",
    }
    return {
        "lambda_loss_sum": loss.item(),
        "grad_log_ratios": slope(loss, ratios),
        "n_pairs": len(listwise.ordered(label)[0]),
        **{key: public.listwise(score, label, kind).item() for key, kind in names.items()},
    }


def pro(public: Public, x: Inputs) -> Outputs:
    """PRO's rank loss."""
    means = leaf(x["mean_token_logps"])
    loss = public.pro(means, real(x["rewards_descending"]))
    return {"pro_ranking_loss": loss.item(), "grad_mean_token_logps": slope(loss, means)}


def sppo(public: Public, x: Inputs) -> Outputs:
    """SPPO on win probabilities."""
    chosen, rejected = one_side(public, x, "chosen"), one_side(public, x, "rejected")
    beta = 1.0 / x["eta"]
    one = public.sppo(chosen, real(x["win_prob_chosen"]), beta=beta)
    other = public.sppo(rejected, real(x["win_prob_rejected"]), beta=beta)
    return slopes((one + other).mean(), chosen, rejected)


def online_ipo(public: Public, x: Inputs) -> Outputs:
    """Online IPO."""
    chosen, rejected = one_side(public, x, "chosen"), one_side(public, x, "rejected")
    wins = real(x["win_prob_chosen"]), real(x["win_prob_rejected"])
    return slopes(public.online_ipo(chosen, rejected, *wins, beta=x["beta"]).mean(), chosen, rejected)


def xpo(public: Public, x: Inputs) -> Outputs:
    """XPO; gradients are those of each token of a row."""
    found = []
    for name in ("model", "ref"):
        logp = real(x[f"model_logps_on_{name}_samples"]).sum(1).requires_grad_()
        ref = real(x[f"ref_logps_on_{name}_samples"]).sum(1)
        found.append(sides.Side(logp, ref, torch.ones(len(logp))))
    won = torch.tensor(x["model_sample_is_chosen"])
    loss = public.xpo(*found, won, beta=x["beta"], alpha=x["alpha"]).mean()
    return {
        "loss": loss.item(),
        "grad_model_logps_on_model_samples": slope(loss, found[0].logp),
        "grad_model_logps_on_ref_samples": slope(loss, found[1].logp),
    }


def nash_md(public: Public, x: Inputs) -> Outputs:
    """Nash-MD."""
    table = leaf(x["model_token_logps"])
    flat = Flat(torch.ones_like(table).tolist())
    columns = flat.column(table), flat.column(x["ref_token_logps"]), flat.row
    loss = public.nash_md(*columns, real(x["win_probability"]), beta=x["beta"]).mean()
    return {"loss": loss.item(), "grad_model_token_logps": slope(loss, table)}


def tpo_steps(public: Public, x: Inputs) -> Outputs:
    """Step weights and response scores of Tree Preference Optimization; step 0 is not the policy's."""
    number = torch.tensor(x["step_index"])
    flat, table = Flat((number > 0).tolist()), leaf(x["policy_token_logps"])
    step = number[flat.mask] - 1
    weight = public.step_weights(real(x["hidden_states"])[flat.mask], step, flat.row, 0)
    ratio = flat.column(table) - flat.column(x["ref_token_logps"])
    score = public.weighted_scores(ratio, step, flat.row, weight)
    loss = public.rank_loss(score, real(x["scores"]))
    return {
        "step_weights": torch.cat([torch.zeros(len(weight), 1), weight], 1).tolist(),
        "response_scores": score.tolist(),
        "pairwise_rank_loss": loss.item(),
        "grad_policy_token_logps": slope(loss, table),
    }


def ches(public: Public, x: Inputs) -> Outputs:
    """CHES from the states before each token."""
    sums: dict[str, Any] = {}
    for name in ("preferred", "dispreferred"):
        table = real(x[f"{name}_hidden"])
        starts = x[f"{name}_last_prompt_index"]
        states = [row[start:-1] for row, start in zip(table, starts, strict=True)]
        sums[name] = torch.stack([one.sum(0) for one in states])
        sums[f"mean {name}"] = torch.stack([one.mean(0) for one in states])
    return {
        "ches": public.ches(sums["preferred"], sums["dispreferred"]).tolist(),
        "ches_length_normalized": public.ches(sums["mean preferred"], sums["mean dispreferred"]).tolist(),
    }


def klreg(public: Public, x: Inputs) -> Outputs:
    """OREO's divergence over the whole vocabulary."""
    flat, logits = Flat(x["action_mask"]), leaf(x["policy_logits"])
    both = logits.log_softmax(-1)[flat.mask], real(x["ref_logits"]).log_softmax(-1)[flat.mask]
    loss = (public.weights("seq-mean-token-mean", flat.row) * public.reverse_kl(*both)).sum()
    return {"kl_reg": loss.item(), "grad_policy_logits": slope(loss, logits)}


def rto(
    policy: str, mask: str, score: str, prices: tuple[str, str, str], public: Public, x: Inputs
) -> Outputs:
    """RTO's token rewards; both files name the same things differently."""
    flat = Flat(x[mask])
    logps = [flat.column(x[name]) for name in policy.split()]
    how = tuple(x[name] for name in prices)
    reward = public.guided_reward(*logps, flat.row, real(x[score]), prices=how)
    return {"token_rewards": flat.table(reward)}


def tree_search(public: Public, x: Inputs) -> Outputs:
    """MCTS-DPO's search over a scripted tree, and what is drawn from it."""
    names = [""]
    tree = x["tree"]

    def expand(index: int) -> list[search.Child]:
        """Return the scripted children of a node."""
        below = sorted(key for key in tree if key[:-1] == names[index] and len(key) == len(names[index]) + 1)
        names.extend(below)
        penalty = x["length_penalty"]  # a prior decides between children, so a slight error shows nowhere
        return [
            search.Child(
                tree[key]["value"], search.prior(tree[key]["token_logps"], penalty), tree[key]["terminal"]
            )
            for key in below
        ]

    found = search.Search(x["depth_limit"], x["w_exp"], x["gamma"])
    for index in found.growing(x["root_iterations"]):
        found.grow(index, expand(index))
    order = [names[index] for index in found.ascending(0)]
    place = {name: index for index, name in enumerate(names)}
    doubt = public.doubt(*(found.nodes[place[order[i]]].visits for i in (-1, 0)))
    return {
        "nodes": {
            name or "root": {
                "N": node.visits, "Q": node.q, "V": node.v, "value": node.value, "r": node.reward,
                "depth": node.depth,
            }
            for name, node in zip(names, found.nodes, strict=True)
        },
        "root_pi": found.policy(0),
        "selected_child": names[found.best(0)],
        "root_children_ascending": order,
        "chosen": order[-1],
        "rejected_worst": order[0],
        "rejected_second_best": order[-2],
        "label_smoothing_worst": doubt,
    }  # fmt: skip


def offline_rto(public: Public, x: Inputs) -> Outputs:
    """RTO with the offline file's names."""
    names = "policy_token_logps ref_token_logps dpo_token_logps"
    return rto(
        names, "mask", "sequence_reward", ("dpo_reward_scale", "dpo_reward_clip", "kl_coef"), public, x
    )


def online_rto(public: Public, x: Inputs) -> Outputs:
    """RTO with the online file's names."""
    names = "log_probs ref_log_probs dpo_log_probs"
    return rto(names, "response_mask", "sequence_rewards", ("beta1", "clip", "beta2"), public, x)


FUNCTIONS: list[Callable[..., Any]] = [
    unpaired.kto,
    unpaired.kl_baseline,
    unpaired.bco,
    unpaired.running_mean,
    unpaired.redi,
    listwise.listwise,
    listwise.pro,
    listwise.rank_loss,
    selfplay.sppo,
    selfplay.online_ipo,
    selfplay.xpo,
    selfplay.nash_md,
    steps.step_weights,
    steps.weighted_scores,
    displacement.ches,
    distil.reverse_kl,
    reduce.weights,
    implicit.guided_reward,
    search.doubt,
]

ADAPTERS: dict[str, Callable[..., Outputs]] = {
    "offline_kto": kto,
    "offline_apo_zero_unpaired": apo_zero,
    "offline_bco": bco,
    "offline_redi": redi,
    "online_redi": redi_sums,
    "offline_listwise": listed,
    "offline_pro": pro,
    "offline_sppo_soft": sppo,
    "offline_online_ipo": online_ipo,
    "offline_xpo": xpo,
    "offline_nash_md": nash_md,
    "offline_tpo_steps": tpo_steps,
    "offline_ches": ches,
    "offline_oreo_klreg": klreg,
    "offline_rto_reward": offline_rto,
    "online_rto": online_rto,
    "offline_mcts_tree": tree_search,
}
