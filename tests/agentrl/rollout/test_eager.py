"""The eager schedule: the episodes of the logical one, and nobody waits for anybody."""

import threading
from collections import deque
from dataclasses import replace
from queue import SimpleQueue

import pytest

from agentrl.algo import Branches
from agentrl.env import Reply
from agentrl.rollout.actors import Ask
from agentrl.rollout.collect import Collector, PlayerActor, SamplerActor, Start
from agentrl.rollout.eager import Stream
from agentrl.rollout.scripted import ScriptedSampler
from agentrl.rollout.tree import branch
from agentrl.types import Request, Sampling, Task, ids32
from agentrl_envs.guess import Guess
from tests.agentrl.rollout.examples import Doors, tasks
from tests.agentrl.rollout.test_collect import MODES, chat_of, policy, right, saying, starts_of, timeless


class Reversed(ScriptedSampler):
    """A streaming sampler that answers the newest request first, one at a time."""

    def __init__(self, script, **options):
        super().__init__(script, **options)
        self.line = deque()
        self.most = 0

    def submit(self, ticket, request, sampling):
        self.line.append((ticket, request, sampling))
        self.most = max(self.most, len(self.line))

    def advance(self):
        ticket, request, sampling = self.line.pop()
        return [(ticket, self.generate([request], sampling)[0])]


def played(collector, starts):
    return timeless([episode.trajectory for episode in collector.play(starts)])


@pytest.mark.parametrize(("mode", "style"), MODES)
def test_a_policy_plays_the_episodes_of_the_logical_schedule(mode, style):
    chat = chat_of(mode, style, max_context=1500)
    starts = starts_of(5, group=3)
    collector = Collector(Guess, policy(chat), chat, seed=3, parallel=4)
    eager = played(replace(collector, actor=policy(chat), schedule="eager"), starts)
    logical = played(collector, starts)
    assert [t.turns[0].action_ids for t in eager] == [t.turns[0].action_ids for t in logical]
    same = [a.text for t in eager for a in t.turns] == [a.text for t in logical for a in t.turns]
    assert same  # on this machine rounding tips nothing: keys and values are read the same way


def test_replies_come_back_to_the_episode_that_asked_whatever_their_order():
    chat = chat_of()
    starts = starts_of(6, group=1)

    def script(context):
        return chat.reply("left" if len(context) % 2 else "right")

    sampler = Reversed(script, eos_ids=[chat.end])
    actor = SamplerActor(sampler, Sampling(max_tokens=40))
    eager = played(Collector(Doors, actor, chat, 0, schedule="eager"), starts)
    logical = played(
        Collector(Doors, SamplerActor(ScriptedSampler(script, eos_ids=[chat.end]), actor.sampling), chat, 0),
        starts,
    )
    assert eager == logical
    assert sampler.most > 1


def test_a_slow_world_keeps_nobody_waiting():
    first_done = threading.Event()

    class Waits(Doors):
        """The world of the first task answers once another episode has ended."""

        def act(self, action):
            if self.task.id == tasks(2)[0].id:
                assert first_done.wait(timeout=30)
            return super().act(action)

    def progress(done, count, tokens):
        if done:
            first_done.set()

    chat = chat_of()
    starts = starts_of(2, group=1)
    collector = Collector(
        Waits, saying(chat, "jump"), chat, 0, progress=progress, schedule="eager", parallel=2
    )
    assert [e.trajectory.outcome for e in collector.play(starts)] == ["turn_limit"] * 2


def test_what_a_world_raises_ends_its_own_episode_even_where_a_thread_would_end():
    class Leaves(Doors):
        """Wants to end the program."""

        def act(self, action):
            if self.task.id == tasks(3)[1].id:
                raise SystemExit(3)
            return super().act(action)

    chat = chat_of()
    starts = starts_of(3, group=1)
    broken = Start(Task("b", "train", 0, {"broken": True}), "b", 0, 7)
    collector = Collector(Leaves, saying(chat, "jump"), chat, 0, schedule="eager")
    episodes = [e.trajectory for e in collector.play([*starts, broken])]
    assert [e.outcome for e in episodes[:3]] == ["turn_limit", "environment_error", "turn_limit"]
    assert "SystemExit" in episodes[1].reason


def test_environments_are_closed_and_reused_but_not_those_that_raised():
    made = []

    class Counted(Doors):
        """Counts itself."""

        def __init__(self, *args, **options):
            super().__init__(*args, **options)
            self.closed = False
            made.append(self)

        def close(self):
            self.closed = True

    chat = chat_of()
    collector = Collector(Counted, saying(chat, "jump"), chat, 0, schedule="eager", parallel=2)
    collector.play(starts_of(6, group=1))
    assert len(made) == 2 and all(env.closed for env in made)


def test_players_and_trees_go_by_the_schedule_too():
    chat = chat_of(max_context=1500)
    starts = starts_of(4, group=1)
    collector = Collector(Guess, PlayerActor("expert"), chat, 0)
    expert = played(collector, starts)
    assert played(replace(collector, schedule="eager", actor=PlayerActor("expert")), starts) == expert
    assert all(t.success for t in expert)
    plain = Collector(Guess, policy(chat), chat, 0)
    one = branch(starts, plain, Branches(3, 2))
    other = branch(starts, replace(plain, actor=policy(chat), schedule="eager"), Branches(3, 2))
    assert [[n.parent for n in tree.nodes] for tree, _ in one] == [
        [n.parent for n in tree.nodes] for tree, _ in other
    ]


def test_a_world_that_asks_for_a_form_has_it_in_the_request():
    from agentrl.types import Structure

    class Formal(Doors):
        """Takes left and right only."""

        def structure(self):
            return Structure("choice", ["left", "right"])

        def act(self, action):
            return Reply("no", success=False)

    chat = chat_of()
    actor = saying(chat, *right(tasks(1)[0]))
    Collector(Formal, actor, chat, 0).play(starts_of(1, group=1))
    assert actor.sampler.asked[0].structure == Structure("choice", ["left", "right"])


def test_work_between_replies_waits_for_those_under_way_and_holds_back_the_others():
    chat = chat_of()
    sampler = Reversed(lambda context: chat.reply("left"), eos_ids=[chat.end])
    line, seen = Stream(SamplerActor(sampler, Sampling(max_tokens=40))), []

    def ask(episode):
        return Ask(episode, Request(ids32([1, 2]), (0, 0, episode, 0)), "", None, None, chat)

    line.between(lambda: seen.append("idle"))
    line.put(ask(0))
    line.between(lambda: seen.append(len(sampler.line)))
    line.put(ask(1))
    assert seen == ["idle"] and line.waiting == 2 and len(sampler.line) == 1
    assert [asked.episode for asked, _ in line.advance()] == [0]
    assert seen == ["idle", 0] and line.waiting == 1
    assert [asked.episode for asked, _ in line.advance()] == [1]
    assert not line.waiting


def test_starts_come_while_others_play_until_the_stage_is_shut():
    chat = chat_of()
    collector = Collector(Doors, PlayerActor("random"), chat, seed=0, parallel=2)
    inbox, ended = SimpleQueue(), []
    starts = starts_of(4, group=1)

    def told(episode, tokens):
        if episode.over is None:
            return
        ended.append(episode.start.task.id)
        if len(ended) == 2:
            inbox.put(lambda stage, line: stage.add(starts[2:], collector.rules(1)))
        if len(ended) == 4:
            inbox.put(lambda stage, line: stage.shut())

    inbox.put(lambda stage, line: stage.add(starts[:2], collector.rules(0)))
    collector.play_on(inbox, told)
    assert sorted(ended) == sorted(start.task.id for start in starts)
