"""Preferences from searched trees: which pairs are drawn, and what their losses come to."""

from dataclasses import replace

import pytest
import torch
from torch.nn.functional import softplus

from agentrl.algo import Branches, Preference, Searched
from agentrl.batch import preference_table
from agentrl.credit.trees import preferences
from agentrl.types import Node, Task, Tree, Turn, floats32, ids32
from agentrl_algos.dpo import DPO
from agentrl_algos.mcts_dpo import MCTSDPO, AgentQ, TreePairs
from agentrl_algos.step_dpo import StepAPO
from tests.algos.test_preferences import loss


def node(parent: int, reply: list[int], visits: int, q: float, score: float | None = None) -> Node:
    """Return a node whose episode ended with this score, or went on."""
    turn = Turn("o", ids32([1, 2]), ids32(reply), floats32([-1.0] * len(reply)), "", str(reply), {}, "s")
    end = None if score is None else ("success" if score == 1 else "failure")
    return Node(parent, turn, visits, q, terminal=end is not None, outcome=end, score=score or 0.0)


TREE = Tree(
    Task("t", "train", 0),
    (
        node(-1, [5, 6, 9], 6, 1.5),
        node(-1, [5, 7, 9], 2, 0.5),
        node(-1, [8, 9], 1, 0.75, 0.25),
        node(0, [5, 9], 5, 1.0, 1.0),
        node(0, [6, 9], 1, -1.0, 0.0),
        node(1, [5, 9], 1, -1.0, 0.0),
        node(1, [6, 9], 1, -1.0, 0.0),
    ),
    way=(0, 3),
)


def pairs(algo: DPO, tree: Tree = TREE) -> list[tuple[int, int]]:
    return [(one.chosen, one.rejected) for one in algo.compare(tree)]


def test_mcts_dpo_pairs_the_way_and_leaves_out_what_did_not_succeed() -> None:
    assert pairs(MCTSDPO()) == [(0, 1), (3, 4)]
    assert pairs(MCTSDPO(rule="way_second")) == [(0, 2), (3, 4)]
    assert pairs(MCTSDPO(most=1)) == [(0, 1)]
    assert pairs(MCTSDPO(margin=1.5)) == [(3, 4)]
    lost = replace(TREE, way=(1, 5))
    assert pairs(MCTSDPO(), lost) == []
    assert pairs(MCTSDPO(solved=False), lost) == [(0, 1), (6, 5)]
    assert pairs(MCTSDPO(), replace(TREE, way=(0,))) == []


def test_other_rules_read_scores_or_worth() -> None:
    # Mean scores: 0 has 5/6, 1 has 0, 2 has 1/4; the siblings below 1 are as good.
    assert pairs(TreePairs(half=False)) == [(0, 1), (3, 4)]
    assert pairs(TreePairs()) == [(3, 4)]
    assert pairs(TreePairs(half=False, margin=0.9)) == [(3, 4)]
    assert pairs(TreePairs(half=False, floor=0.9)) == [(3, 4)]
    assert pairs(TreePairs(half=False, rule="path")) == [(0, 1), (0, 2), (3, 4)]
    assert pairs(StepAPO(trees="searched")) == [(0, 1), (0, 2), (3, 4)]
    assert pairs(AgentQ(self_evaluation=False)) == [(0, 1), (0, 2), (2, 1), (3, 4)]
    assert pairs(AgentQ(self_evaluation=False, most=2)) == [(3, 4), (0, 1)]
    assert pairs(AgentQ(blend=0.0)) == []
    assert isinstance(StepAPO().collect(), Branches)
    assert isinstance(StepAPO(trees="searched").collect(), Searched)


def test_a_search_is_asked_for_as_the_settings_say() -> None:
    algo = MCTSDPO(search="beam", walks=3, depth=4, actions_root=5, actions=6, width=7, exploration=8.0)
    assert algo.collect() == Searched("beam", 3, 4, 5, 6, "puct", 8.0, 7)
    asking = AgentQ().collect()
    assert isinstance(asking, Searched) and asking.select == "ucb1" and asking.self_evaluation


def table(algo: DPO):
    """Return the pairs of the tree with every token's log-ratio known."""
    found = preference_table([TREE], [algo.compare(TREE)])
    assert found is not None and found.pairs is not None
    ids = found.ids.double()
    return found.to(torch.float64).with_columns(logp=-0.1 * ids, logp_ref=-0.3 * ids)


def ratio(*ids: int) -> float:
    return 0.2 * sum(ids)


def test_tokens_count_from_where_actions_differ() -> None:
    made = table(MCTSDPO())
    said = [made.ids[a:b].tolist() for a, b in made.pairs.chosen.tolist() + made.pairs.rejected.tolist()]
    assert said == [[6, 9], [5, 9], [7, 9], [6, 9]]
    whole = table(DPO(rule="best_worst"))
    assert [whole.ids[a:b].tolist() for a, b in whole.pairs.chosen.tolist()] == [[5, 6, 9], [5, 9]]
    same = preference_table([TREE], [[Preference(0, 1, shared=3)]])
    assert same is None  # nothing is left to compare


def test_a_pair_counts_less_the_more_its_worse_side_was_visited() -> None:
    gap = torch.tensor([ratio(6, 9) - ratio(7, 9), ratio(5, 9) - ratio(6, 9)], dtype=torch.float64)
    doubt = torch.tensor([2 / 8, 1 / 6], dtype=torch.float64)
    wanted = ((1 - doubt) * softplus(-0.1 * gap) + doubt * softplus(0.1 * gap)).mean()
    assert loss(MCTSDPO(), table(MCTSDPO()))[0] == pytest.approx(wanted.item())
    for plain in (MCTSDPO(loss_kind="dpo"), MCTSDPO(conservative=False)):
        assert loss(plain, table(MCTSDPO()))[0] == pytest.approx(softplus(-0.1 * gap).mean().item())


def test_lengths_divide_where_asked_and_always_in_ipo() -> None:
    both = [(ratio(6, 9), ratio(7, 9)), (ratio(5, 9), ratio(6, 9))]
    for power in (0.0, 1.25):
        gap = torch.tensor([(w - r) / 2 ** (power or 1.0) for w, r in both], dtype=torch.float64)
        found = loss(MCTSDPO(loss_kind="ipo", power=power), table(MCTSDPO()))[0]
        assert found == pytest.approx(((gap - 5.0) ** 2).mean().item())
    gap = torch.tensor([(w - r) / 2**1.25 for w, r in both], dtype=torch.float64)
    found = loss(MCTSDPO(loss_kind="dpo", power=1.25), table(MCTSDPO()))[0]
    assert found == pytest.approx(softplus(-0.1 * gap).mean().item())


def test_agent_q_holds_to_the_policy_that_sampled() -> None:
    assert "logp_ref" not in AgentQ().needs and "logp_ref" in AgentQ(reference="start").needs
    made = table(AgentQ(self_evaluation=False))
    behaviour = made.with_columns(logp_ref=made.get("logp_behaviour"))
    assert loss(AgentQ(), made)[0] == loss(AgentQ(reference="start"), behaviour)[0]


def test_no_visit_of_the_worse_side_is_plain_dpo() -> None:
    unseen = replace(
        TREE, nodes=tuple(replace(n, visits=n.visits * (i in (0, 3))) for i, n in enumerate(TREE.nodes))
    )
    made = preference_table([unseen], [preferences(unseen, "way_worst")])
    assert made is not None
    made = made.to(torch.float64).with_columns(logp=-made.ids.double(), logp_ref=-0.5 * made.ids.double())
    assert loss(MCTSDPO(), made)[0] == pytest.approx(loss(MCTSDPO(loss_kind="dpo"), made)[0].item())
