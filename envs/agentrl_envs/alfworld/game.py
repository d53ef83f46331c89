"""What a game is, wherever it came from: a file of the original, or a generated scene."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, get_args

Kind = Literal[
    "pick_and_place_simple",
    "look_at_obj_in_light",
    "pick_clean_then_place_in_recep",
    "pick_heat_then_place_in_recep",
    "pick_cool_then_place_in_recep",
    "pick_two_obj_and_place",
]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""the six sorts of task, in the original's order"""
Dialect = Literal["0.4", "0.3"]
"""edition of the original whose words a game uses: `move X to Y`, or the older `put X in/on Y`"""
Fact = tuple[str, ...]
"""arguments of a predicate, lower case"""
SINKS = frozenset({"sinktype", "sinkbasintype"})
"""types of receptacle at which the original games clean"""
HELP = """Available commands:
  look:                             look around your current location
  inventory:                        check your current inventory
  go to (receptacle):               move to a receptacle
  open (receptacle):                open a receptacle
  close (receptacle):               close a receptacle
  take (object) from (receptacle):  take an object from a receptacle
  move (object) to (receptacle):  place an object in or on a receptacle
  examine (something):              examine a receptacle or an object
  use (object):                     use an object
  heat (object) with (receptacle):  heat an object using a receptacle
  clean (object) with (receptacle): clean an object using a receptacle
  cool (object) with (receptacle):  cool an object using a receptacle
  slice (object) with (object):     slice an object using a sharp object
"""
"""what `help` says in the original games"""


@dataclass(frozen=True, slots=True)
class Goal:
    """When a game is won."""

    kind: Kind
    item: str
    """type of the object to bring or to look at, as in facts: `pentype`"""
    target: str
    """type of the receptacle to bring it to; of the lamp where something is looked at"""

    @property
    def wants(self) -> tuple[str, str]:
        """The word for the item and the word for the target: `pen`, `desklamp`."""
        return self.item.removesuffix("type"), self.target.removesuffix("type")


@dataclass(frozen=True, slots=True)
class Game:
    """One game, parsed and checked: all that the engine needs."""

    id: str
    facts: Mapping[str, tuple[Fact, ...]]
    """initial facts by predicate, all in lower case"""
    goal: Goal
    text: str
    """the task in words: what comes after "Your task is to: ", ending in a full stop"""
    walkthrough: tuple[str, ...] = ()
    """commands that win it; empty where none is known"""
    help: str = HELP
    """what `help` says; empty where there is no such command"""
    sinks: frozenset[str] = SINKS
    """types of receptacle at which its domain cleans"""
    dialect: Dialect = "0.4"

    def spoken(self, dialect: Dialect) -> "Game":
        """Return the same game in the words of an edition; the older one has no `help`."""
        if dialect == self.dialect:
            return self
        walk = tuple(_respelt(command, dialect) for command in self.walkthrough)
        return replace(self, dialect=dialect, help=HELP if dialect == "0.4" else "", walkthrough=walk)


def _respelt(command: str, dialect: Dialect) -> str:
    if dialect == "0.3":
        return re.sub(r"^move (.+) to (.+)$", r"put \1 in/on \2", command)
    return re.sub(r"^put (.+) in/on (.+)$", r"move \1 to \2", command)


def names(ids: Iterable[str]) -> dict[str, str]:
    """Return the name of each id, by which the game calls it: its class and a number, `cabinet 3`.

    The class is what stands before the first separator, "basin" added where the id has it. Among n ids of a
    class, in ascending order, the k-th has number n - k + 1: the original counts down.

    >>> names(["mug_bar_a", "mug_bar_b", "sink_bar_c_bar_sinkbasin"])
    {'mug_bar_a': 'mug 2', 'mug_bar_b': 'mug 1', 'sink_bar_c_bar_sinkbasin': 'sinkbasin 1'}
    """
    ordered = sorted(set(ids))
    classes = {i: i.split("_bar_", 1)[0] + ("basin" if "basin" in i else "") for i in ordered}
    left: dict[str, int] = {}
    for name in classes.values():
        left[name] = left.get(name, 0) + 1
    found = {}
    for i in ordered:
        found[i] = f"{classes[i]} {left[classes[i]]}"
        left[classes[i]] -= 1
    return found
