"""What became of every ticket: none is lost and none is trained on twice, whoever dies in between.

A ticket is one group to play, numbered from 0 in the order in which tasks are drawn. It is settled once: its
episodes were trained on, or it was given up for a reason. All tickets below a cursor are settled, so that is
all a checkpoint needs beside the settled ones above it; what is issued and not settled is under way, and is
issued again by a run that goes on from a checkpoint.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

TRAINED = "trained"
"""how a ticket is settled that was not given up"""


@dataclass(slots=True)
class Frontier:
    """The tickets of a run. Issued = trained + given up + under way, always."""

    issued: int = 0
    """tickets so far, each counted once"""
    below: int = 0
    """all tickets below it are settled"""
    above: set[int] = field(default_factory=set[int])
    """those settled from there on"""
    ends: dict[str, int] = field(default_factory=dict[str, int])
    """settled tickets by how: `trained`, or why they were given up"""
    reissued: int = 0
    """times that a ticket was issued again, since who played it was lost"""

    @classmethod
    def of(cls, saved: Mapping[str, Any]) -> Self:
        """Return the frontier whose `state` this was."""
        names = saved.get("ends", {})
        settled = {int(ticket) for ticket in saved.get("above", ())}
        issued, below, again = (int(saved.get(name, 0)) for name in ("issued", "below", "reissued"))
        return cls(issued, below, settled, {str(how): int(count) for how, count in names.items()}, again)

    @property
    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps, as plain values."""
        return {
            "issued": self.issued,
            "below": self.below,
            "above": sorted(self.above),
            "ends": dict(self.ends),
            "reissued": self.reissued,
        }

    def issue(self) -> int:
        """Return the next ticket."""
        self.issued += 1
        return self.issued - 1

    def settle(self, ticket: int, how: str) -> None:
        """Note what became of a ticket under way."""
        assert self.below <= ticket < self.issued and ticket not in self.above, f"ticket {ticket} is not open"
        self.above.add(ticket)
        while self.below in self.above:
            self.above.remove(self.below)
            self.below += 1
        self.ends[how] = self.ends.get(how, 0) + 1

    @property
    def open(self) -> list[int]:
        """The tickets that are issued and not settled."""
        return [ticket for ticket in range(self.below, self.issued) if ticket not in self.above]

    @property
    def under_way(self) -> int:
        """How many are issued and not settled."""
        return self.issued - sum(self.ends.values())

    def admitted(self, most: int) -> int:
        """Return how many further tickets may be issued, where at most `most` are to be under way.

        Edge: what was given up makes room like what was trained on: no row of it can halt a run.
        """
        return max(0, most - self.under_way)

    @property
    def accounts(self) -> dict[str, int]:
        """The sums by name: `issued` is what the others but `reissued` add up to."""
        gone = {f"given_up/{how}": count for how, count in sorted(self.ends.items()) if how != TRAINED}
        kept = {"trained": self.ends.get(TRAINED, 0), "under_way": self.under_way}
        return {"issued": self.issued, **kept, **gone, "reissued": self.reissued}
