"""Losses on preferences agree with each other where their settings make them the same."""

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from agentrl.errors import ConfigError
from agentrl.losses.distil import forward_kl
from agentrl.losses.listwise import listwise, pro, rank_loss, rescaled
from agentrl.losses.pairwise import KINDS, Knobs, guided, log_odds, pairwise
from agentrl.losses.selfplay import inpo, nash_md, online_ipo, sppo, xpo
from agentrl.losses.sides import Side, discounted_tail, side
from agentrl.losses.unpaired import bco, kl_baseline, kto, redi, running_mean

LOGP = st.floats(-20, -0.01)


def real(*x: float) -> Tensor:
    return torch.tensor(x, dtype=torch.float64)


@st.composite
def both(draw: st.DrawFn) -> tuple[Side, Side]:
    """Two sides of three pairs."""

    def one() -> Side:
        numbers = [draw(st.lists(LOGP, min_size=3, max_size=3)) for _ in range(2)]
        length = draw(st.lists(st.integers(1, 9), min_size=3, max_size=3))
        return Side(real(*numbers[0]), real(*numbers[1]), torch.tensor(length), kl=real(1.0, 2.0, 3.0))

    return one(), one()


def swapped(sides: tuple[Side, Side]) -> tuple[Side, Side]:
    return sides[1], sides[0]


def at_reference(length: int = 4) -> tuple[Side, Side]:
    one = real(-2.0)
    return Side(one, one, torch.tensor([length])), Side(one, one, torch.tensor([length]))


@given(both(), st.floats(0.01, 2))
def test_settings_of_nothing_give_back_dpo(sides: tuple[Side, Side], beta: float) -> None:
    plain = pairwise(*sides, "dpo", Knobs(beta))
    for kind in ("cdpo", "robust"):
        torch.testing.assert_close(pairwise(*sides, kind, Knobs(beta, smoothing=0.0)), plain)
    torch.testing.assert_close(pairwise(*sides, "dpop", Knobs(beta, penalty=0.0)), plain)
    torch.testing.assert_close(pairwise(*sides, "tdpo2", Knobs(beta, alpha=0.0)), plain)
    torch.testing.assert_close(pairwise(*sides, "fdpo_alpha", Knobs(beta, alpha=1.0)), plain)
    still = [replace(one, kl=torch.zeros(3, dtype=torch.float64)) for one in sides]
    torch.testing.assert_close(pairwise(*still, "tdpo1", Knobs(beta)), plain)


@given(both(), st.floats(0.01, 2))
def test_smoothing_mixes_a_pair_with_itself_turned_round(sides: tuple[Side, Side], beta: float) -> None:
    mixed = 0.8 * pairwise(*sides, "dpo", Knobs(beta)) + 0.2 * pairwise(*swapped(sides), "dpo", Knobs(beta))
    torch.testing.assert_close(pairwise(*sides, "cdpo", Knobs(beta, smoothing=0.2)), mixed)


@given(both(), st.floats(0.01, 1))
def test_a_single_pair_of_aot_is_dpo(sides: tuple[Side, Side], beta: float) -> None:
    first = [Side(one.logp[:1], one.ref[:1], one.length[:1]) for one in sides]
    torch.testing.assert_close(pairwise(*first, "aot", Knobs(beta)), pairwise(*first, "dpo", Knobs(beta)))


def test_at_the_reference_every_loss_is_what_it_is_known_to_be() -> None:
    sides, knobs = at_reference(), Knobs(0.5, smoothing=0.1)
    half = {"apo_zero": 1.0, "apo_down": 1.0, "hinge": 1.0, "robust": math.log(2), "sppo_hard": 2.0}
    logistic = dict.fromkeys(("dpo", "cdpo", "sigmoid_norm", "aot", "dpop", "simpo"), math.log(2))
    twice = {"bco_pair": 2 * math.log(2), "nca_pair": 2 * math.log(2), "ipo": 1.0, "ipo_sum": 1.0}
    for kind, want in (half | logistic | twice).items():
        assert pairwise(*sides, kind, knobs).item() == pytest.approx(want), kind


@pytest.mark.parametrize("kind", KINDS)
def test_every_pair_loss_pulls_the_two_sides_apart_and_stays_finite(kind: str) -> None:
    logps = [real(-3.0, -4000.0).requires_grad_(), real(-3.5, -2.0).requires_grad_()]
    sides = [Side(x, real(-3.2, -5.0), torch.tensor([3, 4]), kl=real(0.1, 0.2)) for x in logps]
    loss = pairwise(*sides, kind, Knobs(0.1, smoothing=0.1))
    assert torch.isfinite(loss).all()
    one, other = torch.autograd.grad(loss.sum(), logps)
    assert torch.isfinite(one).all() and torch.isfinite(other).all()
    # The first pair is nearly even, so its gap has to grow; discopop's loss rises just there, by design.
    assert ((one - other)[0] < 0) == (kind != "discopop")


def test_odds_are_exact_near_certainty_and_near_impossibility() -> None:
    one = torch.ones(2, dtype=torch.long)
    got = log_odds(Side(real(-1e-5, -50.0), real(0, 0), one), Side(real(-0.7, -0.7), real(0, 0), one))
    other = -0.7 - math.log1p(-math.exp(-0.7))
    assert got.tolist() == pytest.approx([-1e-5 - math.log(-math.expm1(-1e-5)) - other, -50.0 - other])


def test_a_whole_answer_is_a_step_without_prefix_and_what_lies_outside_is_not_read() -> None:
    logp, ref = real(-1, -2, -3, -4), real(-1.5, -1, -2, -3)
    spans = torch.tensor([[0, 2]]), torch.tensor([[2, 4]])
    whole = pairwise(*(side(logp, ref, one) for one in spans))
    around = [torch.cat([real(math.nan), x, real(math.nan)]) for x in (logp, ref)]
    shifted = pairwise(*(side(*around, one + 1) for one in spans))
    torch.testing.assert_close(whole, shifted)


def test_nothing_flows_through_the_reference() -> None:
    logp, ref = real(-1, -2).requires_grad_(), real(-1, -2).requires_grad_()
    loss = pairwise(side(logp, ref, torch.tensor([[0, 1]])), side(logp, ref, torch.tensor([[1, 2]])))
    assert torch.autograd.grad(loss.sum(), [logp, ref], allow_unused=True)[1] is None


def test_tokens_weigh_alike_without_guidance_and_with_a_whole_tail() -> None:
    assert guided(real(1, -1), beta=0.5, alpha=0.0).tolist() == [1.0, 1.0]
    assert guided(real(1, -1), beta=0.5, alpha=1.0, chosen=False).tolist() == [0.5, 1.5]
    long, short = torch.tensor([[0, 4]]), torch.tensor([[4, 6]])
    assert discounted_tail(long, short, 6, 1.0).tolist() == [1.0] * 6
    assert discounted_tail(long, short, 6, 0.25).tolist() == [1, 1, 0.25, 0.25, 1, 1]
    assert discounted_tail(short, long, 6, 0.25).tolist() == [1.0] * 6


def test_equal_distributions_do_not_diverge() -> None:
    logps = torch.randn(3, 5, dtype=torch.float64).log_softmax(-1)
    assert forward_kl(logps, logps).abs().max() < 1e-12
    assert (forward_kl(logps, logps.roll(1, 0)) > 0).all()


@given(both(), st.floats(0.05, 1))
def test_inpo_with_the_whole_pull_to_the_start_is_ipo(sides: tuple[Side, Side], eta: float) -> None:
    got = inpo(*sides, real(7, 8, 9), eta=eta, tau=eta)
    torch.testing.assert_close(got, pairwise(*sides, "ipo_sum", Knobs(eta)))


@given(both(), st.floats(0.05, 1))
def test_sure_wins_make_regressions_those_on_labels(sides: tuple[Side, Side], beta: float) -> None:
    one, zero = torch.ones(3, dtype=torch.float64), torch.zeros(3, dtype=torch.float64)
    both_sides = sppo(sides[0], one, beta=beta) + sppo(sides[1], zero, beta=beta)
    torch.testing.assert_close(2 * both_sides, pairwise(*sides, "sppo_hard", Knobs(beta)))
    half = online_ipo(*sides, 0.5 * one, zero, beta=beta)
    torch.testing.assert_close(half, pairwise(*sides, "ipo_sum", Knobs(beta)))


@given(both(), st.floats(0.05, 1))
def test_xpo_without_its_bonus_is_dpo_on_the_winner(sides: tuple[Side, Side], beta: float) -> None:
    won = torch.tensor([True, False, True])
    got = xpo(*sides, won, beta=beta, alpha=0.0)
    one, other = pairwise(*sides, knobs=Knobs(beta)), pairwise(*swapped(sides), knobs=Knobs(beta))
    torch.testing.assert_close(got, torch.where(won, one, other))


def test_nash_md_is_a_policy_gradient_at_the_reference() -> None:
    logp = real(-1, -2, -3).requires_grad_()
    loss = nash_md(logp, logp.detach(), torch.tensor([0, 0, 1]), real(1.0, 0.25), beta=0.1)
    assert torch.autograd.grad(loss.sum(), logp)[0].tolist() == pytest.approx([-0.5, -0.5, 0.25])


def test_at_the_reference_kto_is_a_half_and_its_baseline_nothing() -> None:
    good = torch.tensor([True, False])
    assert kl_baseline(real(0, 0)).item() == 0 and kl_baseline(real(-3, -1)).item() == 0
    assert kto(real(0, 0), good, 0.0).tolist() == [0.5, 0.5]
    assert kto(real(9, 9), good, 0.0, desirable=2.0)[0] < 1 < 2 * kto(real(9, 9), good, 0.0)[1]


def test_bco_is_even_at_the_mean_of_what_was_seen() -> None:
    shift, total, count = running_mean(real(1, 3), 6.0, 2.0)
    assert (shift.item(), total, count) == (2.5, 10.0, 4.0)
    assert bco(real(2.5, 2.5), torch.tensor([True, False]), shift).tolist() == pytest.approx(
        [math.log(2)] * 2
    )
    assert running_mean(real(), 0.0, 0.0)[0].item() == 0.0


def test_redi_lets_go_of_bad_answers_that_became_unlikely_where_it_is_told_to() -> None:
    mean = real(-50.0).requires_grad_()
    for sharpness, slope in ((0.0, 0.8), (1.0, 0.0)):
        loss = redi(mean, torch.tensor([False]), sharpness=sharpness).sum()
        assert torch.autograd.grad(loss, mean)[0].item() == pytest.approx(slope, abs=1e-9)


@given(st.floats(-5, 5), st.floats(-5, 5))
def test_a_list_of_two_is_a_pair(one: float, other: float) -> None:
    score, label = real(one, other), real(1.0, 0.0)
    want = math.log1p(math.exp(other - one))
    for kind in ("logistic", "pairwise", "plackett_luce"):
        assert listwise(score, label, kind).item() == pytest.approx(want)
    assert rank_loss(score, label).item() == pytest.approx(want + math.log(2))


def test_the_lambda_loss_has_its_published_value_and_sinks_when_it_is_followed() -> None:
    score, label = real(0.2, -0.1, 0.05), real(0.9, 0.5, 0.1)
    assert listwise(score, label, "lambda").item() == pytest.approx(0.493175, abs=1e-6)
    free = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    for _ in range(100):
        (slope,) = torch.autograd.grad(listwise(free, real(1.0, 0.5, 0.0), "lambda"), free)
        free = (free - 0.5 * slope).detach().requires_grad_()
    assert free[0] > free[1] > free[2]


def test_lists_of_equals_say_nothing() -> None:
    assert rescaled(real(3, 3)).tolist() == [0.0, 0.0]
    assert rescaled(real(1, 3, 2)).tolist() == [0.0, 1.0, 0.5]
    for kind in ("lambda", "logistic", "pairwise", "hinge"):
        assert listwise(real(1, 2), real(0.5, 0.5), kind).item() == 0
    assert pro(real(-1.0), real(1.0)).item() == 0
    with pytest.raises(ConfigError, match="did you mean 'listnet'"):
        listwise(real(1, 2), real(1, 0), "listnets")


@given(both(), st.floats(0.05, 2))
def test_asft_bounds_orpo_from_above(sides: tuple[Side, Side], beta: float) -> None:
    one, other = sides
    asft = pairwise(one, other, "asft", Knobs(beta))
    orpo = -one.mean + beta * torch.nn.functional.softplus(-log_odds(one, other))
    assert (asft >= orpo - 1e-9).all()
    worse = -torch.log1p(-other.mean.exp())
    torch.testing.assert_close(asft, -(1 + beta) * one.mean + beta * worse)
