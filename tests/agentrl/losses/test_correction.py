"""Weights between sampler and trainer: by hand, against a plain loop, and what they are for."""

import math
from typing import get_args

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from agentrl.errors import ConfigError, ShapeError
from agentrl.losses.correction import (
    agreeing,
    effective_share,
    importance_ratio,
    masked,
    normalised,
    truncated,
)
from agentrl.rollout.draw import drawn
from agentrl.settings import Criterion
from agentrl.types import Sampling

TOKENS = st.lists(st.tuples(st.floats(-30, 0), st.floats(-30, 0), st.integers(0, 3)), min_size=1, max_size=20)


def real(*x: float) -> Tensor:
    return torch.tensor(x, dtype=torch.float64)


def columns(tokens: list[tuple[float, float, int]]) -> tuple[Tensor, Tensor, Tensor]:
    trainer, sampler, sequence = zip(*tokens, strict=True)
    return real(*trainer), real(*sampler), torch.tensor(sequence)


def test_a_ratio_is_of_a_token_or_of_all_tokens_of_its_sequence() -> None:
    trainer, sampler = real(-1.0, -2.0, -3.0), real(-1.5, -1.0, -3.0)
    sequence = torch.tensor([4, 4, 2])
    torch.testing.assert_close(importance_ratio(trainer, sampler, sequence), real(0.5, -1.0, 0.0).exp())
    whole = importance_ratio(trainer, sampler, sequence, level="sequence")
    torch.testing.assert_close(whole, real(-0.5, -0.5, 0.0).exp())


def test_one_broken_token_cannot_overflow() -> None:
    ratio = importance_ratio(real(0.0, -1e9), real(-1e9, 0.0), torch.tensor([0, 1]))
    torch.testing.assert_close(ratio, real(20.0, -20.0).exp())


def test_nothing_of_it_carries_a_gradient() -> None:
    trainer = real(-1.0, -2.0).requires_grad_()
    assert not importance_ratio(trainer, real(-1.0, -1.0), torch.tensor([0, 0])).requires_grad


def test_truncating_bounds_a_weight_and_masking_removes_it() -> None:
    ratio = real(0.1, 0.5, 2.0, 3.0, 3.1)
    assert truncated(ratio).tolist() == [0.1, 0.5, 2.0, 2.0, 2.0]
    assert masked(ratio).tolist() == [0.1, 0.5, 2.0, 3.0, 0.0]
    assert masked(ratio, cap=2.0, floor=0.5).tolist() == [0.0, 0.5, 2.0, 0.0, 0.0]


def test_normalised_weights_have_mean_1_over_tokens_or_over_sequences() -> None:
    weight, sequence = real(1.0, 1.0, 1.0, 3.0), torch.tensor([0, 0, 0, 1])
    assert normalised(weight, sequence).mean() == pytest.approx(1.0)
    assert normalised(weight, sequence, level="sequence").tolist() == [0.5, 0.5, 0.5, 1.5]
    assert normalised(torch.zeros(2), torch.tensor([0, 1])).tolist() == [0.0, 0.0]


@given(TOKENS, st.sampled_from(get_args(Criterion)), st.floats(1.01, 5), st.floats(0.1, 0.99))
def test_rejection_equals_a_plain_loop(
    tokens: list[tuple[float, float, int]], criterion: Criterion, high: float, low: float
) -> None:
    level, _, kind = criterion.rpartition("_")
    distances: dict[int, list[float]] = {}
    for trainer, sampler, sequence in tokens:
        x = min(20.0, max(-20.0, trainer - sampler))
        distance = {"k1": -x, "k2": x * x / 2, "k3": math.exp(x) - 1 - x}[kind]
        distances.setdefault(sequence, []).append(distance)
    places = dict.fromkeys(distances, 0)
    for got, (_, _, sequence) in zip(
        agreeing(*columns(tokens), criterion=criterion, high=high, low=low).tolist(), tokens, strict=True
    ):
        all_of_it = distances[sequence]
        of = {
            "token": all_of_it[places[sequence]],
            "seq_sum": sum(all_of_it),
            "seq_mean": sum(all_of_it) / len(all_of_it),
            "seq_max": max(all_of_it),
        }[level]
        places[sequence] += 1
        bounds = (math.log(low), math.log(high)) if kind == "k1" else (-math.inf, high)
        if min(abs(of - bound) for bound in bounds) > 1e-9:  # on a bound, rounding decides
            assert got is (bounds[0] < of < bounds[1])


def test_one_bound_on_ratios_means_its_reciprocal_too() -> None:
    sampler, sequence = torch.zeros(4, dtype=torch.float64), torch.arange(4)
    kept = agreeing(real(0.4, 0.6, 1.9, 2.1).log(), sampler, sequence, criterion="token_k1", high=2.0)
    assert kept.tolist() == [False, True, True, False]


def test_an_unknown_criterion_is_answered_with_the_nearest() -> None:
    one = real(0.0)
    with pytest.raises(ConfigError, match=r"'seq_max_k1' is not one of token_k1, .*; did you mean 'seq_"):
        agreeing(one, one, torch.tensor([0]), criterion="seq_max_k1", high=2.0)  # type: ignore[arg-type]


def test_columns_of_unequal_length_are_refused() -> None:
    with pytest.raises(ShapeError, match="axis N is 2 in trainer but 1 in sampler"):
        importance_ratio(real(0.0, 0.0), real(0.0), torch.tensor([0, 0]))


def test_the_effective_share_is_1_for_equal_weights_and_one_token_for_one_weight() -> None:
    assert effective_share(real(3.0, 3.0, 3.0, 3.0)) == pytest.approx(1.0)
    assert effective_share(real(0.0, 5.0, 0.0, 0.0)) == pytest.approx(0.25)
    assert effective_share(torch.zeros(3)) == 0.0


@given(st.lists(st.tuples(st.floats(-4, 4), st.floats(-4, 4)), min_size=2, max_size=8))
def test_weighted_averages_under_the_sampler_are_averages_under_the_trainer(
    logits: list[tuple[float, float]],
) -> None:
    """What the weights are for: over all tokens, sum of q(x) w(x) f(x) is the sum of p(x) f(x)."""
    trainer, sampler = (real(*x).log_softmax(0) for x in zip(*logits, strict=True))
    weight = importance_ratio(trainer, sampler, torch.arange(len(logits)))
    torch.testing.assert_close(sampler.exp() * weight, trainer.exp())


def test_tokens_of_a_nucleus_are_weighted_by_its_mass() -> None:
    """Why truncated sampling needs the log-probabilities after truncation: only then is the ratio this."""
    logp = real(0.5, 0.3, 0.15, 0.05).log().repeat(200, 1)
    dice = torch.rand(200, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    ids, behaviour = drawn(logp, dice, Sampling(top_p=0.8))
    assert set(ids.tolist()) == {0, 1}
    trainer = logp.gather(1, ids[:, None])[:, 0]
    weight = importance_ratio(trainer, behaviour.double(), torch.arange(200))
    torch.testing.assert_close(weight, torch.full_like(weight, 0.8))
