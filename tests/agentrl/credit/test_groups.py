"""Group-relative credit against numbers by hand, a plain loop, and what must always hold."""

import math
import statistics

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from agentrl.credit.groups import group_mean, group_relative, leave_one_out
from agentrl.errors import ConfigError, ShapeError


def real(*x: float) -> Tensor:
    return torch.tensor(x, dtype=torch.float64)


def close(got: Tensor, want: Tensor, atol: float = 1e-9) -> None:
    torch.testing.assert_close(got, want, atol=atol, rtol=0)


def by_loop(
    score: list[float], group: list[int], unit: list[int], scale: str, singleton: str, eps: float = 1e-6
) -> list[float]:
    """The same thing, a row at a time."""
    out = []
    for i, own in enumerate(score):
        if math.isnan(own):
            out.append(0.0)
            continue
        entries: dict[int, float] = {}
        for j, other in enumerate(score):
            if group[j] == group[i] and not math.isnan(other):
                entries.setdefault(unit[j], other)
        x = list(entries.values())
        if len(x) == 1:
            alone = own if singleton == "raw" else 0.0
            out.append(alone / (1 + eps) if scale == "std" else alone)
            continue
        mean = x[0] if min(x) == max(x) else statistics.fmean(x)
        spread = 0.0 if min(x) == max(x) else statistics.stdev(x)
        out.append((own - mean) / (spread + eps) if scale == "std" else own - mean)
    return out


def rows(most: int = 12) -> st.SearchStrategy[list[tuple[float, int, int]]]:
    score = st.sampled_from([0.0, 1.0, 0.3, -2.0, 10.0, 1e4, 1e4 + 2, math.nan])
    return st.lists(st.tuples(score, st.integers(0, 2), st.integers(0, 3)), min_size=0, max_size=most)


@given(rows(), st.sampled_from(["std", "none"]), st.sampled_from(["raw", "zero"]), st.booleans())
def test_it_equals_a_plain_loop(
    table: list[tuple[float, int, int]], scale: str, singleton: str, units: bool
) -> None:
    score, group = [r[0] for r in table], [r[1] for r in table]
    unit = [r[2] + 10 * r[1] for r in table] if units else list(range(len(table)))
    got = group_relative(
        torch.tensor(score, dtype=torch.float64),
        torch.tensor(group, dtype=torch.long),
        torch.tensor(unit, dtype=torch.long) if units else None,
        scale=scale,  # type: ignore[arg-type]
        singleton=singleton,  # type: ignore[arg-type]
    )
    want = torch.tensor(by_loop(score, group, unit, scale, singleton), dtype=torch.float64)
    torch.testing.assert_close(got, want, atol=1e-7, rtol=1e-9)


def test_by_hand_with_the_unbiased_deviation() -> None:
    """Scores 1 and 0: mean 1/2, variance (1/4 + 1/4) / (2 - 1)."""
    got = group_relative(real(1, 0), torch.tensor([3, 3]))
    close(got, real(0.5, -0.5) / (0.5**0.5 + 1e-6))


def test_equal_scores_get_exactly_zero() -> None:
    got = group_relative(real(0.1, 0.1, 0.1), torch.tensor([0, 0, 0]))
    assert got.tolist() == [0.0, 0.0, 0.0]


def test_large_rewards_keep_their_small_spread_in_float32() -> None:
    score = torch.tensor([10000.0, 10001.0, 10002.0], dtype=torch.float32)
    got = group_relative(score, torch.tensor([0, 0, 0]))
    assert got.dtype == torch.float32
    close(got, torch.tensor([-1.0, 0.0, 1.0]), atol=1e-5)


def test_a_group_of_one_keeps_its_score_unless_told_otherwise() -> None:
    alone, group = real(2.0), torch.tensor([0])
    assert group_relative(alone, group, scale="none").item() == 2.0
    assert group_relative(alone, group, singleton="zero").item() == 0.0


def test_an_unscorable_row_gets_zero_and_moves_nobody() -> None:
    with_it = group_relative(real(1, math.nan, 0), torch.tensor([0, 0, 0]))
    without = group_relative(real(1, 0), torch.tensor([0, 0]))
    close(with_it, torch.stack([without[0], without.new_zeros(()), without[1]]))


def test_a_group_without_any_score_gets_zeros() -> None:
    assert group_relative(real(math.nan, math.nan), torch.tensor([0, 0])).tolist() == [0.0, 0.0]


def test_units_let_a_long_episode_count_once() -> None:
    """Episodes with scores 3 (three turns) and 1 (one turn): means 2 by episode, 2.5 by turn."""
    score, group, unit = real(3, 3, 3, 1), torch.tensor([0, 0, 0, 0]), torch.tensor([7, 7, 7, 8])
    close(group_relative(score, group, unit, scale="none"), real(1, 1, 1, -1))
    close(group_relative(score, group, scale="none"), real(0.5, 0.5, 0.5, -1.5))


@given(st.permutations(list(range(7))))
def test_the_order_of_rows_does_not_matter(order: list[int]) -> None:
    score, group = real(1, 0, 5, 2, 2, 9, 1), torch.tensor([0, 0, 1, 1, 1, 2, 0])
    close(group_relative(score[order], group[order]), group_relative(score, group)[order], atol=1e-12)


@given(st.floats(-100, 100), st.floats(0.1, 10))
def test_a_shift_changes_nothing_and_a_scale_only_without_std(shift: float, factor: float) -> None:
    score, group = real(1, 0, 5, 2, 2), torch.tensor([0, 0, 1, 1, 1])
    close(group_relative(score + shift, group), group_relative(score, group), atol=1e-9)
    close(group_relative(score * factor, group, eps=0.0), group_relative(score, group, eps=0.0), atol=1e-9)
    plain = group_relative(score, group, scale="none")
    close(group_relative(score * factor, group, scale="none"), factor * plain, atol=1e-9)


@given(rows())
def test_leave_one_out_subtracts_the_mean_of_the_others(table: list[tuple[float, int, int]]) -> None:
    score, group = [r[0] for r in table], [r[1] for r in table]
    want = []
    for i, own in enumerate(score):
        kin = [s for j, s in enumerate(score) if group[j] == group[i] and j != i and not math.isnan(s)]
        want.append(0.0 if math.isnan(own) else own - (statistics.fmean(kin) if kin else 0.0))
    got = leave_one_out(torch.tensor(score, dtype=torch.float64), torch.tensor(group, dtype=torch.long))
    close(got, torch.tensor(want, dtype=torch.float64), atol=1e-7)


def test_leave_one_out_of_one_may_be_zero() -> None:
    assert leave_one_out(real(4.0), torch.tensor([0]), singleton="zero").item() == 0.0


def test_group_mean_skips_what_has_no_score() -> None:
    got = group_mean(real(1, 3, math.nan, math.nan), torch.tensor([0, 0, 0, 1]))
    assert got[:3].tolist() == [2.0, 2.0, 2.0] and got[3].isnan()


def test_credit_carries_no_gradient() -> None:
    score = real(1, 0).requires_grad_()
    assert not group_relative(score, torch.tensor([0, 0])).requires_grad


def test_lengths_must_agree() -> None:
    with pytest.raises(ShapeError, match="axis S is 2 in score but 3 in group"):
        group_relative(real(1, 2), torch.tensor([0, 0, 0]))


def test_an_unknown_scale_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"scale='sdt' is not one of std, none; did you mean 'std'\?"):
        group_relative(real(1, 2), torch.tensor([0, 0]), scale="sdt")  # type: ignore[arg-type]
