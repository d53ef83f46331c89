"""Adapters of the online files on credit: levels, several rewards, selections, entropies, teachers."""

from collections.abc import Callable
from typing import Any

import torch

from agentrl.credit import answers, gae, groups, implicit, objectives, selection, teacher
from tests.golden.compare import IGNORED
from tests.golden.online import Flat, Inputs, Outputs, codes, real
from tests.golden.public import Public


def reinforce_pp(public: Public, x: Inputs) -> Outputs:
    """Whitened returns; a run of tokens ends at every gap, as in the reference."""
    flat = Flat(x["response_mask"])
    reward = flat.column(x["token_level_rewards"])
    if x["variant"] == "global":
        place = flat.mask.nonzero()[:, 1]
        new = torch.ones(len(place), dtype=torch.long)
        new[1:] = ((place[1:] != place[:-1] + 1) | (flat.row[1:] != flat.row[:-1])).long()
        returns = public.discounted(reward, new.cumsum(0), x["gamma"])
    else:
        # Not through `public`: whitening undoes a factor, so one would not be noticed here.
        score = implicit.step_reward(reward, flat.row, flat.rows)
        returns = groups.group_relative(score, codes(x["group"]), scale="none")[flat.row]
    whitened = flat.table(public.whiten(returns))
    return {"advantages": whitened, "returns": flat.table(returns, IGNORED)}


def gae_turn(public: Public, x: Inputs) -> Outputs:
    """Advantages and returns of turns, with a bootstrap where an episode was cut off."""
    lengths = [len(t["turn_rewards"]) for t in x["trajectories"]]
    owner = torch.repeat_interleave(torch.arange(len(lengths)), torch.tensor(lengths))
    reward = real([r for t in x["trajectories"] for r in t["turn_rewards"]])
    value = real([v for t in x["trajectories"] for v in t["turn_values"]])
    past = real([t["bootstrap_value"] for t in x["trajectories"]])
    made = public.gae(reward, value, owner, gamma=x["gamma"], lam=x["lam"], bootstrap=past)
    advantage, returns = (column.split(lengths) for column in made)
    return {
        "trajectories": [
            {"turn_advantages": a.tolist(), "turn_returns": r.tolist()}
            for a, r in zip(advantage, returns, strict=True)
        ]
    }


def gae_bilevel(public: Public, x: Inputs) -> Outputs:
    """Advantages over turns, then tokens; positions without a token are not compared."""
    flat = Flat(x["response_mask"])
    ends = torch.zeros_like(flat.mask)
    for row, places in enumerate(x["turn_end"]):
        ends[row, places] = True
    end = ends[flat.mask].long()
    turn = end.cumsum(0) - end
    raw, returns = public.bilevel(
        flat.column(x["token_level_rewards"]), flat.column(x["values"]), turn, flat.row,
        gamma=x["gamma"], lam=x["lam"], turn_gamma=x["turn_gamma"],
    )  # fmt: skip
    found = {"advantages_raw": raw, "returns": returns, "advantages": public.whiten(raw)}
    return {name: flat.table(column, IGNORED) for name, column in found.items()}


def overlong(public: Public, x: Inputs) -> Outputs:
    """The price of long replies."""
    lengths = torch.tensor(x["lengths"])
    price = public.overlong(lengths, x["max_response_length"], x["buffer_len"], x["penalty_factor"])
    return {"penalty": price.tolist()}


def dynamic_sampling(public: Public, x: Inputs) -> Outputs:
    """Which groups have spread; the two references part over groups of one."""
    sizes = [len(group) for group in x["groups"]]
    group = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))
    spread = public.has_spread(real([r for g in x["groups"] for r in g]), group)
    wide = [bool(part.all()) for part in spread.split(sizes)]
    return {
        "keep_verl": [keep or size == 1 for keep, size in zip(wide, sizes, strict=True)],
        "keep_verl_agent": wide,
    }


def pfppo(public: Public, x: Inputs) -> Outputs:
    """Weights of drawing again."""
    score = real(x["scores"])
    return {
        "pow": public.draw_weight(score, "pow", power=x["weight_pow"]).tolist(),
        "max_min": public.draw_weight(score, "max_min").tolist(),
        "max_random": public.draw_weight(score, "max_random").tolist(),
    }


def multi_objective(public: Public, x: Inputs) -> Outputs:
    """Several rewards, added before or after they are compared."""
    rewards = real(x["rewards"])
    return {
        how: public.combined(rewards, real(x["weights"]), codes(x["group"]), how, eps=x["eps"]).tolist()
        for how in ("sum_then_normalize", "normalize_then_sum")
    }


def opd(public: Public, x: Inputs) -> Outputs:
    """The teacher's word in the advantages."""
    flat = Flat(x["response_mask"])
    student, teacher_ = flat.column(x["student_log_probs"]), flat.column(x["teacher_log_probs"])
    term = public.teacher_term(student, teacher_, flat.row, coef=x["coef"], discount=x["kl_discount"])
    return {"advantages": flat.table(flat.column(x["advantages"]) + term)}


def copo(public: Public, x: Inputs) -> Outputs:
    """Entropies of answers, what a group is worth among groups, and how much its own comparison counts."""
    sizes = [len(group) for group in x["answers"]]
    group = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))
    names = [(int(g), a) for g, a in zip(group, (a for part in x["answers"] for a in part), strict=True)]
    reward = real([r for part in x["rewards"] for r in part])
    entropy = public.answer_entropy(codes(names), group)
    value = public.consistency_value(reward, entropy, group)
    first = torch.tensor([sum(sizes[:i]) for i in range(len(sizes))])
    soft = public.local_weight(entropy, x["k"], x["b"])
    forced = torch.where(public.has_spread(reward, group), soft, 0.0)
    return {
        "entropy_bits": entropy[first].tolist(),
        "global_reward": value[first].tolist(),
        "global_advantage": public.among_groups(value, group)[first].tolist(),
        "local_weight_soft": soft[first].tolist(),
        "local_weight_soft_forced": forced[first].tolist(),
    }


FUNCTIONS: list[Callable[..., Any]] = [
    gae.bilevel,
    selection.overlong,
    selection.has_spread,
    selection.draw_weight,
    objectives.combined,
    teacher.teacher_term,
    answers.answer_entropy,
    answers.consistency_value,
    answers.among_groups,
    answers.local_weight,
]

ADAPTERS = {
    "online_reinforce_pp": reinforce_pp,
    "online_gae_turn": gae_turn,
    "online_gae_bilevel": gae_bilevel,
    "online_overlong": overlong,
    "online_dynamic_sampling": dynamic_sampling,
    "online_pfppo": pfppo,
    "online_multi_objective": multi_objective,
    "online_opd": opd,
    "online_copo": copo,
}
