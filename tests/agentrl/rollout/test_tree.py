"""Trees of alternatives, played on from restored states."""

import pytest

from agentrl.algo import Branches
from agentrl.errors import ConfigError
from agentrl.rollout.collect import Collector, Start, collect
from agentrl.rollout.tree import branch
from agentrl.types import Task
from agentrl_envs.guess import Guess
from tests.agentrl.rollout.examples import Doors, tasks
from tests.agentrl.rollout.test_collect import MODES, chat_of, policy, saying, starts_of


def grown(env=Guess, mode="window", style="plain", seed=0, width=3, points=2, count=3):
    chat = chat_of(mode, style, max_context=1500)
    starts = starts_of(count, group=1)
    made = branch(starts, Collector(env, policy(chat), chat, seed), Branches(width, points))
    return [tree for tree, _ in made], chat


def trunk_of(tree):
    """Return the indices of the trunk: nodes in a row, each the child of the one before."""
    trunk = [0]
    while (
        trunk[-1] + 1 < len(tree.nodes)
        and tree.nodes[trunk[-1] + 1].parent == trunk[-1]
        and not tree.nodes[trunk[-1]].terminal
    ):
        trunk.append(trunk[-1] + 1)
    return trunk


@pytest.mark.parametrize(("mode", "style"), MODES)
def test_a_tree_has_alternatives_at_the_wanted_states_played_to_the_end(mode, style):
    trees, _ = grown(mode=mode, style=style)
    for tree in trees:
        forks = [p for p in range(-1, len(tree.nodes)) if len(tree.children(p)) > 1]
        assert len(forks) == 2 and all(len(tree.children(p)) == 3 for p in forks)
        leaves = [i for i in range(len(tree.nodes)) if not tree.children(i)]
        assert len(leaves) == 1 + 2 * 2 and all(
            tree.nodes[i].terminal and tree.nodes[i].outcome for i in leaves
        )
        assert all(node.parent < i for i, node in enumerate(tree.nodes))
        for leaf in leaves:
            assert len(tree.path(leaf)) <= Guess.max_turns
        for fork in forks:  # children answer the same prompt about the same state
            turns = [tree.nodes[i].turn for i in tree.children(fork)]
            assert len({(t.observation, t.state_key, t.prompt_ids.tobytes(), t.fresh) for t in turns}) == 1
            assert len({t.action_ids.tobytes() for t in turns}) > 1


def test_an_alternative_goes_on_from_the_restored_state():
    trees, _ = grown(env=Guess)
    for tree in trees:
        for leaf in range(len(tree.nodes)):
            if not tree.children(leaf):
                env = Guess()
                observation, info = env.reset(options={"task": tree.task})
                for i in tree.path(leaf):
                    turn = tree.nodes[i].turn
                    assert (turn.observation, turn.state_key) == (observation, info["state_key"])
                    observation, _, _, _, info = env.step(turn.action)


def test_the_same_seed_grows_the_same_trees_and_another_one_others():
    def shape(trees):
        return [[(n.parent, n.turn.text, n.q) for n in tree.nodes] for tree in trees]

    first, again, other = (shape(grown(seed=seed)[0]) for seed in (0, 0, 1))
    assert first == again != other


def test_trees_do_not_depend_on_the_trees_beside_them():
    many, few = grown(count=3)[0], grown(count=1)[0]
    assert [n.turn.text for n in many[0].nodes] == [n.turn.text for n in few[0].nodes]


def test_replayed_worlds_can_be_branched_and_worth_is_backed_up():
    chat = chat_of()
    task = tasks(1)[0]
    env = Doors()
    env.reset(options={"task": task})
    grown = branch(
        [Start(task, "g", 0, 0)],
        Collector(Doors, saying(chat, *env.right, "left", "left", "left"), chat, 0),
        Branches(2, 9),
    )
    tree, episodes = grown[0]
    nodes = tree.nodes
    assert nodes[2].score == 1.0 and [n.parent for n in nodes[:3]] == [-1, 0, 1]
    assert len(tree.children(-1)) == 2
    leaves = [n.score for i, n in enumerate(nodes) if not tree.children(i)]
    assert [episode.score for episode in episodes] == leaves
    below = [i for i in tree.children(-1)]
    assert sum(nodes[i].q * nodes[i].visits for i in below) == pytest.approx(sum(leaves))


def test_a_trunk_that_failed_is_left_as_it_is():
    chat = chat_of()
    grown = branch(
        [Start(Task("b", "train", 0, {"broken": True}), "g", 0, 0), Start(tasks(1)[0], "g", 0, 1)],
        Collector(Doors, saying(chat, "break"), chat, 0),
        Branches(2, 1),
    )
    assert [len(tree.nodes) for tree, _ in grown] == [0, 1]
    assert [episode.outcome for _, own in grown for episode in own] == ["environment_error"] * 2
    assert grown[1].tree.nodes[0].visits == 0


def test_worlds_without_a_way_back_are_refused_by_name():
    class OneWay(Doors):
        name, restorable = "one-way", "no"

    chat = chat_of()
    with pytest.raises(ConfigError, match=r"env 'one-way' cannot be restored"):
        branch(starts_of(1), Collector(OneWay, saying(chat, "x"), chat, 0), Branches(2, 1))
    assert collect(starts_of(1), OneWay, saying(chat, "x"), chat, seed=0)
    with pytest.raises(ConfigError, match="width=1"):
        branch(starts_of(1), Collector(Doors, saying(chat, "x"), chat, 0), Branches(1, 1))
