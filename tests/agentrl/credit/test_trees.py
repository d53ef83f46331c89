"""What a tree backs up."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentrl.credit.search import doubt
from agentrl.credit.trees import backed_up, preferences
from agentrl.errors import ConfigError
from agentrl.types import Node, Task, Tree, Turn, floats32, ids32

TURN = Turn("", ids32(), ids32(), floats32(), "", "", {}, "")


def tree(*nodes):
    """Return a tree from (parent, score of the leaf or None, outcome)."""
    made = [
        Node(parent, TURN, terminal=score is not None, outcome=outcome, score=score or 0.0)
        for parent, score, outcome in nodes
    ]
    return Tree(Task("t", "train", 0), tuple(made))


def test_an_action_is_worth_the_mean_score_below_it():
    done = backed_up(
        tree(
            (-1, None, None),
            (0, 1.0, "success"),
            (0, None, None),
            (2, 0.5, "failure"),
            (2, 0.0, "turn_limit"),
            (-1, 0.25, "failure"),
        )
    )
    assert [n.visits for n in done.nodes] == [3, 1, 2, 1, 1, 1]
    assert [n.q for n in done.nodes] == pytest.approx([0.5, 1.0, 0.25, 0.5, 0.0, 0.25])


def test_errors_of_the_environment_count_nowhere():
    done = backed_up(
        tree((-1, None, None), (0, 1.0, "success"), (0, 0.0, "environment_error"), (-1, 0.0, "deadline"))
    )
    assert [(n.visits, n.q) for n in done.nodes] == [(1, 1.0), (1, 1.0), (0, 0.0), (0, 0.0)]


def test_an_empty_tree_stays_empty():
    assert backed_up(tree()).nodes == ()


@given(st.lists(st.tuples(st.integers(0, 100), st.floats(0, 1)), min_size=1, max_size=30))
def test_the_roots_hold_all_leaves_between_them(drawn):
    nodes = [(parent % (i + 1) - 1, score, "failure") for i, (parent, score) in enumerate(drawn)]
    done = backed_up(tree(*nodes))
    leaves = [n.score for i, n in enumerate(done.nodes) if not done.children(i)]
    roots = [done.nodes[i] for i in done.children(-1)]
    assert sum(n.visits for n in roots) == len(leaves)
    assert sum(n.q * n.visits for n in roots) == pytest.approx(sum(leaves))
    assert all(0 <= n.q <= 1 for n in done.nodes)


FORK = tree(
    (-1, None, None),  # 0 the trunk, which fails
    (0, None, None),  # 1
    (1, 0.0, "failure"),  # 2
    (-1, 1.0, "success"),  # 3 against 0
    (-1, 0.0, "failure"),  # 4 against 0
    (0, 1.0, "success"),  # 5 against 1
    (0, 0.25, "failure"),  # 6 against 1
    (1, 0.0, "failure"),  # 7 against 2
)


def drawn(rule, gap=0.0, nodes=FORK):
    return [(one.chosen, one.rejected) for one in preferences(nodes, rule, gap)]


def test_rules_draw_the_siblings_they_name():
    assert drawn("best_worst") == [(3, 4), (5, 1)]
    assert drawn("best_second") == [(3, 0), (5, 6)]
    assert drawn("best_rest") == [(3, 4), (3, 0), (5, 1), (5, 6)]
    assert drawn("positive_negative") == [(3, 4), (3, 0), (5, 1), (5, 6)]
    assert drawn("path") == [(3, 4)]
    assert drawn("best_worst", gap=1.5) == []


def test_a_margin_is_how_much_better_the_chosen_action_did():
    assert [one.margin for one in preferences(FORK, "best_second")] == pytest.approx([0.6875, 0.75])


def test_the_first_error_is_where_winning_stops_to_be_possible():
    assert drawn("first_error") == [(5, 1)]
    won = tree((-1, None, None), (0, 1.0, "success"), (0, 0.0, "failure"))
    assert drawn("first_error", nodes=won) == []
    hopeless = tree((-1, 0.0, "failure"), (-1, 0.0, "failure"))
    assert drawn("first_error", nodes=hopeless) == []


def test_an_unknown_rule_is_refused():
    with pytest.raises(ConfigError, match="did you mean 'best_worst'"):
        drawn("best_worse")


def searched(*figures):
    """Return a tree of three actions and two after the last, from (visits, q, value, reply)."""
    nodes = [
        Node(
            -1 if i < 3 else 2,
            replace(TURN, action_ids=ids32(reply)),
            visits=visits,
            q=q,
            value=value,
            reward=0.0,
            confidence=0.5,
        )
        for i, (visits, q, value, reply) in enumerate(figures)
    ]
    return Tree(Task("t", "train", 0), tuple(nodes), way=(2, 3))


SEARCHED = searched(
    (1, 0.5, 0.0, [7, 8, 9]),
    (2, 0.1, 0.0, [7, 1]),
    (6, 0.9, 0.2, [7, 8, 2, 3]),
    (5, 1.0, 0.0, [4]),
    (0, 0.0, 0.0, [4, 5]),
)


def test_on_the_way_of_a_search_its_best_action_is_set_against_another():
    worst = preferences(SEARCHED, "way_worst")
    assert [(one.chosen, one.rejected) for one in worst] == [(2, 1), (3, 4)]
    assert [one.margin for one in worst] == pytest.approx([0.8, 1.0])
    assert [one.smoothing for one in worst] == [doubt(6, 2), doubt(5, 0)] == [0.25, 0.0]
    assert [one.shared for one in worst] == [1, 1]
    second = preferences(SEARCHED, "way_second")
    assert [(one.chosen, one.rejected, one.shared) for one in second] == [(2, 0, 2), (3, 4, 1)]
    assert preferences(SEARCHED, "way_random") == preferences(SEARCHED, "way_random")
    assert {one.rejected for one in preferences(SEARCHED, "way_random")} <= {0, 1, 4}
    assert preferences(SEARCHED, "way_worst", gap=0.9) == worst[1:]
    assert preferences(replace(SEARCHED, way=()), "way_worst") == []


def test_equal_values_are_told_apart_by_visits():
    even = searched(
        (4, 0.5, 0.0, [1]), (2, 0.5, 0.0, [2]), (4, 0.5, 0.1, [3]), (0, 0, 0, [4]), (0, 0, 0, [5])
    )
    (first, _) = preferences(even, "way_worst")
    assert (first.chosen, first.rejected) == (2, 1)


def test_worth_joins_search_value_and_opinion_of_what_was_visited():
    sure = replace(SEARCHED, nodes=(replace(SEARCHED.nodes[0], confidence=1.0), *SEARCHED.nodes[1:]))
    by_value = preferences(sure, "valued", 0.1)
    assert [(one.chosen, one.rejected) for one in by_value] == [(0, 1), (2, 0), (2, 1)]
    blended = preferences(sure, "valued", 0.1, opinion=0.5)
    assert [(one.chosen, one.rejected) for one in blended] == [(0, 1), (0, 2), (2, 1)]
    assert blended[0].margin == pytest.approx(0.5 * 0.25 + 0.5 - 0.5 * 0.05 - 0.25)


def test_what_a_search_came_to_often_weighs_more_and_where_it_stopped_nothing():
    met = tree((-1, None, None), (0, 1.0, "success"), (0, 0.0, "failure"), (0, None, None))
    met = replace(met, nodes=(*met.nodes[:1], replace(met.nodes[1], visits=3), *met.nodes[2:]))
    found = backed_up(met)
    assert [(n.visits, n.q) for n in found.nodes] == [(4, 0.75), (3, 1.0), (1, 0.0), (0, 0.0)]
    assert backed_up(found) == found
