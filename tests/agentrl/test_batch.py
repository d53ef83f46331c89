"""The token table: what goes in comes out, whichever rollout mode it came from."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from agentrl.batch import microbatches, padded, preference_table, token_table
from agentrl.errors import AgentRLError
from agentrl.learner.model import Policy, compute
from agentrl.types import Node, Task, Tree
from tests.agentrl.examples import FakeTokenizer, episodes, model, turn


def test_every_policy_token_stands_in_its_row_at_its_column() -> None:
    for window in (True, False):
        made = episodes(window=window)
        table = token_table(made)
        sampled = [i for e in made for t in e.turns for i in t.action_ids]
        assert table.ids.tolist() == sampled
        assert [
            table.rows[r][c] for r, c in zip(table.row.tolist(), table.column.tolist(), strict=True)
        ] == sampled


def test_window_mode_has_a_row_a_turn_and_transcript_mode_one_a_trajectory() -> None:
    made = episodes(window=True)
    assert len(token_table(made).rows) == sum(len(e.turns) for e in made)
    assert len(token_table(episodes(window=False)).rows) == 8


def test_a_transcript_row_is_prompt_action_delta_action() -> None:
    made = episodes(window=False)
    expected = [list(e.turns[0].prompt_ids) for e in made]
    for row, e in zip(expected, made, strict=True):
        for i, t in enumerate(e.turns):
            row.extend([] if i == 0 else t.prompt_ids)
            row.extend(t.action_ids)
    assert [list(row) for row in token_table(made).rows] == expected


def test_turns_with_equal_state_and_group_share_an_anchor_and_no_others_do() -> None:
    made = episodes()
    table = token_table(made)
    keys = [(e.group, t.state_key) for e in made for t in e.turns]
    anchors = table.turns.anchor.tolist()
    for a, key in zip(anchors, keys, strict=True):
        assert [b == a for b in anchors] == [other == key for other in keys]


def test_next_anchor_is_the_state_acted_in_next() -> None:
    table = token_table(episodes())
    for i in range(len(table.turns)):
        expected = -1 if table.turns.last[i] else table.turns.anchor[i + 1]
        assert table.turns.next_anchor[i] == expected


def test_rewards_are_weighed_by_name() -> None:
    made = episodes()
    plain, double = token_table(made), token_table(made, {"task": 2.0})
    assert torch.equal(double.turns.reward, 2 * plain.turns.reward)
    assert torch.equal(double.trajectories.ret, 2 * plain.trajectories.ret)


@given(st.integers(8, 200))
def test_microbatches_cover_every_token_once_within_the_budget(budget: int) -> None:
    table = token_table(episodes(window=False))
    seen: list[int] = []
    for rows, tokens in microbatches(table, budget):
        seen.extend(tokens.tolist())
        ids, lines = padded(table, rows, tokens, 0)
        assert ids.numel() <= budget or len(ids) == 1
        for token, line in zip(tokens.tolist(), lines.tolist(), strict=True):
            own = table.rows[int(table.row[token])]
            assert ids[line].tolist() == list(own) + [0] * (ids.shape[1] - len(own))
        assert set(table.row[tokens].tolist()) == set(rows.tolist())
    assert sorted(seen) == list(range(len(table)))


def test_rows_of_the_same_tokens_are_one_row_to_the_model() -> None:
    alone = token_table(episodes(window=False))
    twice = token_table([*episodes(window=False), *episodes(window=False)])
    policy = Policy(model(), FakeTokenizer())
    want = frozenset({"logp", "entropy"})
    for budget in (50, 10_000):
        once = compute(policy, alone, want, budget)
        both = compute(policy, twice, want, budget)
        for name in want:
            assert torch.equal(both[name][: len(alone)], both[name][len(alone) :])
            assert torch.allclose(both[name][: len(alone)], once[name], atol=1e-9)
        lines = [len(padded(twice, *batch, 0)[0]) for batch in microbatches(twice, budget)]
        assert sum(lines) == len(alone.rows)


def test_no_policy_token_is_an_error_in_words() -> None:
    with pytest.raises(AgentRLError, match="no trajectory holds a policy token"):
        token_table([])


def test_a_missing_column_names_those_there_are() -> None:
    with pytest.raises(AgentRLError, match=r"'values' was not computed.*logp_behaviour"):
        _ = token_table(episodes()).values


def small_tree(window: bool) -> Tree:
    import random

    rng = random.Random(1)
    nodes = [
        Node(-1, turn(rng, "a", 0, fresh=True), q=0.2),
        Node(-1, turn(rng, "a", 0, fresh=True), q=0.9),
        Node(1, turn(rng, "b", 0, fresh=window), q=1.0),
        Node(1, turn(rng, "b", 0, fresh=window), q=0.0),
    ]
    return Tree(Task("t", "train", 0), tuple(nodes))


def test_a_preference_spans_just_the_two_compared_actions() -> None:
    from agentrl.algo import Preference

    for window in (True, False):
        tree = small_tree(window)
        table = preference_table([tree], [[Preference(1, 0), Preference(2, 3)]])
        assert table is not None
        assert table.pairs is not None
        for number, (good, bad) in enumerate([(1, 0), (2, 3)]):
            for side, node in ((table.pairs.chosen, good), (table.pairs.rejected, bad)):
                start, stop = side[number].tolist()
                assert table.ids[start:stop].tolist() == list(tree.nodes[node].turn.action_ids)


def test_taking_pairs_keeps_their_spans() -> None:
    from agentrl.algo import Preference

    tree = small_tree(True)
    whole = preference_table([tree], [[Preference(1, 0), Preference(2, 3)]])
    part = whole.take_pairs(torch.tensor([1]))
    assert part.pairs is not None
    start, stop = part.pairs.chosen[0].tolist()
    assert part.ids[start:stop].tolist() == list(tree.nodes[2].turn.action_ids)
