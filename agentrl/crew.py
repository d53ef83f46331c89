"""The processes that play: each has one call under way, and is started again when it is lost.

A call that fails takes its process with it, whatever the reason: what an engine raised, a hang, a kill. The
tickets it had are handed back to be issued again. Where that happens again and again and nothing is finished,
the run ends in words.
"""

import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agentrl.cluster.base import Call, Host, Member, Need, first, gathered, in_flight
from agentrl.errors import AgentRLError, ConfigError, RunError
from agentrl.station import Played, Report, Station, Ticket

RESTARTS = 4
"""times in a row that each process may be lost before one of them has finished a group"""
FAREWELL = 10.0
"""seconds that a process has to let go of its environments"""
log = logging.getLogger("agentrl")


@dataclass(slots=True)
class Seat:
    """One process, and what it is doing."""

    name: str
    member: Member
    call: Call | None = None
    """its turn under way"""
    version: int = -1
    """of the weights it was given last"""
    tickets: dict[int, Ticket] = field(default_factory=dict[int, Ticket])
    """what it has and has not finished"""
    report: Report | None = None
    """what it said last"""


@dataclass(slots=True)
class News:
    """What happened since it was last asked."""

    played: list[Played] = field(default_factory=list[Played])
    lost: list[Ticket] = field(default_factory=list[Ticket])
    """to be issued again"""
    restarts: int = 0
    marks: dict[int, float] = field(default_factory=dict[int, float])
    """what weights found of the `Probe`, by version"""


class Crew:
    """Processes that hold a `Station` each."""

    def __init__(
        self, host: Host, make: Callable[[], Station], count: int, need: Need, deadline: float
    ) -> None:
        self._host, self._make, self._need, self._deadline = host, make, need, deadline
        self._weights: Any = None
        self._version = -1
        self._in_a_row = 0
        self.seats = [self._started(f"actor {number}") for number in range(count)]

    def _started(self, name: str) -> Seat:
        return Seat(name, self._host.start(name, self._make, self._need))

    def close(self) -> None:
        """End them, once they had time to let go of what they hold; the host has other processes, too."""
        calls = [seat.member.call("close", deadline=FAREWELL) for seat in self.seats]
        for seat, call in zip(self.seats, calls, strict=True):
            with contextlib.suppress(AgentRLError):  # it is ended, whatever it says
                gathered([call])
            seat.member.end()

    def renew(self, weights: Mapping[str, Any], version: int) -> None:
        """Let all play with these weights from their next turn on."""
        self._weights, self._version = self._host.share(weights), version

    def go_on(self, tickets: Callable[[Seat], Sequence[Ticket]]) -> None:
        """Begin the next turn of each process that has none under way, with the tickets it is to play too."""
        for seat in self.seats:
            if seat.call is not None:
                continue
            more = tuple(tickets(seat))
            weights = self._weights if seat.version < self._version else None
            seat.tickets |= {ticket.number: ticket for ticket in more}
            seat.version = self._version
            seat.call = seat.member.call("turn", more, weights, self._version, deadline=self._deadline)

    def news(self, patience: float = float("inf")) -> News:
        """Return what has come back, once something has or `patience` seconds have passed.

        Errors: ConfigError where a process finds the settings wrong; RunError where processes are lost again
                and again.
        """
        found = News()
        done = first([seat.call for seat in self.seats if seat.call is not None], patience)
        for place, seat in enumerate(self.seats):
            call = seat.call
            if call not in done or call is None:
                continue
            seat.call = None
            try:
                seat.report = call.result()
            except ConfigError:
                raise
            except AgentRLError as why:
                self._lost(seat, why)
                found.lost += seat.tickets.values()
                found.restarts += 1
                self.seats[place] = self._started(seat.name)
                continue
            assert seat.report is not None
            found.marks[seat.report.version] = seat.report.mark
            for one in seat.report.played:
                del seat.tickets[one.ticket]
                found.played.append(one)
                self._in_a_row = 0
        return found

    def _lost(self, seat: Seat, why: AgentRLError) -> None:
        seat.member.end()
        self._in_a_row += 1
        log.warning(
            "%s; it is started again, and its %d groups are played again. Under way were\n%s\n%s",
            why, len(seat.tickets), self.table(seat), in_flight(s.call for s in self.seats if s.call),
        )  # fmt: skip
        if self._in_a_row > RESTARTS * len(self.seats):
            raise RunError(
                f"processes that play were lost {self._in_a_row} times in a row and no group was finished"
                f" between; the last one: {why}. The run goes on from its last checkpoint once that is put"
                " right: agentrl resume"
            )

    def table(self, seat: Seat) -> str:
        """Return how far a process had come with its tickets when it was last heard of."""
        ways = seat.report.under_way if seat.report is not None else ()
        rows = [f"  ticket {way.ticket}: {way.turns} turns in {way.seconds:.0f} s" for way in ways]
        heard = {way.ticket for way in ways}
        rows += [f"  ticket {ticket}: nothing heard of it" for ticket in seat.tickets if ticket not in heard]
        return "\n".join([f"{seat.name}, weights of version {seat.version}:", *rows])
