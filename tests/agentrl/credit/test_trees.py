"""What a tree backs up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
