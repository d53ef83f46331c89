"""Weights that turn a loss a token into one number."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from agentrl.errors import ConfigError
from agentrl.losses.reduce import weights

NAMES = ["token-mean", "seq-mean-token-mean", "seq-mean-token-sum", "constant"]


@given(
    st.lists(st.tuples(st.integers(0, 4), st.floats(-5, 5)), min_size=1, max_size=30), st.sampled_from(NAMES)
)
def test_they_reduce_as_a_plain_loop_does(tokens: list[tuple[int, float]], how: str) -> None:
    rows: dict[int, list[float]] = {}
    for trajectory, loss in tokens:
        rows.setdefault(trajectory, []).append(loss)
    want = {
        "token-mean": sum(loss for _, loss in tokens) / len(tokens),
        "seq-mean-token-mean": sum(sum(r) / len(r) for r in rows.values()) / len(rows),
        "seq-mean-token-sum": sum(sum(r) for r in rows.values()) / len(rows),
        "constant": sum(sum(r) for r in rows.values()) / (len(rows) * 16),
    }[how]
    loss = torch.tensor([t[1] for t in tokens], dtype=torch.float64)
    got = (weights(how, torch.tensor([t[0] for t in tokens]), max_tokens=16) * loss).sum().item()
    assert got == pytest.approx(want, abs=1e-9)


@pytest.mark.parametrize("how", NAMES)
def test_any_split_into_parts_adds_up_to_the_same_loss(how: str) -> None:
    trajectory = torch.tensor([0, 0, 0, 1, 2, 2])
    loss = torch.arange(6, dtype=torch.float64)
    share = weights(how, trajectory, max_tokens=8)
    parts = sum((share[part] * loss[part]).sum().item() for part in torch.randperm(6).split(2))
    assert parts == pytest.approx((share * loss).sum().item())


def test_the_constant_may_follow_either_published_norm() -> None:
    trajectory = torch.tensor([3, 3, 9])
    assert weights("constant", trajectory, max_tokens=10).tolist() == [1 / 20] * 3
    assert weights("constant", trajectory, max_tokens=10, norm="verl").tolist() == [1 / 10] * 3
    assert weights("constant", trajectory, max_tokens=10, trajectories=4).tolist() == [1 / 40] * 3


def test_an_empty_table_has_no_weights() -> None:
    for how in NAMES:
        assert len(weights(how, torch.tensor([], dtype=torch.long), max_tokens=1)) == 0


def test_the_constant_must_be_given() -> None:
    with pytest.raises(ConfigError, match="'constant' needs max_tokens >= 1"):
        weights("constant", torch.tensor([0]))


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"did you mean 'token-mean'\?"):
        weights("token_mean", torch.tensor([0]))
