"""Where groups are played while the driver trains: the object in the process of an actor.

It has environments and a sampler with weights of its own, and one thread that plays without a barrier. The
driver's one call, `turn`, brings tickets and weights and fetches what was finished; it returns within a
moment, so a call that does not is the sign of a dead process. Weights are taken between two replies: an
episode under way goes on with the newer ones, and every turn names those that wrote it.
"""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from queue import SimpleQueue
from typing import Any

import torch

from agentrl.errors import DeadlineError
from agentrl.evaluate import chat_of, sampling_of
from agentrl.rollout.collect import Collector, SamplerActor
from agentrl.rollout.eager import Event, Line
from agentrl.rollout.episode import Episode, Start
from agentrl.rollout.stage import Stage
from agentrl.rollout.workers import Environments
from agentrl.settings import Settings
from agentrl.sync import Probe, own_sampler
from agentrl.types import Sampler, Trajectory

BEAT = 1.0
"""seconds after which a turn returns, if nothing was finished before"""


@dataclass(frozen=True, slots=True)
class Model:
    """What a sampler is made from, but for the weights."""

    config: Any
    tokenizer: Any
    ends: frozenset[int]
    """ids that end a reply"""


@dataclass(frozen=True, slots=True)
class Ticket:
    """A group to play."""

    number: int
    seed: int
    """names its random numbers"""
    starts: tuple[Start, ...]


@dataclass(frozen=True, slots=True)
class Played:
    """A ticket whose episodes have all ended."""

    ticket: int
    episodes: tuple[Trajectory, ...]


@dataclass(frozen=True, slots=True)
class Way:
    """How far a ticket has come."""

    ticket: int
    turns: int
    """that its episodes have played"""
    seconds: float
    """since it came"""


@dataclass(frozen=True, slots=True)
class Report:
    """What a turn brings back."""

    played: tuple[Played, ...]
    under_way: tuple[Way, ...]
    version: int
    """of the weights that play"""
    mark: float
    """what these find of the `Probe`"""


@dataclass(slots=True)
class _Group:
    """A ticket here."""

    ticket: Ticket
    begun: float = field(default_factory=time.monotonic)
    turns: int = 0
    oldest: int | None = None
    """version of the weights that wrote its first reply"""
    ended: dict[int, Trajectory] = field(default_factory=dict[int, Trajectory])
    """by sample"""


class Station:
    """Plays tickets as they come."""

    def __init__(self, settings: Settings, model: Model) -> None:
        """Begin to wait for them.

        Errors: ConfigError where the sampler cannot be made.
        """
        torch.set_num_threads(settings.run.threads)
        how, run = settings.rollout, settings.run
        self._most_stale = run.staleness if run.overdue == "drop" else None
        self._patience = settings.cluster.deadline
        self._worlds = Environments(settings)
        self._sampler = self.engine(settings, model)
        self._probe = Probe(len(model.tokenizer), how.max_context)
        self._mark = -1, float("nan")
        self._collector = Collector(
            lambda: self._worlds("train"),
            SamplerActor(self._sampler, sampling_of(how)),
            chat_of(settings, model.tokenizer, model.config),
            settings.run.seed,
            settings.reward,
            parallel=how.parallel,
            schedule="eager",
        )
        self._inbox: SimpleQueue[Event] = SimpleQueue()
        self._news = threading.Condition()
        self._groups: dict[int, _Group] = {}
        """by ticket"""
        self._owners: dict[int, _Group] = {}
        """by the place of an episode in play"""
        self._played: list[Played] = []
        self._stage: Stage | None = None
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="player", daemon=True)
        self._thread.start()

    @staticmethod
    def engine(settings: Settings, model: Model) -> Sampler:
        """Return what writes the replies."""
        return own_sampler(settings, model.config, model.tokenizer, model.ends)

    def turn(self, tickets: tuple[Ticket, ...], weights: Mapping[str, Any] | None, version: int) -> Report:
        """Take tickets, and weights where they are new; return what was finished, once something was.

        Errors: what ended the thread that plays; DeadlineError where an episode has stood still too long.
        """
        if weights is not None:
            self._inbox.put(partial(self._renew, weights, version))
        for ticket in tickets:
            self._inbox.put(partial(self._enter, ticket))
        with self._news:
            self._news.wait_for(lambda: self._played or self._failure, BEAT)
            if self._failure is not None:
                raise self._failure
            played, self._played = self._played, []
            return Report(tuple(played), self._under_way(), *self._mark)

    def _under_way(self) -> tuple[Way, ...]:
        """Return how far the tickets are that have not been played to their end.

        Errors: DeadlineError where one of their episodes stands still.
        """
        for place, group in self._owners.items():
            quiet = self._stage.quiet(place) if self._stage is not None else 0.0
            if quiet > self._patience:
                task = group.ticket.starts[0].task.id
                raise DeadlineError(f"an episode of task {task} has not moved for {quiet:.0f} s")
        now = time.monotonic()
        return tuple(Way(number, group.turns, now - group.begun) for number, group in self._groups.items())

    def close(self) -> None:
        """Stop playing, and end the processes of its environments."""
        self._inbox.put(lambda stage, line: stage.shut())
        self._thread.join(timeout=5.0)
        self._worlds.close()

    def _work(self) -> None:
        try:
            self._collector.play_on(self._inbox, self._told)
        except BaseException as why:  # the next turn tells; a thread that ends silently would be waited for
            with self._news:
                self._failure = why
                self._news.notify_all()

    # In the thread that plays.

    def _renew(self, weights: Mapping[str, Any], version: int, stage: Stage, line: Line) -> None:
        def renew() -> None:
            self._sampler.load_weights(weights.items(), version)
            self._abandon(version, stage)
            mark = self._probe.by(self._sampler)
            with self._news:
                self._mark = version, mark

        line.between(renew)

    def _abandon(self, version: int, stage: Stage) -> None:
        """Stop playing the groups that are too old already for every batch to come."""
        if self._most_stale is None:
            return
        late = [
            place
            for place, group in self._owners.items()
            if group.oldest is not None and version - group.oldest > self._most_stale
        ]
        stage.abandon(late, f"older than run.staleness={self._most_stale} allows before it was over")

    def _enter(self, ticket: Ticket, stage: Stage, line: Line) -> None:
        group = _Group(ticket)
        places = stage.add(ticket.starts, self._collector.rules(ticket.seed))
        self._stage = stage
        with self._news:
            self._groups[ticket.number] = group
            self._owners.update(dict.fromkeys(places, group))

    def _told(self, episode: Episode, tokens: int) -> None:
        with self._news:
            group = self._owners[episode.place]
            if episode.over is None:
                group.turns += 1
                group.oldest = self._sampler.version if group.oldest is None else group.oldest
                return
            assert self._stage is not None
            self._stage.taken(episode.place)
            del self._owners[episode.place]
            group.ended[episode.start.sample] = episode.over
            if len(group.ended) == len(group.ticket.starts):
                number = group.ticket.number
                del self._groups[number]
                self._played.append(Played(number, tuple(group.ended[i] for i in sorted(group.ended))))
                self._news.notify_all()
