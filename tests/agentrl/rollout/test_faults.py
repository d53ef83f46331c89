"""Runs in environments that crash, hang, dawdle, leak and talk nonsense: they end, and say what was lost."""

import gc
import resource
import time

import pytest

from agentrl import child
from agentrl.config import parse
from agentrl.gather import whole_groups
from agentrl.rollout.collect import Collector, Start
from agentrl.rollout.workers import Environments
from tests.agentrl.rollout.test_workers import CHAT, EXPERT, FAULTY, played, policy, task_of

DEADLINE = 0.5
SLACK = 5.0
"""seconds for which a busy machine may keep a call that is over from being seen so"""
REASONS = ("no answer within", "ended by SIGSEGV", "no answer", "answered garbage")


@pytest.fixture
def waits(monkeypatch):
    """Return how long every call lasted."""
    found = []
    call = child.Child.call

    def timed(self, *args, deadline):
        starts, begun = self.starts, time.monotonic()
        try:
            return call(self, *args, deadline=deadline)
        finally:
            if self.starts == starts:  # a start has a limit of its own
                found.append(time.monotonic() - begun)

    monkeypatch.setattr(child.Child, "call", timed)
    return found


def faulty(*words, **shares):
    options = [f"env.{fault}={share}" for fault, share in shares.items()]
    settled = [f"env={FAULTY}", "algo=gigpo", "rollout.workers=4", f"rollout.deadline={DEADLINE}"]
    return Environments(parse([*settled, *options, *words]))


def groups(count, size=4):
    return [Start(task_of(n), f"g{n}", k, n) for n in range(count) for k in range(size)]


@pytest.mark.parametrize("schedule", ["logical", "eager"])
@pytest.mark.parametrize("fault", ["crash", "hang", "slow", "garbage"])
def test_a_tenth_of_all_actions_gone_wrong_costs_those_episodes_only(waits, schedule, fault):
    with faulty(**{fault: 0.1}) as worlds:
        found = played(worlds, EXPERT, groups(10), schedule=schedule, threads=4)
    lost = [t for t in found if not t.scorable]
    assert all(t.success for t in found if t.scorable)
    assert all(any(reason in t.reason for reason in REASONS) for t in lost)
    assert bool(lost) == (fault != "slow")  # 160 actions: that none is hit has a chance of 5e-8
    assert all(t.outcome == ("deadline" if fault == "hang" else "environment_error") for t in lost)
    assert max(waits) < DEADLINE + SLACK


def test_groups_that_lost_a_member_enter_no_statistics():
    starts = groups(3)
    starts[5] = Start(task_of(1, act="crash"), "g1", 1, 1)
    with faulty() as worlds:
        found = played(worlds, EXPERT, starts, threads=4)
    assert [t.group for t in found if not t.scorable] == ["g1"]
    assert [t.group for t in whole_groups(found)] == ["g0"] * 4 + ["g2"] * 4


@pytest.mark.slow
def test_two_hundred_iterations_of_every_fault_leave_nothing_behind(waits):
    shares = {"crash": 0.02, "hang": 0.005, "slow": 0.1, "garbage": 0.02, "leak": 256}
    sizes = []
    with faulty("rollout.growth=16", "rollout.recycle=50", **shares) as worlds:
        collector = Collector(lambda: worlds("train"), policy(), CHAT, 0, parallel=16, threads=4)
        for iteration in range(200):
            actor = EXPERT if iteration % 2 else collector.actor
            found = [
                e.trajectory
                for e in Collector(collector.make_env, actor, CHAT, iteration, parallel=16, threads=4).play(
                    groups(4)
                )
            ]
            assert all(t.scorable or any(reason in t.reason for reason in REASONS) for t in found)
            gc.collect()
            sizes.append(resident())
        assert len(worlds._workers) == 16
    assert max(waits) < DEADLINE + SLACK
    assert max(sizes[20:]) < 1.05 * max(sizes[:20]), "this process grew"


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()
