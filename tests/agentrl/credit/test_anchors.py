"""Which turns share a state, and what they learn from each other."""

from difflib import SequenceMatcher

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from agentrl.credit.anchors import anchor_codes, anchor_relative
from agentrl.errors import ConfigError, ShapeError


def test_turns_from_one_state_are_compared_and_a_lone_turn_learns_nothing() -> None:
    """State 5 saw returns 0.9 and 0.1, mean 0.5; state 6 was met once."""
    returns = torch.tensor([0.9, 0.1, 0.7], dtype=torch.float64)
    got = anchor_relative(returns, torch.tensor([5, 5, 6]), scale="none")
    torch.testing.assert_close(got, torch.tensor([0.4, -0.4, 0.0], dtype=torch.float64))


def test_a_state_of_another_group_is_another_state() -> None:
    assert anchor_codes(["x", "y", "x"], ["door", "door", "door"]).tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (1, 1.0, True),
        (1, True, True),
        ("1", 1, False),
        ("a", "a ", False),
        ([1, [2, 3]], (1, (2, 3)), True),
        ([1, [2, 3]], [[1, 2], 3], False),
        ({"a": 1, "b": [2]}, {"b": (2,), "a": 1.0}, True),
        ({"a": 1}, {"a": 2}, False),
        (torch.tensor([[1, 2], [3, 4]]), torch.tensor([1, 2, 3, 4]), True),
        (torch.tensor(3), 3, True),
        (None, None, True),
    ],
)
def test_observations_are_compared_by_content(one: object, other: object, same: bool) -> None:
    assert (len(set(anchor_codes(["g", "g"], [one, other]).tolist())) == 1) is same


def greedy(group: list[str], texts: list[str], threshold: float) -> list[int]:
    """The published rule, without memory or bounds."""
    clusters: list[tuple[str, str]] = []
    out = []
    for name, text in zip(group, texts, strict=True):
        for number, (owner, head) in enumerate(clusters):
            if owner == name and SequenceMatcher(None, text, head).ratio() >= threshold:
                out.append(number)
                break
        else:
            out.append(len(clusters))
            clusters.append((name, text))
    return out


WORDS = st.lists(st.sampled_from(["go", "east", "west", "you see", "lamp", "x" * 120]), max_size=4).map(
    " ".join
)


@given(st.lists(st.tuples(st.sampled_from("xy"), WORDS), max_size=12), st.sampled_from([0.5, 0.8, 0.95, 1.0]))
def test_similar_texts_cluster_as_the_published_rule_has_it(
    rows: list[tuple[str, str]], threshold: float
) -> None:
    group, texts = [r[0] for r in rows], [r[1] for r in rows]
    assert anchor_codes(group, texts, similarity=threshold).tolist() == greedy(group, texts, threshold)


def test_similarity_wants_texts() -> None:
    with pytest.raises(ConfigError, match="similarity compares texts, but observation 1 is a dict"):
        anchor_codes(["g", "g"], ["text", {}], similarity=0.9)


def test_every_turn_needs_an_observation() -> None:
    with pytest.raises(ShapeError, match="axis S is 2 in group but 1 in observations"):
        anchor_codes(["g", "g"], ["text"])


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(ConfigError, match="an observation of type set cannot name a state"):
        anchor_codes(["g"], [{"a"}])
