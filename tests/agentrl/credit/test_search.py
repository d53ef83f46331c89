"""The search over steps, weights of steps, CHES and guided rewards."""

import math
import random
from collections.abc import Callable, Iterator

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from agentrl.credit.displacement import ches
from agentrl.credit.implicit import guided_reward
from agentrl.credit.search import Child, Search, doubt, prior, state_value
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


Searches = Callable[[Search], Iterator[list[int]]]


def drawn_children(seed: int, index: int, depth: int) -> list[Child]:
    """Return up to three children that depend on names alone; none is deeper than five."""
    dice = random.Random(f"{seed}/{index}")
    return [
        Child(dice.uniform(-1, 2), dice.random(), depth == 4 or dice.random() < 0.3)
        for _ in range(dice.randrange(4))
    ]


def done(search: Search, walk: Searches, seed: int) -> Search:
    """Return the search, driven to its end over drawn children."""
    for wanted in walk(search):
        for index in wanted:
            search.grow(index, drawn_children(seed, index, search.nodes[index].depth))
    return search


WALKS: dict[str, Searches] = {
    "mcts": lambda search: search.moves(3),
    "best first": lambda search: search.best_first(12),
    "beam": lambda search: search.beam(2),
}


@pytest.mark.parametrize("walk", WALKS)
@given(st.integers(0, 10**6), st.sampled_from(["puct", "ucb1"]))
@settings(max_examples=60)
def test_values_are_backed_up_and_the_way_leads_down_to_an_end(walk: str, seed: int, select: str) -> None:
    search = done(Search(5, select=select), WALKS[walk], seed)  # type: ignore[arg-type]
    parent = 0
    for index in search.way:
        assert search.nodes[index].parent == parent
        parent = index
    assert not search.nodes[parent].children
    for node in search.nodes:
        if node.children and node.visits > 1:
            below = [search.nodes[child] for child in node.children]
            weights = [max(1, child.visits) for child in below]
            mean = sum(n * child.q for n, child in zip(weights, below, strict=True)) / sum(weights)
            assert min(c.q for c in below) - 1e-9 <= node.v <= max(c.q for c in below) + 1e-9
            if walk != "mcts":  # whose roots of later moves are no longer backed up above themselves
                assert node.v == pytest.approx(mean)
        for child in node.children:
            assert search.nodes[child].reward == pytest.approx(search.nodes[child].value - node.value)


@given(st.integers(0, 10**6), st.integers(1, 12))
@settings(max_examples=60)
def test_a_root_counts_each_iteration_twice_and_its_children_once(seed: int, iterations: int) -> None:
    search = Search(3)
    for index in search.growing(iterations):
        search.grow(index, [Child(0.0, 0.5), *drawn_children(seed, index, 0)])
    assert search.nodes[0].visits == 2 * iterations
    assert sum(search.nodes[child].visits for child in search.nodes[0].children) == iterations
    for node in search.nodes[1:]:
        assert node.q == pytest.approx(node.reward + node.v) or not node.visits
        assert sum(search.nodes[child].visits for child in node.children) <= node.visits
        assert node.depth <= 3
    for node in search.nodes:
        below = [search.nodes[child] for child in node.children]
        total = sum(max(1, child.visits) * child.q for child in below)
        weight = sum(max(1, child.visits) for child in below)
        assert node.v == pytest.approx(total / weight if weight else 0.0)


def test_searches_that_are_driven_side_by_side_are_as_each_alone() -> None:
    many = [Search(5) for _ in range(4)]
    walks = [search.moves(3) for search in many]
    going = list(range(4))
    while going:
        for seed in going[:]:
            wanted = next(walks[seed], None)
            if wanted is None:
                going.remove(seed)
                continue
            for index in wanted:
                many[seed].grow(index, drawn_children(seed, index, many[seed].nodes[index].depth))
    alone = [done(Search(5), WALKS["mcts"], seed) for seed in range(4)]
    assert [s.nodes for s in many] == [s.nodes for s in alone]


def test_best_first_goes_for_the_value_and_a_beam_keeps_the_best_of_each_depth() -> None:
    def children(index: int) -> list[Child]:
        if index == 0:
            return [Child(0.1, 0.5), Child(0.9, 0.2), Child(0.9, 0.4)]
        return [Child(0.5 if index == 3 else 0.95, 0.5, terminal=index == 1)]

    grown: dict[str, list[list[int]]] = {"best": [], "beam": []}
    for name, walk in (("best", Search(2).best_first), ("beam", Search(2).beam)):
        search: Search = walk.__self__  # type: ignore[attr-defined]
        for wanted in walk(3 if name == "best" else 2):
            grown[name].append(wanted)
            for index in wanted:
                search.grow(index, children(index))
        assert search.way == [2, 5]
    assert grown == {"best": [[0], [3], [2]], "beam": [[0], [3, 2]]}


def test_ucb1_goes_where_it_has_not_been_and_reads_no_prior() -> None:
    search = Search(1, 10.0, select="ucb1")
    for index in search.growing(6):
        search.grow(index, [Child(0.5, 0.0), Child(0.5, 0.9), Child(0.5, 0.1)])
    assert [node.visits for node in search.nodes[1:]] == [2, 2, 2]


def test_the_value_of_a_state_is_confidence_then_the_state_before_and_the_outcome() -> None:
    assert state_value(0.5, 0, 0.3) == state_value(0.5, 4, 0.3) == 0.5
    assert state_value(0.5, 5, 0.3) == 0.25
    assert state_value(0.0, 2, 0.3) == 0.3
    assert state_value(0.5, 0, 0.3, -1.0) == -0.5
    assert state_value(1.0, 0, 0.0, 1.0) == 2.0


def test_a_prior_is_a_probability_whose_length_counts_less() -> None:
    assert prior([]) == 1.0
    assert prior([math.log(0.5)]) == pytest.approx(0.5)
    assert prior([math.log(0.5)] * 4) > 0.5**4


@given(st.integers(0, 99), st.integers(0, 99))
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
