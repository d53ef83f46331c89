"""A calculator that reads arithmetic and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentrl.errors import InvalidAction
from agentrl_envs.tools.arithmetic import calculated

NUMBERS = st.integers(0, 999).map(str)
PAIRS = st.sampled_from("+-*")
SUMS = st.recursive(
    NUMBERS, lambda inner: st.tuples(inner, PAIRS, inner).map(lambda t: f"({' '.join(t)})"), max_leaves=6
)


@given(SUMS)
def test_it_agrees_with_arithmetic(text: str) -> None:
    assert calculated(text) == eval(text)


def test_signs_bind_as_in_school() -> None:
    assert calculated("2+3*4-6/2") == 11
    assert calculated("-(2 - 5) * -2") == -6
    assert calculated("8 / 2 / 2") == 2


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "the end"),
        ("2 +", "the end"),
        ("(2", "not closed"),
        ("2)", "after the end"),
        ("2 3", "after the end"),
        ("1 / 0", "Division by zero"),
        ("7 / 2", "leaves something over"),
        ("__import__('os')", "Not understood at character 1"),
        ("2 ** 99999", "expected"),
        ("9" * 31, "more than 30 digits"),
        ("*".join(["9" * 20] * 3), "value has more than 30 digits"),
        ("(" * 50 + "1" + ")" * 50, "More than 20 brackets"),
        ("-" * 100 + "1", "More than 20 brackets"),
        ("1+" * 5000 + "1", "longer than 200"),
        ("٣ + 1", "Not understood"),
    ],
)
def test_what_it_cannot_do_is_said(text: str, why: str) -> None:
    with pytest.raises(InvalidAction, match=why):
        calculated(text)
