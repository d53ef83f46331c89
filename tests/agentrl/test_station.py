"""An actor's process plays tickets as they come, and each turn says which weights wrote it."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
import torch

from agentrl.cluster.base import gathered
from agentrl.cluster.local import LocalHost
from agentrl.config import make_env, parse
from agentrl.errors import ConfigError, DeadlineError
from agentrl.evaluate import chat_of
from agentrl.learner.model import Policy
from agentrl.learner.start import new_policy
from agentrl.rollout.episode import Start
from agentrl.settings import Settings
from agentrl.station import Model, Report, Station, Ticket
from agentrl.sync import Probe

WORDS = ["algo=grpo", "model.hidden=16", "model.layers=1", "model.heads=2", "run.staleness=1"]
SLOW = "tests/agentrl/slow.py:Slow"
LATE = 120.0


def made(*words: str, env: str = "guess") -> tuple[Settings, Policy, Model]:
    settings = parse([*WORDS, f"env={env}", *words])
    world = make_env(settings, "train")
    policy = new_policy(settings.model, world, world.tasks("train"), 3)
    chat = chat_of(settings, policy.tokenizer, policy.module.config)
    return settings, policy, Model(policy.module.config, policy.tokenizer, policy.ends | {chat.end})


def ticket(settings: Settings, number: int, size: int = 2) -> Ticket:
    task = make_env(settings, "train").tasks("train")[number]
    return Ticket(number, 7, tuple(Start(task, f"g{number}", sample, number) for sample in range(size)))


def weights_of(policy: Policy) -> dict[str, Any]:
    return {name: tensor.detach().clone() for name, tensor in policy.weights()}


@pytest.fixture
def host() -> Iterator[LocalHost]:
    host = LocalHost()
    yield host
    host.close()


def played(station: Station, count: int, first: Report) -> list[Report]:
    """Return reports until so many groups have come back."""
    reports = [first]
    while sum(len(report.played) for report in reports) < count:
        reports.append(station.turn((), None, 0))
    return reports


def test_a_process_plays_what_comes_while_it_plays(host: LocalHost) -> None:
    settings, policy, model = made()
    member = host.start("actor 0", partial(Station, settings, model))
    weights = host.share(weights_of(policy))
    (report,) = gathered([member.call("turn", (ticket(settings, 0),), weights, 5, deadline=LATE)])
    found = list(report.played)
    (report,) = gathered([member.call("turn", (ticket(settings, 1),), None, 5, deadline=LATE)])
    while len(found := [*found, *report.played]) < 2:
        (report,) = gathered([member.call("turn", (), None, 5, deadline=LATE)])
    assert sorted(one.ticket for one in found) == [0, 1]
    for one in found:
        assert [episode.sample for episode in one.episodes] == [0, 1]
        assert {episode.group for episode in one.episodes} == {f"g{one.ticket}"}
        assert {version for e in one.episodes for turn in e.turns for version, _ in turn.versions} == {5}
    assert report.under_way == () and report.version == 5
    probe = Probe(len(policy.tokenizer), settings.rollout.max_context)
    assert report.mark == pytest.approx(probe.of(policy), abs=1e-6)


def test_random_numbers_are_the_tickets_own_whoever_plays_beside_it() -> None:
    settings, policy, model = made()
    alone, among = Station(settings, model), Station(settings, model)
    try:
        one = played(alone, 1, alone.turn((ticket(settings, 2),), weights_of(policy), 0))
        three = tuple(ticket(settings, number) for number in (0, 1, 2))
        all_three = played(among, 3, among.turn(three, weights_of(policy), 0))
        texts = [[turn.text for turn in e.turns] for r in one for p in r.played for e in p.episodes]
        same = [p for r in all_three for p in r.played if p.ticket == 2]
        assert texts == [[turn.text for turn in e.turns] for p in same for e in p.episodes]
    finally:
        alone.close()
        among.close()


def test_an_episode_goes_on_with_newer_weights_and_says_which_wrote_what() -> None:
    settings, policy, model = made("env.max_turns=30", "run.overdue=train", env=SLOW)
    station = Station(settings, model)
    try:
        reports, version = [station.turn((ticket(settings, 0),), weights_of(policy), 0)], 0
        while not reports[-1].played:
            version += 1
            reports.append(station.turn((), weights_of(policy), version))
        turns = [turn for episode in reports[-1].played[0].episodes for turn in episode.turns]
        runs = [run for turn in turns for run in turn.versions]
        assert version and {0, 1} <= {number for number, _ in runs}
        assert [count for _, count in runs] == [len(turn.action_ids) for turn in turns]
        for episode in reports[-1].played[0].episodes:
            numbers = [number for turn in episode.turns for number, _ in turn.versions]
            assert numbers == sorted(numbers)
        (way,) = reports[0].under_way
        assert (way.ticket, way.turns > 0) == (0, True)
    finally:
        station.close()


def test_a_group_that_is_too_old_already_is_not_played_to_its_end() -> None:
    settings, policy, model = made("env.max_turns=1000", "env.seconds=0.3", env=SLOW)
    station = Station(settings, model)
    try:
        station.turn((ticket(settings, 0),), weights_of(policy), 0)
        assert not station.turn((), weights_of(policy), 1).played  # within the bound
        (report,) = played(station, 1, station.turn((), weights_of(policy), 2))[-1:]
        for episode in report.played[0].episodes:
            assert (episode.outcome, episode.scorable) == ("abandoned", False)
            assert "run.staleness=1" in episode.reason and 0 < len(episode.turns) < 1000
            assert episode.metrics["token_violations"] == 0
        assert report.under_way == ()
    finally:
        station.close()


def test_an_episode_that_stands_still_is_told() -> None:
    settings, policy, model = made("env.seconds=4", "cluster.deadline=1.5", env=SLOW)
    station = Station(settings, model)
    try:
        station.turn((ticket(settings, 0),), weights_of(policy), 0)
        with pytest.raises(DeadlineError, match=r"an episode of task \S+ has not moved for"):
            station.turn((), None, 0)
    finally:
        station.close()


def test_what_the_sampler_raises_is_told_by_the_next_turn(host: LocalHost) -> None:
    settings, _, model = made()
    member = host.start("actor 0", partial(Station, settings, model))
    wrong = {"no.such.weight": torch.zeros(1)}
    with pytest.raises(ConfigError, match=r"the model has no weight 'no\.such\.weight'"):
        member.call("turn", (), wrong, 0, deadline=LATE).result()


def test_what_ends_the_thread_that_plays_is_told_by_every_turn(host: LocalHost) -> None:
    settings, policy, model = made()
    three = ticket(settings, 0)
    object.__setattr__(settings, "env_options", {"no": 1})
    member = host.start("actor 0", partial(Station, settings, model))
    for weights in (weights_of(policy), None):
        with pytest.raises(ConfigError, match="env 'guess' has no option 'no'"):
            member.call("turn", (three,), weights, 0, deadline=LATE).result()
