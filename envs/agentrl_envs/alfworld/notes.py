"""What can be known of a game from what was read: the memory of a careful player, and nothing else.

Everything here comes from the game's own sentences and its list of commands. The exploring player acts on
these notes, and the view `notes` shows them to small models in place of the game's text. That is help, and
results in this view are to be read as such: the book of places is kept for the policy, and what the goal
names is picked out of what was seen. What to do is left to it; commands are not listed.
"""

import re
from collections.abc import Iterable
from typing import Any

from agentrl_envs.alfworld.game import Goal
from agentrl_envs.alfworld.wording import MIDDLE

LAST = 2
"""commands remembered as such"""
_NAME = r"(\w+ \d+)"
_LISTED = re.compile(r"\ba (\w+ \d+)")
_INSIDE = re.compile(rf"(?:On the {_NAME}, |The {_NAME} is open\. In it, )you see (.*?)\.")
_CLOSED = re.compile(rf"The {_NAME} is closed\.|You close the {_NAME}\.")
_TAKEN = re.compile(rf"You pick up the {_NAME} from the {_NAME}\.")
_LAID = re.compile(rf"You (?:move|put) the {_NAME} (?:to|in/on) the {_NAME}\.")
_TREATED = re.compile(rf"You (clean|heat|cool) the {_NAME} using")
_LIT = re.compile(rf"You turn on the {_NAME}\.")
_HOW = {"clean": "clean", "heat": "hot", "cool": "cool"}
"""verb to the word for what was treated so"""


def kind_of(name: str) -> str:
    """Return the class in a name.

    >>> kind_of("desklamp 2")
    'desklamp'
    """
    return name.rpartition(" ")[0]


def number_of(name: str) -> int:
    """Return the number in a name."""
    return int(name.rpartition(" ")[2])


class Notes:
    """What a player knows. Names are the game's: `drawer 3`."""

    def __init__(self) -> None:
        self.places: tuple[str, ...] = ()
        """receptacles of the room, by class and number"""
        self.here: tuple[str, ...] = ()
        """those at the player's location"""
        self.seen: dict[str, tuple[str, ...]] = {}
        """place to what was last seen in it; a place not yet looked into is missing"""
        self.closed: frozenset[str] = frozenset()
        """places last seen closed"""
        self.held = ""
        """what is in the hand; empty: nothing"""
        self.how: dict[str, frozenset[str]] = {}
        """object to what was done to it: clean, hot, cool, lit"""
        self.last: tuple[tuple[str, bool], ...] = ()
        """the last commands, each with whether it was of use"""

    def read(self, command: str | None, text: str, commands: Iterable[str], *, valid: bool = True) -> None:
        """Take in the answer to a command (None: the start) and the commands that are offered now."""
        if command is None:
            self.__init__()  # type: ignore[misc]
            room = text.partition(MIDDLE)[2].partition("\n")[0]
            self.places = tuple(sorted(_LISTED.findall(room), key=_order))
        else:
            self.last = (*self.last[1 - LAST :], (command, valid))
            self._changes(text)
        known = set(self.places)
        reach = {offer.removeprefix("examine ") for offer in commands if offer.startswith("examine ")}
        self.here = tuple(sorted(reach & known, key=_order))

    def _changes(self, text: str) -> None:
        if found := _INSIDE.search(text):
            place = found[1] or found[2]
            self.seen[place] = tuple(_LISTED.findall(found[3]))
            self.closed -= {place}
        if found := _CLOSED.search(text):
            self.closed |= {found[1] or found[2]}
        if found := _TAKEN.match(text):
            self.held = found[1]
            self.seen[found[2]] = tuple(thing for thing in self.seen.get(found[2], ()) if thing != found[1])
        elif found := _LAID.match(text):
            self.held = ""
            self.seen[found[2]] = (*self.seen.get(found[2], ()), found[1])
        elif found := _TREATED.match(text):
            was = self.how.get(found[2], frozenset())
            cooled = {"hot", "cool"} if found[1] in ("heat", "cool") else set[str]()
            self.how[found[2]] = (was - cooled) | {_HOW[found[1]]}
        elif found := _LIT.match(text):
            self.how[found[1]] = self.how.get(found[1], frozenset()) | {"lit"}

    def where(self, kind: str) -> list[tuple[str, str]]:
        """Return (object, place) of every object of a class that was seen and not taken up since."""
        return [
            (thing, place)
            for place in self.places
            for thing in sorted(self.seen.get(place, ()), key=_order)
            if kind_of(thing) == kind
        ]

    def unseen(self) -> list[str]:
        """Return the places not yet looked into, by class and number."""
        return [place for place in self.places if place not in self.seen]

    def saved(self) -> Any:
        """Return the notes as plain data for `load`."""
        return self.places, self.here, dict(self.seen), self.closed, self.held, dict(self.how), self.last

    def load(self, state: Any) -> None:
        """Take back what `saved` returned."""
        self.places, self.here, seen, self.closed, self.held, how, self.last = state
        self.seen, self.how = dict(seen), dict(how)


def line(notes: Notes, goal: Goal) -> str:
    """Return the notes as a small model reads them: what is left to look into, the last commands, what is
    here, where things that the goal names were seen, what is in the hand.
    """  # fmt: skip
    item, target = goal.wants
    kinds = (item, target) if goal.kind == "look_at_obj_in_light" else (item,)
    first: dict[str, str] = {}
    for place in notes.unseen():
        if place not in notes.here:
            first.setdefault(kind_of(place), place)
    did = [command if valid else f"{command} (bad)" for command, valid in notes.last]
    here = [f"{place} {_state(notes, place)}".strip() for place in notes.here]
    seen = [
        " ".join([thing, "here" if place in notes.here else place, *sorted(notes.how.get(thing, ()))])
        for kind in kinds
        for thing, place in notes.where(kind)
    ]
    hold = " ".join([*sorted(notes.how.get(notes.held, ())), notes.held])
    parts = {
        "todo": " ".join(first.values()),
        "did": " , ".join(did),
        "here": " ".join(here),
        "seen": " ".join(seen),
        "hold": hold.strip(),
    }
    return " | ".join(f"{name} {what or 'nothing'}" for name, what in parts.items())


def _state(notes: Notes, place: str) -> str:
    return "closed" if place in notes.closed else "" if place in notes.seen else "?"


def _order(name: str) -> tuple[str, int]:
    return kind_of(name), number_of(name)
