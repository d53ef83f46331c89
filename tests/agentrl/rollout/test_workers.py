"""Environments in workers: they play as in process, and what goes wrong there stays there."""

import inspect
import threading
import time
from dataclasses import replace

import pytest

from agentrl.config import parse
from agentrl.errors import ConfigError, DeadlineError, EpisodeError
from agentrl.rollout.chat import Chat, Format
from agentrl.rollout.collect import Collector, PlayerActor, SamplerActor, Start
from agentrl.rollout.hf import HFSampler
from agentrl.rollout.inside import Inside
from agentrl.rollout.workers import Environments
from agentrl.types import Sampling, Task
from agentrl_envs.guess import Guess
from tests.agentrl.rollout.examples import model, tokenizer
from tests.agentrl.test_child import alive, gone

FAULTY = "tests/agentrl/rollout/faulty.py"


def settings(*words):
    return parse([f"env={FAULTY}", "algo=gigpo", *words])


@pytest.fixture
def worlds():
    """Return a maker of environments in workers; all are ended with the test."""
    made = []

    def make(*words):
        count = [] if any(word.startswith("rollout.workers=") for word in words) else ["rollout.workers=2"]
        made.append(Environments(settings(*count, *words)))
        return made[-1]

    yield make
    for one in made:
        one.close()


def task_of(number, **data):
    return Task(f"t{number}", "train", number, data)


def played(worlds, actor, starts, **options):
    collector = Collector(lambda: worlds("train"), actor, CHAT, 0, **{"threads": 2, **options})
    return [episode.trajectory for episode in collector.play(starts)]


def timeless(trajectories):
    return [replace(t, turns=tuple(replace(turn, seconds=0.0) for turn in t.turns)) for t in trajectories]


CHAT = Chat(tokenizer("chatml"), Format("window", "plain"))
EXPERT = PlayerActor("expert")


def policy():
    ends = [CHAT.end, *range(150, 200)]
    return SamplerActor(HFSampler(model(), eos_ids=ends, pad_id=0), Sampling(max_tokens=6))


@pytest.mark.parametrize(
    ("schedule", "actor"), [("logical", "policy"), ("logical", "expert"), ("eager", "expert")]
)
def test_episodes_are_those_of_environments_in_process(worlds, schedule, actor):
    starts = [Start(task_of(n), f"g{n}", 0, n) for n in range(6)]
    here = Environments(settings())
    found = []
    for kind, how in ((here, "logical"), (worlds(), schedule)):
        player = EXPERT if actor == "expert" else policy()
        found.append(timeless(played(kind, player, starts, schedule=how, parallel=4)))
    assert found[0] == found[1]
    assert {t.success for t in found[0]} == {actor == "expert"}


def test_the_surface_is_that_of_an_environment_in_process(worlds):
    here = Environments(settings())("dev")
    there = worlds()("dev")
    assert there.tasks("dev") == here.tasks("dev")
    assert (there.max_turns, there.name, there.restorable) == (8, "faulty", "replay")
    assert there.instructions() == here.instructions()
    assert there.reset(seed=3) == here.reset(seed=3)
    assert there.step("jump") == here.step("jump")
    say = there.player("expert", 0)
    assert there.step(say(there.render())) == here.step(here.player("expert", 0)(here.render()))
    taken = there.snapshot()
    answers = [here.step("left"), here.step("right")] if not here._over else []
    assert [there.step("left"), there.step("right")] == answers or answers == []
    again = worlds()("dev")
    assert again.restore(taken)[0] == here.restore(taken)[0]
    assert again.state_key() == here.state_key()
    assert again.goal() == here.goal() == "reach the end"
    with pytest.raises(ConfigError, match="has no nobody"):
        there.player("nobody", 0)


def test_a_players_thought_leaves_the_process_with_its_action():
    inside = Inside(inspect.getfile(Guess) + ":Guess", {})
    task = Guess("train").tasks("train")[0]
    scene = inside("begin", "train", task)
    action, thought = inside("play", inside("player", "demonstrator", 0), scene["observation"])
    assert type(action) is type(thought) is str
    assert action and thought


@pytest.mark.parametrize(
    ("fault", "outcome", "reason"),
    [
        ("crash", "environment_error", "ended by SIGSEGV"),
        ("exit", "environment_error", "exit code 3"),
        ("hang", "deadline", "no answer within 3 s"),
        ("spin", "deadline", "no answer within 3 s"),
        ("garbage", "environment_error", "no answer"),
        ("raise", "environment_error", "ZeroDivisionError: the house fell down"),
        ("eat", "environment_error", "MemoryError"),
    ],
)
@pytest.mark.parametrize("schedule", ["logical", "eager"])
@pytest.mark.parametrize("when", ["begin", "act", "player"])
def test_a_fault_costs_its_own_episode_and_no_other(worlds, fault, outcome, reason, schedule, when):
    starts = [Start(task_of(n), "g", n, n) for n in range(6)]
    starts[2] = Start(task_of(2, **{when: fault}), "g", 2, 2)
    if (fault, when) == ("raise", "player"):
        reason = "ZeroDivisionError"
    # Healthy neighbours must answer in time on a busy machine too.
    deadline = 3 if outcome == "deadline" else 60
    made = worlds(f"rollout.deadline={deadline}", "rollout.growth=200")
    found = played(made, EXPERT, starts, schedule=schedule)
    assert [t.success for t in found] == [n != 2 for n in range(6)]
    assert found[2].outcome == outcome
    assert reason in found[2].reason
    assert not found[2].scorable
    assert len(found[2].turns) == (0 if when == "begin" else 1 if when == "player" else 2)


def test_a_reward_that_is_no_number_is_garbage(worlds):
    (found,) = played(worlds(), EXPERT, [Start(task_of(0, act="nan"), "g", 0, 0)])
    assert found.outcome == "environment_error"
    assert "answered garbage: rewards and scores are finite" in found.reason
    assert found.ret == 0


def test_after_a_failure_only_a_new_beginning_goes_on(worlds):
    env = worlds("rollout.deadline=3")("train")
    env.reset(options={"task": task_of(1)})
    with pytest.raises(DeadlineError):
        env.step("hang")
    with pytest.raises(EpisodeError, match="finished episode"):
        env.step("left")
    assert env.reset(options={"task": task_of(1)})[0].startswith("Door 0.")


def test_a_process_is_replaced_after_its_share_of_episodes(worlds):
    some = worlds("rollout.recycle=3")
    found = played(some, EXPERT, [Start(task_of(n), "g", n, n) for n in range(40)], parallel=4)
    assert all(t.success for t in found)
    assert [worker.child.starts for worker in some._workers] == [4] * 4


def test_a_process_that_has_grown_is_replaced(worlds):
    some = worlds("env.leak=2048", "rollout.growth=30")
    found = played(some, EXPERT, [Start(task_of(n), "g", n, n) for n in range(60)], parallel=4)
    assert all(t.success for t in found)
    assert all(2 < worker.child.starts < 10 for worker in some._workers)
    assert all(worker.child.resident < 200 for worker in some._workers)


def test_environments_go_home_and_are_used_again(worlds):
    some = worlds()
    for _ in range(3):
        played(some, EXPERT, [Start(task_of(n), "g", n, n) for n in range(6)], parallel=3)
    assert [worker.child.starts for worker in some._workers] == [1] * 3


def test_who_waits_for_a_turn_is_not_late_for_that(worlds):
    some = worlds("rollout.deadline=3", "rollout.workers=1")
    env, other = some("train"), some("train")
    env.reset(options={"task": task_of(0)})
    other.reset(options={"task": task_of(1)})
    failures = []

    def hang():
        try:
            env.step("hang")
        except DeadlineError as why:
            failures.append(why)

    thread = threading.Thread(target=hang)
    thread.start()
    time.sleep(0.7)
    assert other.step("jump")[0] == "You jam."
    thread.join()
    assert len(failures) == 1


def test_no_process_outlives_the_run(worlds):
    some = worlds()
    for env in (envs := [some("train") for _ in range(3)]):
        env.reset(seed=0)
    pids = [env._worker.child.pid for env in envs]
    assert all(alive(pid) for pid in pids)
    some.close()
    assert all(gone(pid) for pid in pids)
