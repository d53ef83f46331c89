"""Beams over turns, and replies chosen by a value."""

import random
import re

import pytest

from agentrl.errors import ConfigError
from agentrl.rollout.collect import Collector, SamplerActor, collect
from agentrl.rollout.lookahead import Beam, searched
from agentrl.rollout.scripted import ScriptedSampler
from agentrl.rollout.valued import ValuedActor, last_context
from agentrl.types import Sampling, ids32
from tests.agentrl.rollout.examples import Doors, tasks
from tests.agentrl.rollout.test_collect import chat_of, right, starts_of, timeless


class Coin(ScriptedSampler):
    """Says left or right by its key alone, so that every candidate is a draw of its own."""

    def __init__(self, chat):
        super().__init__(lambda context: [], eos_ids=[chat.end])
        self.chat = chat

    def generate(self, requests, sampling):
        words = [random.Random(repr(request.key)).choice(["left", "right"]) for request in requests]
        drawn = iter([self.chat.reply(word) for word in words])
        self.script = lambda context: next(drawn)
        return super().generate(requests, sampling)


class Locked(Doors):
    """Doors that cannot be gone back to."""

    restorable = "no"


def worth(chat, task, lie=False):
    """Return a value that knows the way: how many right doors were taken; it may lie about the first one."""
    way = right(task)

    def value(context):
        taken = re.findall(r"assistant\n(left|right)", chat.decoded(context))
        good = [a == b for a, b in zip(taken, way, strict=False)]
        if lie and len(taken) == 1:
            return 0.4 if good[0] else 0.5
        return len(good) / 3 if all(good) else 0.0

    return lambda contexts: [value(context) for context in contexts]


def played(width, candidates, lie=False, count=6, parallel=256):
    chat = chat_of("transcript")
    sampler = Coin(chat)
    actor = SamplerActor(sampler, Sampling(max_tokens=8))
    collector = Collector(Doors, actor, chat, 0, parallel=parallel)
    found = []
    for start in starts_of(count, group=1):
        found += searched([start], collector, worth(chat, start.task, lie), Beam(width, candidates))[0]
    return found


def test_a_beam_whose_value_knows_the_way_finds_the_only_one_that_wins():
    assert all(episode.success for episode in played(2, 6))
    chances = [e.success for e in played(1, 1, count=12)]
    assert sum(chances) < len(chances) / 2, "a single draw does not"


def test_a_wider_beam_survives_a_value_that_is_wrong_about_a_step():
    greedy, wide = played(1, 8, lie=True), played(2, 8, lie=True)
    assert not any(episode.success for episode in greedy) and all(episode.success for episode in wide)


def test_what_is_tried_beside_the_way_is_counted():
    chat = chat_of("transcript")
    sampler = Coin(chat)
    actor = SamplerActor(sampler, Sampling(max_tokens=8))
    (start,) = starts_of(1, group=1)
    (episode,), spent = searched(
        [start], Collector(Doors, actor, chat, 0), worth(chat, start.task), Beam(2, 6)
    )
    # One of two doors is wrong and ends the episode, so one state is left after each turn.
    assert len(sampler.asked) == 3 * 6 and spent.restores == 2 * 6
    assert len(episode.turns) == 3 and spent.turns == 3 * 2, "equal replies in a state are played once"
    assert spent.tokens == sum(len(chat.reply(w)) for w in words(sampler))


def words(sampler):
    return [random.Random(repr(request.key)).choice(["left", "right"]) for request in sampler.asked]


def test_tasks_beside_each_other_change_nothing():
    chat = chat_of("transcript")
    values = lambda contexts: [float(len(c) % 7) for c in contexts]  # noqa: E731
    collector = Collector(Doors, SamplerActor(Coin(chat), Sampling(max_tokens=8)), chat, 0)
    starts = starts_of(5, group=1)
    together, _ = searched(starts, collector, values, Beam(2, 3))
    alone = [searched([start], collector, values, Beam(2, 3))[0][0] for start in starts]
    assert timeless(together) == timeless(alone)


def test_an_end_that_failed_to_play_is_taken_only_where_there_is_no_other():
    class Cracked(Doors):
        def act(self, action):
            if action == "left":
                raise OSError("the house fell down")
            return super().act(action)

    chat = chat_of("transcript")
    collector = Collector(Cracked, SamplerActor(Coin(chat), Sampling(max_tokens=8)), chat, 0)
    episodes, _ = searched(starts_of(6, group=1), collector, lambda c: [0.0] * len(c), Beam(2, 8))
    assert all(episode.outcome != "environment_error" for episode in episodes)
    (lost,), _ = searched(
        starts_of(1, group=1),
        Collector(Cracked, SamplerActor(only(chat, "left"), Sampling(max_tokens=8)), chat, 0),
        lambda c: [0.0] * len(c),
        Beam(2, 2),
    )
    assert lost.outcome == "environment_error"


def only(chat, word):
    return ScriptedSampler(lambda context: chat.reply(word), eos_ids=[chat.end])


def test_a_world_without_a_way_back_is_refused_in_words():
    chat = chat_of("transcript")
    collector = Collector(Locked, SamplerActor(Coin(chat), Sampling(max_tokens=8)), chat, 0)
    with pytest.raises(ConfigError, match=r"cannot be restored.*eval\.look=action"):
        searched(starts_of(1), collector, lambda c: [0.0] * len(c), Beam(1, 2))
    with pytest.raises(ConfigError, match="a search needs 1 or more"):
        searched(starts_of(1), collector, lambda c: [0.0] * len(c), Beam(0, 2))


def test_replies_are_chosen_by_the_value_of_their_end_without_a_way_back():
    chat = chat_of("transcript")
    for start in starts_of(4, group=1):
        actor = ValuedActor(
            SamplerActor(Coin(chat), Sampling(max_tokens=8)), worth(chat, start.task), count=8
        )
        (episode,) = collect([start], Locked, actor, chat, seed=0)
        assert episode.success
        assert actor.tokens > sum(len(turn.action_ids) for turn in episode.turns)


def test_one_candidate_is_the_policy_itself():
    chat = chat_of("transcript")
    plain = SamplerActor(Coin(chat), Sampling(max_tokens=8))
    starts = starts_of(4, group=2)
    valued = ValuedActor(plain, lambda c: [0.0] * len(c), count=1)
    assert timeless(collect(starts, Doors, valued, chat, seed=3)) == timeless(
        collect(starts, Doors, plain, chat, seed=3)
    )
    with pytest.raises(ConfigError, match="at least one"):
        ValuedActor(plain, lambda c: [0.0] * len(c), count=0)


@pytest.mark.parametrize("mode", ["transcript", "window"])
def test_the_last_context_is_what_the_sampler_saw_and_said_last(mode):
    chat = chat_of(mode)
    sampler = Coin(chat)
    (episode,) = collect(
        [starts_of(1)[0]], Doors, SamplerActor(sampler, Sampling(max_tokens=8)), chat, seed=1
    )
    assert last_context(episode) == sampler.asked[-1].prompt + episode.turns[-1].action_ids[:-1]
    assert last_context(type(episode)(tasks(1)[0], "g", 0, (), "environment_error")) == ids32()
