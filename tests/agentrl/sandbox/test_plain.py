"""Plain values cross, others do not."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentrl.sandbox.plain import DEPTH, decoded, encoded

KEYS = (
    st.none() | st.booleans() | st.integers() | st.text() | st.binary() | st.tuples(st.integers(), st.text())
)
VALUES = st.recursive(
    KEYS
    | st.floats(allow_nan=False)
    | st.complex_numbers(allow_nan=False)
    | st.frozensets(KEYS)
    | st.sets(KEYS),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(KEYS, inner),
    max_leaves=20,
)


@given(VALUES)
def test_a_plain_value_comes_back_equal_and_of_its_type(value: Any) -> None:
    import json

    again = decoded(json.loads(json.dumps(encoded(value))))
    assert again == value and type(again) is type(value)


class Liar(list[int]):
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]


class Claims(type):
    def __eq__(cls, other: object) -> bool:
        return True

    def __hash__(cls) -> int:
        return hash(list)


class Claimed(metaclass=Claims):
    pass


@pytest.mark.parametrize("value", [Liar(), Claimed(), iter([]), object(), int, [Liar()], {"a": Liar()}, len])
def test_anything_else_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="is no plain value"):
        encoded(value)


def test_depth_is_limited_and_a_circle_is_deep() -> None:
    deep: list[Any] = []
    for _ in range(DEPTH - 1):
        deep = [deep]
    encoded(deep)
    circle: list[Any] = []
    circle.append(circle)
    for value in ([deep], circle):
        with pytest.raises(ValueError, match="nested too deeply"):
            encoded(value)


@pytest.mark.parametrize(
    "text", [{"set": [[1]]}, {"list": []}, {}, {"a": 1, "b": 2}, {"bytes": "xyz"}, {"dict": [1]}]
)
def test_what_nobody_encoded_is_not_decoded(text: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        decoded(text)
