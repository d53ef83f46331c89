"""Groups as they come: actors play on while the driver trains, and how far the two may be apart is bounded.

At most (version + 1 + staleness) * tasks groups are trained on or under way, so with the oldest ticket taken
first a group is trained on within `staleness` iterations of its start, unless others overtook it; what became
too old that way is given up or not, by `run.overdue`.

Source: the bound is AReaL's (Fu et al. 2025, arXiv:2505.24298), section 5.1.
"""

import logging
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import torch

from agentrl.algo import Groups
from agentrl.cluster.base import Host
from agentrl.cluster.roles import roles
from agentrl.crew import Crew, News, Seat
from agentrl.evaluate import stream
from agentrl.frontier import TRAINED, Frontier
from agentrl.gather import Batch, Gatherer
from agentrl.learner.model import Policy
from agentrl.rollout.episode import Start
from agentrl.settings import Settings
from agentrl.station import Model, Played, Station, Ticket
from agentrl.sync import Probe, check_gap
from agentrl.types import Trajectory

LIVES = 5
"""processes that may be lost with a ticket before it is given up: it may be what ends them"""
log = logging.getLogger("agentrl")


def gatherer_of(settings: Settings, policy: Policy, host: Host, *how: Any) -> Gatherer:
    """Return what gathers a run's batches: in turn with training, or from actors that play on beside it."""
    return Streamed(settings, policy, host, *how) if settings.run.staleness else Gatherer(settings, *how)


class Streamed(Gatherer):
    """A `Gatherer` whose groups are played by other processes, which do not wait for it."""

    def __init__(self, settings: Settings, policy: Policy, host: Host, *how: Any) -> None:
        """Start the processes on a host; `how` is what a `Gatherer` takes after its settings."""
        Gatherer.__init__(self, settings, *how)
        self.frontier = Frontier.of(self.saved.get("frontier", {}))
        self._staleness, self._count = settings.run.staleness, self.draw.count
        self._version = self._taken = 0
        """weights handed over last; batches taken"""
        self._ready: dict[int, Played] = {}
        self._again = [self._drawn(number) for number in self.frontier.open]
        self.frontier.reissued += len(self._again)
        self._seen: Counter[str] = Counter()
        """what happened since the last batch, in numbers"""
        self._metrics: dict[str, float] = {}
        self._losses: Counter[int] = Counter()
        """by ticket: processes that were lost while they had it"""
        self._probe = Probe(len(policy.tokenizer), settings.rollout.max_context)
        self._marks: dict[int, float] = {}
        """what the policy found of it, by version"""
        model = Model(policy.module.config, policy.tokenizer, policy.ends | {self.chat.end})
        (role,) = (role for role in roles(settings, torch.cuda.is_available()) if role.name == "actor")
        self._share = -(-(1 + self._staleness) * self._count // role.count)
        """groups that an actor may hold"""
        make = partial(Station, settings, model)
        self._crew = Crew(host, make, role.count, role.need, settings.cluster.deadline)

    @property
    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {"frontier": self.frontier.state}

    @property
    def accounts(self) -> dict[str, int]:
        """What became of the tickets, in numbers."""
        return self.frontier.accounts

    def renew(self, policy: Policy, version: int) -> None:
        """Let the actors play with these weights from now on."""
        self._version = self._taken = version
        self._marks[version] = self._probe.of(policy)
        self._crew.renew({name: tensor.detach().cpu() for name, tensor in policy.weights()}, version)
        self._hear(self._crew.news(0.0))
        self._crew.go_on(self._tickets)

    def close(self) -> None:
        """End the actors."""
        self._crew.close()

    def gather(self, iteration: int) -> Batch:
        """Return a batch as soon as there is one; see `Gatherer.gather`."""
        table, metrics, episodes = Gatherer.gather(self, iteration)
        failed = sum(not episode.scorable for episode in episodes)
        metrics["environment_steps"] += self._seen["turns_given_up"]
        metrics |= self._metrics | {
            "groups_given_up": float(self._seen["given_up"]),
            "episodes_lost": float(failed + self._seen["reissued"]),
            "episodes_reissued": float(self._seen["reissued"]),
            "actors_restarted": float(self._seen["restarts"]),
            **{f"accounts/{name}": float(count) for name, count in self.accounts.items()},
        }
        self._seen.clear()
        return table, metrics, episodes

    def _played(self, plan: Groups, iteration: int) -> list[Trajectory]:
        """Return the episodes of the oldest tickets that are finished, once they are as many as wanted."""
        begun = time.perf_counter()
        self._hear(self._crew.news(0.0))
        while len(chosen := self._oldest(iteration)) < self._count:
            self._crew.go_on(self._tickets)
            self._hear(self._crew.news())
        self._taken = iteration + 1
        for one in chosen:
            del self._ready[one.ticket]
            if all(episode.scorable for episode in one.episodes):
                self.frontier.settle(one.ticket, TRAINED)
            else:  # what is left of a group is no sample of its task
                self._give_up(one.ticket, "failed")
        self._crew.go_on(self._tickets)
        self._metrics = {
            "rollout_wait": time.perf_counter() - begun,
            **ages(chosen, iteration),
        }
        return [episode for one in chosen for episode in one.episodes]

    def _oldest(self, iteration: int) -> list[Played]:
        """Return the finished groups to train on, the oldest tickets first; those too old are given up."""
        found = [self._ready[number] for number in sorted(self._ready)]
        if self.settings.run.overdue == "train":
            return found[: self._count]
        for one in found:
            if age(one, iteration) > self._staleness:
                del self._ready[one.ticket]
                self._give_up(one.ticket, "stale")
                self._seen["turns_given_up"] += sum(len(episode.turns) for episode in one.episodes)
        return [one for one in found if one.ticket in self._ready][: self._count]

    def _give_up(self, ticket: int, why: str) -> None:
        self.frontier.settle(ticket, why)
        self._seen["given_up"] += 1

    def _hear(self, news: News) -> None:
        """Take in what came back, and what was lost."""
        self._ready |= {one.ticket: one for one in news.played}
        self._seen["restarts"] += news.restarts
        self._losses.update(ticket.number for ticket in news.lost)
        for ticket in news.lost:
            if self._losses[ticket.number] == LIVES:
                log.warning(
                    "a group of task %s is given up: it was lost %d times", ticket.starts[0].task.id, LIVES
                )
                self._give_up(ticket.number, "lost")
            else:
                self._again.append(ticket)
                self.frontier.reissued += 1
                self._seen["reissued"] += len(ticket.starts)
        self._again.sort(key=lambda ticket: ticket.number)
        for version, mark in news.marks.items():
            if version in self._marks:  # none before the first weights
                check_gap(abs(mark - self._marks[version]), version, self.settings.model.dtype)

    def _tickets(self, seat: Seat) -> list[Ticket]:
        """Return what an actor is to play beside what it has."""
        room = max(0, self._share - len(seat.tickets))
        found, self._again = self._again[:room], self._again[room:]
        last = self.settings.run.iterations
        batches = min(self._version + 1 + self._staleness, last) - self._taken
        fresh = min(room - len(found), self.frontier.admitted(batches * self._count))
        return found + [self._drawn(self.frontier.issue()) for _ in range(fresh)]

    def _drawn(self, number: int) -> Ticket:
        """Return a ticket: the same whenever and wherever it is issued."""
        plan = self.algo.collect()
        assert isinstance(plan, Groups)
        turn, place = divmod(number, self._count)
        index, task = self.draw.tasks(turn)[place]
        group = f"{task.id}@{number}"  # a batch may hold two groups of one task
        starts = tuple(Start(task, group, sample, index) for sample in range(plan.size))
        return Ticket(number, stream(self.settings.run.seed, "rollout", turn), starts)


def age(played: Played, version: int) -> int:
    """Return how many versions before `version` a group's oldest token was written; 0 where it has none."""
    return max((version - old for old, _ in _runs([played])), default=0)


def ages(played: Sequence[Played], version: int) -> dict[str, float]:
    """Return how stale a batch is at `version`: by token, and the share of groups by their oldest token."""
    tokens: Counter[int] = Counter()
    for old, count in _runs(played):
        tokens[version - old] += count
    groups = Counter(age(one, version) for one in played)
    return {
        "staleness_mean": sum(old * n for old, n in tokens.items()) / max(1, tokens.total()),
        "staleness_max": float(max(tokens, default=0)),
        **{f"stale/{old}": n / len(played) for old, n in sorted(groups.items())},
        **{f"stale_tokens/{old}": float(n) for old, n in sorted(tokens.items())},
    }


def _runs(played: Iterable[Played]) -> Iterable[tuple[int, int]]:
    return (
        run for one in played for episode in one.episodes for turn in episode.turns for run in turn.versions
    )
