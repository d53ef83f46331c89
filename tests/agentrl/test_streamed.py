"""Batches of groups that come in any order, from processes that may be lost: each ticket is trained on once.

The processes are puppets: they finish what the data say, when the data say it, or are gone.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentrl.cluster.base import ONE, Call, Need
from agentrl.config import make_algo, make_env, parse
from agentrl.errors import LostError, RunError
from agentrl.evaluate import chat_of
from agentrl.given import Given
from agentrl.learner.model import Policy
from agentrl.learner.start import new_policy
from agentrl.rollout.scripted import ScriptedSampler
from agentrl.settings import Settings
from agentrl.station import Played, Report, Ticket
from agentrl.streamed import Streamed
from agentrl.sync import Probe
from agentrl.types import Trajectory, Turn, floats32, ids32

TASKS, LAST = 3, 6
WORDS = ["env=guess", "algo=grpo", "group_size=2", f"rollout.tasks={TASKS}", f"iterations={LAST}"]
TINY = ["model.hidden=16", "model.layers=1", "model.heads=2"]


def played(ticket: Ticket, first: int, last: int) -> Played:
    """Return what became of a ticket whose first token had one version and whose last another."""

    def turn(version: int, reward: float) -> Turn:
        ids, logprobs = ids32([3, 4]), floats32([-1.0, -2.0])
        return Turn(
            "", ids32([1, 2]), ids, logprobs, "", "", {"reward": reward}, "", versions=((version, 2),)
        )  # fmt: skip

    return Played(ticket.number, tuple(
        Trajectory(
            start.task, start.group, start.sample, (turn(first, 0.0), turn(last, float(start.sample))),
            "failure", ret=float(start.sample),
        )
        for start in ticket.starts
    ))  # fmt: skip


class Puppet:
    """A process that does what its host says."""

    def __init__(self, name: str, host: "Puppets") -> None:
        self.name, self.host, self.alive = name, host, True
        self.version = -1
        self.held: dict[int, tuple[Ticket, int]] = {}

    def call(self, method: str, *args: Any, deadline: float) -> Call:
        call = Call(self, method, deadline)
        if method != "turn":
            call.answered(None)
            return call
        tickets, weights, version = args
        if weights is not None:
            self.version = version
        assert self.version == version, "it plays with weights that are not those it should have"
        for ticket in tickets:
            assert ticket.number not in self.host.held(), "a ticket is played twice at the same time"
            self.held[ticket.number] = ticket, version
        self.host.watch()
        if self.host.dies():
            call.lost(LostError(f"{self.name}: gone"))
            return call
        done = [number for number in self.held if self.host.ends()]
        found = tuple(played(*self.held.pop(number), version) for number in done)
        call.answered(Report(found, (), version, self.host.mark))
        return call

    def end(self) -> None:
        self.alive = False
        self.held.clear()


class Puppets:
    """A host of them."""

    def __init__(self, mark: float, dies: Callable[[], bool], ends: Callable[[], bool]) -> None:
        self.mark, self.dies, self.ends = mark, dies, ends
        self.members: list[Puppet] = []
        self.watch: Callable[[], None] = lambda: None

    def start(self, name: str, make: Callable[[], Any], need: Need = ONE) -> Puppet:
        self.members.append(Puppet(name, self))
        return self.members[-1]

    def held(self) -> set[int]:
        return {number for member in self.members for number in member.held}

    def share(self, value: Any) -> Any:
        return value

    def close(self) -> None:
        for member in self.members:
            member.end()


@pytest.fixture(scope="module")
def world() -> Callable[..., tuple[Streamed, Policy]]:
    first = parse([*WORDS, *TINY, "run.staleness=1"])
    env = make_env(first, "train")
    panel = env.tasks("train")
    policy = new_policy(first.model, env, panel, 3)
    chat = chat_of(first, policy.tokenizer, policy.module.config)
    sampler = ScriptedSampler(lambda context: ids32([chat.end]), eos_ids=[chat.end])
    mark = Probe(len(policy.tokenizer), first.rollout.max_context).of(policy)

    def made(chosen: Settings, host: Puppets, saved: dict[str, Any]) -> tuple[Streamed, Policy]:
        host.mark = host.mark or mark
        ways = (lambda split: env), chat, sampler, Path("trajectories"), Given(), saved
        streamed = Streamed(chosen, policy, host, make_algo(chosen), panel, *ways)
        most = (1 + chosen.run.staleness) * TASKS

        def watch() -> None:
            assert streamed.frontier.under_way <= most, "more groups are under way than the bound allows"

        host.watch = watch
        return streamed, policy

    return made


def numbers(episodes: list[Trajectory]) -> set[int]:
    return {int(episode.group.rpartition("@")[2]) for episode in episodes}


@given(data=st.data(), staleness=st.integers(1, 3), actors=st.integers(1, 3))
@settings(max_examples=40, suppress_health_check=list(HealthCheck))
def test_every_ticket_is_settled_once_whoever_is_lost_and_however_often_the_run_goes_on(
    world: Any, data: st.DataObject, staleness: int, actors: int
) -> None:
    chosen = parse([*WORDS, *TINY, f"run.staleness={staleness}", f"cluster.actors={actors}"])
    deaths, kills = data.draw(st.integers(0, 4)), data.draw(st.integers(0, 3))

    def dies() -> bool:
        nonlocal deaths
        if deaths and data.draw(st.integers(0, 5)) == 0:
            deaths -= 1
            return True
        return False

    host = Puppets(0.0, dies, lambda: data.draw(st.integers(0, 2)) > 0)
    streamed, policy = world(chosen, host, {})
    done, trained = 0, dict[int, int]()
    saved: tuple[dict[str, Any], int, dict[int, int]] = {}, 0, {}
    while done < LAST:
        streamed.renew(policy, done)
        table, metrics, episodes = streamed.gather(done)
        batch = numbers(episodes)
        assert table is not None and len(batch) == TASKS and not batch & trained.keys()
        assert metrics["staleness_max"] <= staleness
        assert sum(v for name, v in metrics.items() if name.startswith("stale_tokens/")) == len(table)
        trained |= dict.fromkeys(batch, done)
        done += 1
        accounts = dict(streamed.accounts)
        accounts.pop("reissued")
        assert accounts.pop("issued") == sum(accounts.values()) and accounts["trained"] == len(trained)
        what = data.draw(st.sampled_from(["on", "save", "kill"]))
        if what == "save":
            saved = streamed.state, done, dict(trained)
        elif what == "kill" and kills:
            kills -= 1
            open_before = [*streamed.frontier.of(saved[0].get("frontier", {})).open]
            streamed.close()
            streamed, policy = world(chosen, host, saved[0])
            done, trained = saved[1], dict(saved[2])
            assert streamed.frontier.open == open_before and not set(open_before) & trained.keys()
    settled = {ticket for ticket in range(streamed.frontier.issued)} - set(streamed.frontier.open)
    assert trained.keys() <= settled
    assert len(settled) - len(trained) == streamed.accounts.get("given_up/stale", 0)
    streamed.close()


@pytest.mark.parametrize(("overdue", "oldest", "stale"), [("drop", 0, TASKS), ("train", 5, 0)])
def test_what_is_too_old_when_its_turn_comes_is_given_up_unless_the_settings_say_otherwise(
    world: Any, overdue: str, oldest: int, stale: int
) -> None:
    chosen = parse([*WORDS, *TINY, "run.staleness=1", f"run.overdue={overdue}"])
    streamed, policy = world(chosen, Puppets(0.0, lambda: False, lambda: True), {})
    streamed.renew(policy, 0)
    streamed.gather(0)
    streamed.renew(policy, 5)
    _, metrics, _ = streamed.gather(5)
    assert metrics["staleness_max"] == oldest and metrics[f"stale/{oldest}"] == 1.0
    assert metrics["groups_given_up"] == streamed.accounts.get("given_up/stale", 0) == stale
    streamed.close()


def test_processes_that_are_lost_again_and_again_end_the_run_in_words(world: Any) -> None:
    chosen = parse([*WORDS, *TINY, "run.staleness=1", "cluster.actors=2"])
    streamed, policy = world(chosen, Puppets(0.0, lambda: True, lambda: True), {})
    streamed.renew(policy, 0)
    with pytest.raises(RunError, match="were lost 9 times in a row and no group was finished between"):
        streamed.gather(0)


def test_weights_that_did_not_arrive_end_the_run_in_words(world: Any) -> None:
    chosen = parse([*WORDS, *TINY, "run.staleness=1"])
    streamed, policy = world(chosen, Puppets(-1.0, lambda: False, lambda: True), {})
    streamed.renew(policy, 0)
    with pytest.raises(RunError, match="it samples from other weights than those trained"):
        streamed.gather(0)
