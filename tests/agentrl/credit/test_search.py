"""The search over steps, weights of steps, CHES and guided rewards."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from agentrl.credit.displacement import ches
from agentrl.credit.implicit import guided_reward
from agentrl.credit.search import Child, Search, doubt, prior
from agentrl.credit.steps import merged_tail, step_weights, weighted_scores
from agentrl.errors import ConfigError


def two_levels(values: dict[tuple[int, ...], float], iterations: int) -> Search:
    """Return a search, done, over a tree told by paths."""
    paths: list[tuple[int, ...]] = [()]

    def expand(index: int) -> list[Child]:
        """Return the children that the table knows."""
        below = [path for path in sorted(values) if path[:-1] == paths[index] and path]
        paths.extend(below)
        return [Child(values[path], 0.5, terminal=len(path) == 2) for path in below]

    search = Search(depth_limit=2)
    for index in search.growing(iterations):
        search.grow(index, expand(index))
    return search


TREE = {(0,): 0.0, (1,): 0.0, (0, 0): 1.0, (0, 1): 1.0, (1, 0): -1.0, (1, 1): -1.0}


def test_the_search_goes_where_things_go_well_and_counts_its_root_twice() -> None:
    search = two_levels(TREE, 10)
    assert search.nodes[0].visits == 20
    assert sum(search.nodes[i].visits for i in search.nodes[0].children) == 10
    assert search.best(0) == search.nodes[0].children[0]
    assert search.ascending(0)[-1] == search.nodes[0].children[0]
    assert sum(search.policy(0)) == pytest.approx(1.0)


def test_before_a_visit_a_value_is_the_plain_mean_of_the_children() -> None:
    search = two_levels({(0,): 0.2, (1,): 0.6, (0, 0): 0.2, (1, 0): 0.6}, 1)
    first = search.nodes[0]
    known = [search.nodes[i] for i in first.children]
    assert first.v == pytest.approx(sum(node.q for node in known) / 2)


def test_a_node_without_children_ends_a_walk() -> None:
    search = Search(depth_limit=3)
    for index in search.growing(3):
        search.grow(index, [])
    assert len(search.nodes) == 1 and search.nodes[0].visits == 6


def test_a_prior_is_a_probability_whose_length_counts_less() -> None:
    assert prior([]) == 1.0
    assert prior([math.log(0.5)]) == pytest.approx(0.5)
    assert prior([math.log(0.5)] * 4) > 0.5**4


@given(st.integers(0, 99), st.integers(0, 99))
@settings(deadline=None)
def test_doubt_is_the_rejected_sides_share_of_visits(chosen: int, rejected: int) -> None:
    share = rejected / (max(1, chosen) + rejected)
    assert doubt(chosen, rejected) == pytest.approx(min(share, 0.5))


def test_steps_like_the_best_answers_weigh_most() -> None:
    hidden = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, -1.0], [1.0, 1.0]])
    answer, step = torch.tensor([0, 0, 1, 1, 1]), torch.tensor([0, 1, 0, 1, 2])
    weight = step_weights(hidden, step, answer, 0)
    assert weight.tolist() == [[2.0, 2.0, 0.0], [2.0, 0.0, 0.0]]
    assert step_weights(hidden, step, answer, 0, "one_minus_cos").tolist() == [[0, 0, 0], [0, 2.0, 0]]
    assert step_weights(hidden, step, answer, 0, "none").tolist() == [[1, 1, 0], [1, 1, 1]]
    assert merged_tail(step, answer).tolist() == [0, 1, 0, 1, 1]
    with pytest.raises(ConfigError, match="did you mean 'none'"):
        step_weights(hidden, step, answer, 0, "nones")


def test_an_answers_score_is_the_mean_of_its_steps_means_and_0_without_weight() -> None:
    ratio = torch.tensor([1.0, 3.0, 8.0, 5.0])
    answer, step = torch.tensor([0, 0, 0, 1]), torch.tensor([0, 0, 1, 0])
    score = weighted_scores(ratio, step, answer, torch.tensor([[1.0, 1.0], [0.0, 0.0]]))
    assert score.tolist() == [5.0, 0.0]


def test_ches_is_highest_where_sides_look_alike() -> None:
    one = torch.tensor([[1.0, 2.0]])
    assert ches(one, one).item() == 0
    assert ches(one, -one).item() == -10 < ches(one, torch.zeros(1, 2)).item() == -5


def test_a_guide_pays_tokens_and_the_score_stands_at_the_end() -> None:
    logp, ref, guide = torch.tensor([[-1.0] * 3, [-2.0] * 3, [-1.0, -2.0, -9.0]]).unbind(0)
    which, score = torch.tensor([0, 0, 1]), torch.tensor([0.5, 99.0])
    got = guided_reward(logp, ref, guide, which, score, prices=(1.0, 2.0, 0.1))
    assert got.tolist() == pytest.approx([0.9, 0.4, 10.0 - 2.0 - 0.1])
    free = guided_reward(logp, ref, guide, which, score, prices=(1.0, 0.0, 0.0))
    assert free.tolist() == pytest.approx([1.0, 0.5, 10.0 - 7.0])
