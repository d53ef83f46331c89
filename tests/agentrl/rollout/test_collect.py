"""Collected episodes: what turns hold, how episodes end, and what they do not depend on."""

from dataclasses import replace

import pytest

from agentrl.env import Reply, TextEnv
from agentrl.errors import ConfigError
from agentrl.rollout.chat import Chat, Format
from agentrl.rollout.collect import Collector, PlayerActor, SamplerActor, Start, collect
from agentrl.rollout.hf import HFSampler
from agentrl.rollout.scripted import ScriptedSampler
from agentrl.types import Sampling, Task
from agentrl_envs.guess import Guess
from tests.agentrl.rollout.examples import Doors, model, tasks, tokenizer

MODES = [("window", "plain"), ("window", "think"), ("transcript", "plain"), ("transcript", "think")]


def chat_of(mode="window", style="plain", family="chatml", **form):
    return Chat(tokenizer(family), Format(mode, style, **form))


def starts_of(count, group=2):
    return [Start(task, task.id, k, n) for n, task in enumerate(tasks(count)) for k in range(group)]


def saying(chat, *actions):
    """Return an actor that says these actions in turn, the last for ever, whatever it reads."""
    said: dict[int, int] = {}

    def script(context):
        turn = said[0] = said.get(0, -1) + 1
        return chat.reply(actions[min(turn, len(actions) - 1)])

    return SamplerActor(ScriptedSampler(script, eos_ids=[chat.end], logprob=-0.5), Sampling(max_tokens=40))


def policy(chat, module=None, **options):
    ends = [chat.end, *range(150, 200)]
    return SamplerActor(
        HFSampler(module or model(), eos_ids=ends, pad_id=0, **options), Sampling(max_tokens=6)
    )


def timeless(trajectories):
    return [replace(t, turns=tuple(replace(turn, seconds=0.0) for turn in t.turns)) for t in trajectories]


def right(task):
    """Return the three right doors of a task."""
    env = Doors()
    env.reset(options={"task": task})
    return env.right


def test_a_turn_holds_what_was_read_said_and_earned():
    chat = chat_of()
    task = tasks(1)[0]
    actor = saying(chat, "jump", *right(task))
    (episode,) = collect([Start(task, "g", 3, 9)], Doors, actor, chat, seed=5, reward_weights={"bonus": 2.0})
    assert (episode.outcome, episode.success, episode.score, episode.terminated) == (
        "success",
        True,
        1.0,
        True,
    )
    assert (episode.group, episode.sample, episode.seed, episode.truncated) == ("g", 3, 5, False)
    assert [turn.action for turn in episode.turns] == ["jump", *right(task)]
    assert [turn.admissible for turn in episode.turns] == [False, True, True, True]
    assert [dict(turn.rewards) for turn in episode.turns] == [
        {"task": 0.0},
        {"task": 0.25, "bonus": 0.5},
        {"task": 0.25, "bonus": 0.5},
        {"task": 1.0},
    ]
    assert episode.ret == pytest.approx(0.25 + 0.25 + 1 + 2 * (0.5 + 0.5))
    first, second = episode.turns[:2]
    assert first.observation == "You stand before door 0." and second.observation == "You jam."
    assert first.state_key != second.state_key
    assert first.action_ids == chat.reply("jump") and first.logprobs.tolist() == [-0.5] * len(
        first.action_ids
    )
    assert first.versions == ((0, len(first.action_ids)),) and first.sampling.max_tokens == 40
    assert "jump (invalid)" in chat.decoded(second.prompt_ids)
    assert [r.key for r in actor.sampler.asked] == [(5, 9, 3, turn) for turn in range(4)]


def test_wrong_doors_and_the_turn_limit_end_an_episode():
    chat = chat_of()
    task = tasks(1)[0]
    wrong = "left" if right(task)[1] == "right" else "right"
    (failed,) = collect([Start(task, "g", 0, 0)], Doors, saying(chat, right(task)[0], wrong), chat, seed=0)
    assert (failed.outcome, failed.terminated, failed.success) == ("failure", True, False)
    assert failed.score == pytest.approx(1 / 3)
    (limited,) = collect([Start(task, "g", 0, 0)], Doors, saying(chat, "jump"), chat, seed=0)
    assert (limited.outcome, limited.terminated, limited.truncated, len(limited.turns)) == (
        "turn_limit",
        False,
        True,
        5,
    )


@pytest.mark.parametrize("mode", ["window", "transcript"])
def test_a_full_context_ends_an_episode_with_its_reason(mode):
    chat = chat_of(mode, max_context=120 if mode == "transcript" else 60)
    (episode,) = collect([Start(tasks(1)[0], "g", 0, 0)], Doors, saying(chat, "jump"), chat, seed=0)
    assert (episode.outcome, episode.truncated, episode.scorable) == ("token_limit", True, True)
    assert "40 tokens" in episode.reason and "max_context" in episode.reason
    assert len(episode.turns) == (0 if mode == "window" else 1)


def test_an_environment_that_raises_ends_its_own_episode_only():
    chat = chat_of()
    starts = starts_of(3, group=1)
    broken = replace(starts[1], task=Task("b", "train", 0, {"broken": True}))
    made = []

    def make():
        made.append(Doors())
        return made[-1]

    collector = Collector(make, saying(chat, "jump"), chat, seed=0, parallel=1)
    first, second, third = (episode.trajectory for episode in collector.play([starts[0], broken, starts[2]]))
    assert (second.outcome, second.reason, second.turns) == (
        "environment_error",
        "KeyError: 'no such house'",
        (),
    )
    assert not second.scorable and first.outcome == third.outcome == "turn_limit"
    assert len(made) == 2  # the first one served twice, and the one that raised was thrown away
    (fallen,) = collect(starts[:1], Doors, saying(chat, "jump", "break"), chat, seed=0)
    assert fallen.reason == "ZeroDivisionError: the house fell down"
    assert [turn.action for turn in fallen.turns] == ["jump", "break"] and fallen.metrics[
        "token_violations"
    ] == 0


def test_an_environment_that_ends_the_program_ends_its_own_episode_only():
    class Leaving(Doors):
        def act(self, action):
            raise SystemExit(3)

    chat = chat_of()
    (gone,) = collect(starts_of(1, group=1), Leaving, saying(chat, "jump"), chat, seed=0)
    assert (gone.outcome, gone.reason) == ("environment_error", "SystemExit: 3")


@pytest.mark.parametrize(("mode", "style"), MODES)
def test_an_episode_is_the_same_whoever_plays_beside_it(mode, style):
    chat = chat_of(mode, style, max_context=1024)
    starts = starts_of(4)
    together = timeless(collect(starts, Guess, policy(chat), chat, seed=3))
    narrow = [
        e.trajectory
        for e in Collector(Guess, policy(chat, max_batch_tokens=900), chat, 3, parallel=3).play(starts)
    ]
    alone = [collect([start], Guess, policy(chat), chat, seed=3)[0] for start in starts[::-1]][::-1]
    for one, two, three in zip(together, timeless(narrow), timeless(alone), strict=True):
        assert (
            [t.action_ids for t in one.turns]
            == [t.action_ids for t in two.turns]
            == [t.action_ids for t in three.turns]
        )
        assert near(one) == near(two) == near(three)
    assert len({tuple(t.text for t in e.turns) for e in together}) == len(starts)
    other = collect(starts, Guess, policy(chat), chat, seed=4)
    assert [t.text for t in other[0].turns] != [t.text for t in together[0].turns]


def near(trajectory):
    """Return the trajectory without its log-probabilities, which batching may change in the last digit."""
    return replace(trajectory, turns=tuple(replace(turn, logprobs=None) for turn in trajectory.turns))


@pytest.mark.parametrize(("mode", "style"), MODES)
@pytest.mark.parametrize("family", ["chatml", "headers", "stripping"])
def test_what_is_recorded_is_what_the_sampler_saw_and_said(mode, style, family):
    chat = chat_of(mode, style, family, max_context=1024)
    scripted = ScriptedSampler(
        lambda ids: [*[4 + (ids[-3] * 7 + len(ids)) % 400] * 3, chat.end], eos_ids=[chat.end]
    )
    episodes = collect(starts_of(3), Doors, SamplerActor(scripted, Sampling(max_tokens=8)), chat, seed=0)
    asked = {request.key: request.prompt for request in scripted.asked}
    for number, episode in enumerate(episodes):
        assert episode.metrics["token_violations"] == 0
        context = []
        for place, turn in enumerate(episode.turns):
            context = [*([] if turn.fresh else context), *turn.prompt_ids]
            assert asked[(0, number // 2, number % 2, place)].tolist() == context
            context += turn.action_ids


def test_a_record_that_differs_from_what_was_sampled_is_counted():
    chat = chat_of()

    class Meddling(ScriptedSampler):
        def generate(self, requests, sampling):
            for request in self.asked:
                request.prompt[0] += 1  # somebody writes into a prompt after it was sampled from
            return super().generate(requests, sampling)

    sampler = Meddling(lambda ids: chat.reply("jump"), eos_ids=[chat.end])
    (episode,) = collect(
        [Start(tasks(1)[0], "g", 0, 0)], Doors, SamplerActor(sampler, Sampling()), chat, seed=0
    )
    assert episode.metrics["token_violations"] == 4


def test_players_win_or_not_and_their_replies_read_as_what_they_did():
    for mode, style in MODES:
        chat = chat_of(mode, style, max_context=2048)
        panel = Guess().tasks("dev").tasks[:20]
        starts = [Start(task, task.id, 0, n) for n, task in enumerate(panel)]
        experts = collect(starts, Guess, PlayerActor("expert"), chat, seed=0)
        assert all(e.success for e in experts) and all(turn.valid for e in experts for turn in e.turns)
        assert all(set(turn.logprobs) == {0.0} for e in experts for turn in e.turns)
        others = collect(starts, Guess, PlayerActor("demonstrator"), chat, seed=0)
        assert timeless(others) == timeless(collect(starts, Guess, PlayerActor("demonstrator"), chat, seed=0))
        assert [e.turns[0].action for e in others] != [e.turns[0].action for e in experts]
    with pytest.raises(ConfigError, match="lists no actions"):
        collect(starts, Guess, PlayerActor("random"), chat, seed=0)


def test_thoughts_of_players_are_written_where_replies_hold_them_and_may_be_dropped():
    chat = chat_of("window", "think", max_context=2048)
    starts = [Start(task, task.id, 0, n) for n, task in enumerate(Guess().tasks("dev").tasks[:20])]

    def thoughts(silence):
        episodes = collect(starts, Guess, PlayerActor("expert", silence=silence), chat, seed=0)
        said = [chat.decoded(turn.action_ids) for e in episodes for turn in e.turns]
        return ["<think></think>" not in text for text in said]

    assert all(thoughts(0.0)) and not any(thoughts(1.0))
    half = thoughts(0.5)
    assert 0.3 < sum(half) / len(half) < 0.7
    assert half == thoughts(0.5)


@pytest.mark.parametrize("style", ["plain", "think"])
def test_best_admissible_takes_the_listed_action_the_model_likes_most(style):
    chat = chat_of("window", style)
    actor = policy(chat)
    actor = replace(actor, decode="best_admissible")
    for episode in collect(starts_of(3, group=1), Doors, actor, chat, seed=0):
        for turn in episode.turns:
            assert turn.valid and turn.action in ("left", "right") and turn.action_ids[-1] == chat.end
            ((left, right),) = actor.sampler.score(
                [actor_request(turn)], [[chat.option("left"), chat.option("right")]]
            )
            assert turn.action == ("left" if left >= right else "right")


def actor_request(turn):
    from agentrl.types import Request

    return Request(turn.prompt_ids, (0, 0, 0, 0))


def test_best_admissible_decodes_greedily_where_nothing_is_listed():
    chat = chat_of(max_context=1024)
    starts = [Start(task, task.id, 0, n) for n, task in enumerate(Guess().tasks("dev").tasks[:3])]
    best = collect(starts, Guess, replace(policy(chat), decode="best_admissible"), chat, seed=0)
    greedy = collect(starts, Guess, replace(policy(chat), sampling=Sampling(0.0, max_tokens=6)), chat, seed=1)
    assert [[t.action_ids for t in e.turns] for e in best] == [
        [t.action_ids for t in e.turns] for e in greedy
    ]


def test_progress_tells_episodes_and_tokens():
    chat = chat_of()
    told = []
    collector = Collector(
        Doors, saying(chat, "jump"), chat, 0, progress=lambda *n: told.append(n), parallel=2
    )
    episodes = collector.play(starts_of(2))
    tokens = sum(len(turn.action_ids) for e in episodes for turn in e.trajectory.turns)
    assert told[-1] == (4, 4, tokens) and [done for done, _, _ in told] == sorted(done for done, _, _ in told)


def test_no_start_gives_no_trajectory():
    chat = chat_of()
    assert collect([], Doors, saying(chat, "x"), chat, seed=0) == []


def test_an_action_that_is_not_text_at_all_is_no_crash():
    class Echo(TextEnv):
        name, max_turns = "echo", 2

        def begin(self, task):
            return ""

        def act(self, action):
            return Reply(action)

    chat = chat_of("transcript", "think", max_context=1024)
    sampler = ScriptedSampler(lambda ids: [10 + len(ids) % 200, 200, 255], eos_ids=[chat.end])
    (episode,) = collect(
        [Start(tasks(1)[0], "g", 0, 0)], Echo, SamplerActor(sampler, Sampling()), chat, seed=0
    )
    assert episode.outcome == "turn_limit" and not any(turn.format_valid for turn in episode.turns)


def test_environments_are_closed_and_one_that_cannot_be_ends_nothing(caplog):
    closed = []

    class Closing(Doors):
        def close(self):
            closed.append(self)
            raise OSError("stuck")

    chat = chat_of()
    episodes = collect(starts_of(2), Closing, saying(chat, "jump", "break"), chat, seed=0)
    assert len(episodes) == len(set(map(id, closed))) == 4
    assert "could not be closed" in caplog.text
