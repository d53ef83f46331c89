"""Trees that are searched side by side, a turn at a time, from restored states."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentrl.algo import Searched
from agentrl.env import Reply, TextEnv
from agentrl.errors import ConfigError, DataError, RunError
from agentrl.rollout.collect import Collector, PlayerActor, Start
from agentrl.rollout.recorded import RecordedSampler
from agentrl.rollout.search import searched
from agentrl.types import Task
from agentrl_envs.guess import Guess
from tests.agentrl.rollout.examples import Doors, tasks
from tests.agentrl.rollout.test_collect import MODES, chat_of, policy, saying, starts_of

SMALL = Searched(walks=2, depth=2, actions_root=3, actions=2)


def grown(plan=SMALL, env=Guess, mode="window", style="plain", count=3, **how):
    chat = chat_of(mode, style, max_context=1500)
    collector = Collector(env, policy(chat), chat, **{"seed": 0, **how})
    return searched(starts_of(count, group=1), collector, plan)


def shape(found):
    """Return all of trees but how long environments took."""
    return [
        [replace(node, turn=replace(node.turn, seconds=0.0)) for node in tree.nodes] + [tree.way]
        for tree, _ in found
    ]


def both_ways(chat, mistakes=()):
    """Return an actor that says left and right in turn, and now and then something else."""
    return saying(chat, *mistakes, *["left", "right"] * 500)


@pytest.mark.parametrize(("mode", "style"), MODES)
def test_a_tree_holds_turns_that_lead_where_they_say(mode, style):
    for tree, episodes in grown(mode=mode, style=style):
        assert tree.way and not tree.children(tree.way[-1])
        assert [tree.nodes[i].parent for i in tree.way] == [-1, *tree.way[:-1]]
        assert len(tree.children(-1)) <= 3 and all(len(tree.children(i)) <= 2 for i in range(len(tree.nodes)))
        assert sum(node.terminal for node in tree.nodes) == len(episodes)
        for parent in {node.parent for node in tree.nodes}:
            siblings = [tree.nodes[i].turn for i in tree.children(parent)]
            assert len({turn.action for turn in siblings}) == len(siblings)
            assert len({(t.observation, t.state_key, t.prompt_ids.tobytes()) for t in siblings}) == 1
        for leaf in range(len(tree.nodes)):
            if not tree.children(leaf):
                env = Guess()
                observation, info = env.reset(options={"task": tree.task})
                for i in tree.path(leaf):
                    turn = tree.nodes[i].turn
                    assert (turn.observation, turn.state_key) == (observation, info["state_key"])
                    observation, _, _, _, info = env.step(turn.action)


def test_episodes_are_those_that_ended_in_the_tree():
    for tree, episodes in grown():
        ends = [i for i, node in enumerate(tree.nodes) if node.terminal]
        for index, episode in zip(ends, episodes, strict=True):
            assert list(episode.turns) == [tree.nodes[i].turn for i in tree.path(index)]
            assert (episode.outcome, episode.score) == (tree.nodes[index].outcome, tree.nodes[index].score)
            assert episode.metrics["token_violations"] == 0


@given(st.sampled_from(["mcts", "best_first", "beam"]), st.integers(0, 3), st.sampled_from([1, 5, 99]))
@settings(max_examples=8)
def test_a_tree_does_not_depend_on_those_beside_it(search, seed, parallel):
    plan = replace(SMALL, search=search)
    many, few = grown(plan, seed=seed, parallel=parallel), grown(plan, count=1, seed=seed)
    for (one, _), (other, _) in zip(many, few, strict=False):
        assert [n.turn.action_ids for n in one.nodes] == [n.turn.action_ids for n in other.nodes]
        assert one.way == other.way  # figures are equal up to the rounding of larger batches
        assert [(n.parent, n.visits) for n in one.nodes] == [(n.parent, n.visits) for n in other.nodes]
        assert [n.q for n in one.nodes] == pytest.approx([n.q for n in other.nodes], abs=1e-5)
    assert shape(grown(plan, seed=seed + 1)) != shape(many)


def test_environments_may_answer_side_by_side():
    assert shape(grown(threads=3)) == shape(grown())


def test_a_search_finds_the_way_out_and_prefers_it():
    chat = chat_of()
    collector = Collector(Doors, both_ways(chat), chat, 0)
    plan = Searched(walks=8, depth=3, actions_root=2, actions=2)
    ((tree, episodes),) = searched([Start(tasks(1)[0], "t", 0, 0)], collector, plan)
    env = Doors()
    env.reset(options={"task": tree.task})
    assert [tree.nodes[i].turn.action for i in tree.way] == env.right
    assert tree.nodes[tree.way[-1]].outcome == "success"
    assert sorted(e.score for e in episodes)[-1] == 1.0
    # 4 x 8 iterations at the root, each of which counts it once more than its children.
    assert sum(tree.nodes[i].visits for i in tree.children(-1)) == 32 + 2 * 8
    for index in tree.children(-1):  # confidence 1, then the outcome 2 score - 1 where it ended
        node = tree.nodes[index]
        assert node.reward == pytest.approx(1.0 + (2 * node.score - 1 if node.terminal else 0.0))


def test_what_says_the_same_is_one_action_and_what_fails_is_none():
    chat = chat_of()
    collector = Collector(Doors, saying(chat, "left", "left", "break", "jam", "left"), chat, 0)
    plan = Searched("beam", depth=1, actions_root=5, actions=1)
    ((tree, episodes),) = searched([Start(tasks(1)[0], "t", 0, 0)], collector, plan)
    assert [node.turn.action for node in tree.nodes] == ["left", "jam"]
    assert [episode.outcome for episode in episodes][-1] == "environment_error"
    assert len(tree.nodes) + 1 == sum(len(e.turns) for e in episodes) + sum(
        not node.terminal for node in tree.nodes
    )


def test_a_task_that_cannot_begin_is_a_tree_without_nodes():
    chat = chat_of()
    starts = [Start(Task("b", "train", 0, {"broken": True}), "b", 0, 0), Start(tasks(1)[0], "t", 0, 1)]
    broken, whole = searched(starts, Collector(Doors, both_ways(chat), chat, 0), SMALL)
    assert broken.tree.nodes == () and [e.outcome for e in broken.episodes] == ["environment_error"]
    assert whole.tree.nodes


def test_a_state_without_room_for_a_reply_ends_its_episode():
    chat = chat_of("transcript", max_context=150)
    collector = Collector(Doors, saying(chat, "jump", "jam"), chat, 0)
    plan = Searched("beam", depth=9, actions_root=1, actions=1)
    ((tree, episodes),) = searched([Start(tasks(1)[0], "t", 0, 0)], collector, plan)
    assert (
        [e.outcome for e in episodes]
        == ["token_limit"]
        == [node.outcome for node in tree.nodes if node.terminal]
    )
    assert len(episodes[0].turns) == len(tree.nodes) > 0


def test_a_policy_asked_of_its_actions_changes_what_they_are_worth():
    asking = replace(SMALL, self_evaluation=True)
    for (tree, _), (silent, _) in zip(grown(asking), grown(), strict=True):
        assert all(0 < node.confidence < 1 for node in tree.nodes)
        assert all(node.confidence == 1 for node in silent.nodes)
        first = tree.nodes[0]
        assert first.reward == pytest.approx(
            first.confidence + (2 * first.score - 1 if first.terminal else 0.0)
        )
    chat = chat_of()
    with pytest.raises(ConfigError, match="this player is none"):
        searched(starts_of(1), Collector(Guess, PlayerActor("expert"), chat, 0), SMALL)
    chat.encoded = lambda text: chat.tokenizer.encode("y" if text in ("yes", "no") else text)
    with pytest.raises(ConfigError, match="writes 'yes' as 'y'"):
        searched(starts_of(1), Collector(Guess, policy(chat), chat, 0), asking)


def test_worlds_without_a_way_back_are_refused_by_name():
    class OneWay(Doors):
        name, restorable = "one-way", "no"

    with pytest.raises(ConfigError, match=r"env 'one-way' cannot be restored .* cannot be searched"):
        grown(env=OneWay)


class Killed(Exception):
    """What stands for a kill."""


@pytest.mark.parametrize("plan", [SMALL, replace(SMALL, self_evaluation=True)], ids=["plain", "asking"])
def test_a_killed_search_asks_only_what_it_had_not_heard(plan, tmp_path):
    chat = chat_of()
    starts = starts_of(3, group=1)

    def run(path, most=10**6):
        """Search with a sampler that is recorded, and killed after so many batches."""
        actor = policy(chat)
        heard = RecordedSampler(actor.sampler, path)

        def answer(*question):
            if heard.asked >= most:
                raise Killed(heard.asked)
            return real(*question)

        real, heard.sampler.generate = actor.sampler.generate, answer
        collector = Collector(
            Guess, replace(actor, sampler=heard), chat, 0, parallel=6
        )  # two trees at a time
        return searched(starts, collector, plan), heard

    whole, heard = run(tmp_path / "whole")
    with pytest.raises(Killed) as kill:
        run(tmp_path / "killed", most=heard.asked // 3)
    with (tmp_path / "killed").open("ab") as file:
        file.write(b'["torn')
    resumed, again = run(tmp_path / "killed")
    assert shape(resumed) == shape(whole)  # bit for bit: what is asked together is the same, too
    assert again.asked == heard.asked - kill.value.args[0] > 0
    assert (tmp_path / "killed").read_bytes() == (tmp_path / "whole").read_bytes()
    assert run(tmp_path / "killed")[1].asked == 0


def test_answers_to_other_questions_are_refused(tmp_path):
    chat = chat_of()
    one, other = (
        Collector(
            Guess,
            replace(policy(chat), sampler=RecordedSampler(policy(chat).sampler, tmp_path / "x")),
            chat,
            seed,
        )
        for seed in (0, 1)
    )
    searched(starts_of(1), one, SMALL)
    other.actor.sampler.__init__(other.actor.sampler.sampler, tmp_path / "x")
    with pytest.raises(DataError, match=r"x, line 1 answers another question"):
        searched(starts_of(1), other, SMALL)
    (tmp_path / "x").write_text("[1]\n")
    other.actor.sampler.__init__(other.actor.sampler.sampler, tmp_path / "x")
    with pytest.raises(DataError, match=r"x, line 1: not an answer"):
        searched(starts_of(1), other, SMALL)


class Forgetful(TextEnv):
    """A world whose restored state is another one."""

    name = "forgetful"
    days = itertools.count()

    def begin(self, task: Task) -> str:
        self.day = next(self.days)
        return "Go."

    def act(self, action: str) -> Reply:
        return Reply(f"Day {self.day}.")


def test_a_world_that_does_not_replay_is_told_and_costs_its_own_branch():
    chat = chat_of()
    plan = Searched("beam", depth=2, actions_root=2, actions=2)
    ((tree, episodes),) = searched(
        starts_of(1, group=1), Collector(Forgetful, both_ways(chat), chat, 0), plan
    )
    assert {e.outcome for e in episodes} == {"environment_error"}
    assert "did not replay" in episodes[0].reason
    assert all(node.parent == -1 for node in tree.nodes)


def test_tokens_that_are_not_the_samplers_stop_the_run(monkeypatch):
    from agentrl.rollout.episode import Episode

    monkeypatch.setattr(Episode, "violations", lambda self: 1)
    with pytest.raises(RunError, match="do not hold the tokens that the sampler saw"):
        grown(count=1)
