"""Losses on pairs of a preferred and a rejected answer, by name.

With rho the log-ratio of a side to the reference (summed over its tokens), h = beta (rho_w - rho_l) - margin,
sp = softplus and sigma the sigmoid; w is the chosen side, l the rejected one.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import softplus

from agentrl.errors import ConfigError, nearest
from agentrl.losses.policy import LOG_RATIO_LIMIT
from agentrl.losses.sides import Side
from agentrl.shapes import expect


@dataclass(frozen=True, slots=True)
class Knobs:
    """What the formulas of pair losses can be told; each reads the few it names."""

    beta: float = 0.1
    """strength of a log-ratio, above 0"""
    smoothing: float | Tensor = 0.0
    """cdpo, robust, exo_pair, aot: chance that a label is wrong, 0 to 0.5, one for all or [P]"""
    margin: float | Tensor = 0.0
    """dpo, cdpo, hinge, simpo: what beta times the gap has to exceed, one for all or [P]"""
    penalty: float = 50.0
    """dpop: price of a chosen answer that became less likely"""
    sft: float = 1.0
    """cpo: weight of the chosen answers' likelihood"""
    tau: float = 0.05
    """discopop: temperature that blends its two losses"""
    alpha: float = 0.5
    """fdpo_alpha: order of the divergence; tdpo2: weight of the divergences' gap"""
    power: float = 1.0
    """ipo: of the length that a log-ratio is divided by"""


def _h(w: Side, r: Side, k: Knobs) -> Tensor:
    return k.beta * (w.ratio - r.ratio) - k.margin


def _smoothed(h: Tensor, smoothing: float | Tensor) -> Tensor:
    return (1 - smoothing) * softplus(-h) + smoothing * softplus(h)


def _exo(w: Side, r: Side, k: Knobs) -> Tensor:
    h, e = _h(w, r, k), torch.as_tensor(k.smoothing, dtype=w.logp.dtype)
    first = h.sigmoid() * (-softplus(-h) - torch.log1p(-e))
    return first + (-h).sigmoid() * (-softplus(h) - e.log())


def _aot(w: Side, r: Side, k: Knobs) -> Tensor:
    gap = (w.logp - r.logp).sort().values - (w.ref - r.ref).sort().values
    return _smoothed(k.beta * gap, k.smoothing)


def _discopop(w: Side, r: Side, k: Knobs) -> Tensor:
    h = _h(w, r, k)
    # Multiplied as logarithms: exp(-h) alone is too large where its share is none.
    return (-h / k.tau).sigmoid() * softplus(-h) + (-softplus(-h / k.tau) - h).exp()


def _alpha(rho: Tensor, order: float) -> Tensor:
    """Return the derivative of an alpha divergence at exp(rho), up to a constant; 0 is the forward KL's."""
    if abs(order - 1) < 1e-9:
        return rho
    return ((order - 1) * rho.clamp(-LOG_RATIO_LIMIT, LOG_RATIO_LIMIT)).exp() / (order - 1)


def _dpop(w: Side, r: Side, k: Knobs) -> Tensor:
    return softplus(-k.beta * (w.ratio - r.ratio - k.penalty * (-w.ratio).relu()))


def _diverging(w: Side, r: Side, k: Knobs, *, second: bool) -> Tensor:
    assert w.kl is not None and r.kl is not None
    gap = k.alpha * (r.kl - w.kl.detach()) if second else r.kl - w.kl
    return softplus(-k.beta * (w.ratio - r.ratio - gap))


def _bounded(gap: Tensor, target: float) -> Tensor:
    return (gap - target) ** 2


KINDS: dict[str, Callable[[Side, Side, Knobs], Tensor]] = {
    "dpo": lambda w, r, k: softplus(-_h(w, r, k)),
    "cdpo": lambda w, r, k: _smoothed(_h(w, r, k), k.smoothing),
    "robust": lambda w, r, k: (
        ((1 - k.smoothing) * softplus(-_h(w, r, k)) - k.smoothing * softplus(_h(w, r, k)))
        / (1 - 2 * k.smoothing)
    ),
    "hinge": lambda w, r, k: (1 - _h(w, r, k)).relu(),
    "ipo": lambda w, r, k: _bounded(w.mean_ratio(k.power) - r.mean_ratio(k.power), 0.5 / k.beta),
    "ipo_sum": lambda w, r, k: _bounded(w.ratio - r.ratio, 0.5 / k.beta),
    "sigmoid_norm": lambda w, r, k: softplus(-k.beta * (w.mean_ratio() - r.mean_ratio())),
    "exo_pair": _exo,
    "nca_pair": lambda w, r, k: (
        softplus(-k.beta * w.ratio) + 0.5 * softplus(k.beta * w.ratio) + 0.5 * softplus(k.beta * r.ratio)
    ),
    "bco_pair": lambda w, r, k: softplus(-k.beta * w.ratio) + softplus(k.beta * r.ratio),
    "sppo_hard": lambda w, r, k: _bounded(w.ratio, 0.5 / k.beta) + _bounded(r.ratio, -0.5 / k.beta),
    "apo_zero": lambda w, r, k: (-k.beta * w.ratio).sigmoid() + (k.beta * r.ratio).sigmoid(),
    "apo_down": lambda w, r, k: (k.beta * w.ratio).sigmoid() + (-_h(w, r, k)).sigmoid(),
    "aot": _aot,
    "discopop": _discopop,
    "fdpo_forward_kl": lambda w, r, k: softplus(-k.beta * (_alpha(w.ratio, 0.0) - _alpha(r.ratio, 0.0))),
    "fdpo_js": lambda w, r, k: softplus(-k.beta * (softplus(-r.ratio) - softplus(-w.ratio))),
    "fdpo_alpha": lambda w, r, k: softplus(-k.beta * (_alpha(w.ratio, k.alpha) - _alpha(r.ratio, k.alpha))),
    "dpop": _dpop,
    "simpo": lambda w, r, k: softplus(-(k.beta * (w.mean - r.mean) - k.margin)),
    "cpo": lambda w, r, k: softplus(-k.beta * (w.logp - r.logp)) + k.sft * unlikelihood(w),
    "orpo": lambda w, r, k: unlikelihood(w) + k.beta * softplus(-log_odds(w, r)),
    "asft": lambda w, r, k: -(1 + k.beta) * _below(w.mean) - k.beta * _log1mexp(_below(r.mean)),
    "tdpo1": lambda w, r, k: _diverging(w, r, k, second=False),
    "tdpo2": lambda w, r, k: _diverging(w, r, k, second=True),
}
"""From both sides to a loss a pair.

name             a pair's loss                                                source
dpo              sp(-h)                                                       arXiv:2305.18290
cdpo             (1-e) sp(-h) + e sp(h)                                       DPO with noisy labels
robust           ((1-e) sp(-h) - e sp(h)) / (1-2e)                            arXiv:2403.00409
hinge            relu(1 - h)                                                  SLiC, arXiv:2305.10425
ipo, ipo_sum     (gap - 1/(2 beta))^2; gap of ratios a token, or of sums      arXiv:2310.12036
sigmoid_norm     sp(-beta gap), ratios a token                                length-normalised DPO
exo_pair         reverse KL from (1-e, e) to (sigma(h), sigma(-h))            arXiv:2402.00856
nca_pair         sp(-a) + sp(a)/2 + sp(b)/2; a, b = beta rho of either side   arXiv:2402.05369
bco_pair         sp(-a) + sp(b)                                               arXiv:2404.04656
sppo_hard        (rho_w - 1/(2 beta))^2 + (rho_l + 1/(2 beta))^2              arXiv:2405.00675
apo_zero         1 - sigma(a) + sigma(b)                                      arXiv:2408.06266
apo_down         sigma(a) + 1 - sigma(h)                                      arXiv:2408.06266
aot              cdpo of gaps sorted over the batch, policy's and reference's arXiv:2406.05882
discopop         (1-m) sp(-h) + m exp(-h), m = sigma(h / tau)                 arXiv:2406.08414
fdpo_*           dpo with f'(exp rho) for rho, of another divergence;         arXiv:2309.16240
                 rho within 20 nats where it is raised to a power
dpop             sp(-beta (rho_w - rho_l - penalty relu(-rho_w)))             arXiv:2402.13228
simpo            sp(-(beta gap - margin)), gap of log-probabilities a token   arXiv:2405.14734
cpo              sp(-beta (lp_w - lp_l)) + sft nll_w                          arXiv:2401.08417
orpo             nll_w + beta sp(-log odds ratio)                             arXiv:2403.07691
asft             -(1 + beta) m_w - beta log(1 - exp m_l), m the mean logp     arXiv:2502.01237
tdpo1, tdpo2     sp(-beta (rho_w - rho_l - (K_l - K_w))); K_w without         arXiv:2404.11999
                 gradient and alpha (K_l - K_w) in tdpo2
"""

REFERENCE_FREE = frozenset({"simpo", "cpo", "orpo", "asft"})
"""kinds that read no reference"""
NOISY = frozenset({"cdpo", "robust", "exo_pair", "aot"})
"""kinds that read the smoothing"""


def pairwise(chosen: Side, rejected: Side, kind: str = "dpo", knobs: Knobs = Knobs()) -> Tensor:
    """Return the loss of each pair, [P]; `KINDS` tells the formulas.

    Source: listed by name in `KINDS`.
    Units:  log-ratios in nats.
    Edge:   aot sorts its batch, so its losses belong to the batch, not to pairs; cpo and orpo spread the mean
            over all chosen tokens evenly over pairs.
    Errors: ConfigError for an unknown kind, beta <= 0, or a smoothing outside what the kind allows.
    """
    expect("P", chosen=chosen.logp, rejected=rejected.logp, ref_chosen=chosen.ref, ref_rejected=rejected.ref)
    check_pairwise(kind, knobs)
    return KINDS[kind](chosen, rejected, knobs)


def check_pairwise(kind: str, knobs: Knobs) -> None:
    """Raise ConfigError where `pairwise` would."""
    if kind not in KINDS:
        raise ConfigError(f"pair loss {kind!r} is not one of {', '.join(KINDS)}{nearest(kind, KINDS)}")
    if not knobs.beta > 0:
        raise ConfigError(f"beta={knobs.beta}: must be above 0")
    if isinstance(knobs.smoothing, Tensor):
        return
    if not 0 <= knobs.smoothing <= 0.5 or (kind == "robust" and knobs.smoothing == 0.5):
        raise ConfigError(f"smoothing={knobs.smoothing}: a chance of 0 up to a half (robust: below it)")
    if kind == "exo_pair" and not knobs.smoothing:
        raise ConfigError("smoothing=0: exo_pair's loss is infinite there; 0.001 is published")


def unlikelihood(side: Side) -> Tensor:
    """Return each side's part of the mean of -logp over all tokens of the batch, [P]; their mean is it."""
    return -side.logp * len(side.logp) / side.length.sum()


def log_odds(chosen: Side, rejected: Side) -> Tensor:
    """Return the log odds ratio of the answers' mean token probabilities, [P].

    Source: ORPO (arXiv:2403.07691).
    Edge:   odds have a pole at probability 1; the mean log-probability is kept 1e-6 below 0.
    """
    one, other = _below(chosen.mean), _below(rejected.mean)
    return (one - other) - (_log1mexp(one) - _log1mexp(other))


def _below(mean: Tensor) -> Tensor:
    """Return mean log-probabilities kept off 0, where odds have their pole."""
    return mean.clamp(max=-1e-6)


def _log1mexp(x: Tensor) -> Tensor:
    """Return log(1 - exp(x)) for x < 0, exact at both ends."""
    near = x > -math.log(2)
    low = torch.where(near, -1.0, x)
    high = torch.where(near, x, -1.0)
    return torch.where(near, (-torch.expm1(high)).log(), torch.log1p(-low.exp()))


def trusted(chosen: Side, rejected: Side) -> Tensor:
    """Return how likely a pair is to have been written by the policy, 0 to 1, without gradient.

    exp(mean of log p - log sum p^2 over the tokens of a side), of both sides, at most 1.

    Source: WPO (arXiv:2406.11827), with its sampled alignment.
    Shapes: returns [P].
    """
    assert chosen.aligned is not None and rejected.aligned is not None
    return (chosen.aligned + rejected.aligned).detach().clamp(max=0.0).exp()


def guided(reward: Tensor, *, beta: float, alpha: float = 0.5, chosen: bool = True) -> Tensor:
    """Return the weight of each token's log-ratio: 1 + alpha beta r where chosen, 1 - alpha beta r elsewhere.

    Source: TGDPO (arXiv:2506.14574), r the log-ratio of an already trained policy to the reference; dpo of
            ratios weighted so.
    Shapes: reward [N]; returns [N], without gradient.
    """
    return 1.0 + (alpha if chosen else -alpha) * beta * reward.detach()
