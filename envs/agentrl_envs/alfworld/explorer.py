"""The player that explores: acts on its notes alone, and strays as much as it is told to.

Without noise it looks where a thing is most likely, remembers what it saw and treats things as the goal asks.
With noise it has the habits of a hasty player: it passes closed doors, brings things as they are, forgets the
lamp. A model that imitates those is weak however it is decoded, so that only reward can tell it better.
"""

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from agentrl_envs.alfworld.game import Goal
from agentrl_envs.alfworld.notes import Notes, kind_of, number_of
from agentrl_envs.alfworld.priors import expected

CLOSED_COST = 1.6
"""a place that must be opened first costs a turn more: its expectation is divided by this"""
OPENABLE = frozenset({"cabinet", "drawer", "fridge", "microwave", "safe"})
STATION = {"clean": "sinkbasin", "heat": "microwave", "cool": "fridge"}
"""verb to the class of receptacle it is done at"""
_VERB = {
    "pick_clean_then_place_in_recep": "clean",
    "pick_heat_then_place_in_recep": "heat",
    "pick_cool_then_place_in_recep": "cool",
}
_DONE = {"clean": "clean", "heat": "hot", "cool": "cool"}


@dataclass(frozen=True, slots=True)
class Habits:
    """How a player strays at noise 1; all are probabilities, and all grow with the noise."""

    bad: float = 0.04
    """gives a command that is of no use; a turn"""
    random: float = 0.05
    """gives any command that is offered; a turn"""
    anywhere: float = 0.7
    """looks next into any place instead of the likeliest; a choice"""
    unopened: float = 0.6
    """passes a closed place; a visit"""
    untreated: float = 0.75
    """brings a thing as it is; a thing taken up"""
    apart: float = 0.7
    """lays the second thing elsewhere than the first; a thing taken up"""
    unlit: float = 0.7
    """walks past the lamp; a visit"""
    wrong: float = 0.15
    """takes up something else that lies there; a place looked into"""

    def times(self, noise: float) -> "Habits":
        """Return the habits at a noise between 0 and 1."""
        return Habits(*(noise * getattr(self, name) for name in self.__slots__))


class Explorer:
    """A player of one game. Reads what the game says; hands out commands."""

    def __init__(self, goal: Goal, noise: float, seed: int) -> None:
        self.goal = goal
        self.notes = Notes()
        self._dice = random.Random(f"explorer/{seed}")
        self._habits = Habits().times(noise)
        self._said: str | None = None
        self._passed: set[str] = set()
        """closed places passed by"""
        self._refused: set[tuple[str, str]] = set()
        """(thing, place) that did not go"""
        self._hasty = self._parted = False
        """what will become of the thing in the hand"""

    def next(self, text: str, commands: Sequence[str]) -> str:
        """Return the next command, given the answer to the last one and what is offered."""
        held = self.notes.held
        self.notes.read(self._said, text, commands)
        if self.notes.held and self.notes.held != held:
            self._hasty, self._parted = self._does("untreated"), self._does("apart")
        self._said = self._chosen(commands)
        return self._said

    def _chosen(self, commands: Sequence[str]) -> str:
        if self._does("bad"):
            return self._useless(commands)
        if self._does("random"):
            return self._dice.choice(commands)
        offered = frozenset(commands)
        for wish in self._wishes(offered):
            if wish in offered:
                return wish
        return self._dice.choice(commands)

    def _wishes(self, offered: Collection[str]) -> list[str]:
        """Return commands that lead on, the best first."""
        item, _ = self.goal.wants
        held = self.notes.held
        if not held:
            return [*self._fetching(item, offered), *self._exploring(item)]
        if kind_of(held) != item:
            near = sorted(self.notes.places, key=lambda place: place not in self.notes.here)
            return self._laying(held, near, offered)
        if self.goal.kind == "look_at_obj_in_light":
            return self._lighting()
        verb = _VERB.get(self.goal.kind)
        if verb and not self._hasty and _DONE[verb] not in self.notes.how.get(held, ()):
            stations = [place for place in self.notes.places if kind_of(place) == STATION[verb]]
            return [f"{verb} {held} with {place}" for place in stations] + [
                f"go to {place}" for place in stations
            ]
        return self._laying(held, self._targets(held), offered)

    def _fetching(self, item: str, offered: Collection[str]) -> list[str]:
        """Return what takes up a thing of the goal that was seen and is not yet as it should be."""
        found = [
            (place not in self.notes.here, thing, place)
            for thing, place in self.notes.where(item)
            if not self._settled(thing, place) and (thing, place) not in self._refused
        ]
        for far, thing, place in sorted(found):
            take = f"take {thing} from {place}"
            if far or take in offered or place in self.notes.closed:
                return [take, f"open {place}", f"go to {place}"]
            self._refused.add((thing, place))
        return []

    def _settled(self, thing: str, place: str) -> bool:
        """Tell whether a thing is where it should be, and as it should be."""
        if self.goal.kind == "look_at_obj_in_light" or kind_of(place) != self.goal.wants[1]:
            return False
        if self.goal.kind == "pick_two_obj_and_place":
            return place == self._gathering()
        verb = _VERB.get(self.goal.kind)
        return verb is None or _DONE[verb] in self.notes.how.get(thing, ())

    def _gathering(self) -> str:
        """Return the place where two things are being brought together; empty: none yet."""
        item, target = self.goal.wants
        places = [place for _, place in self.notes.where(item) if kind_of(place) == target]
        return max(places, key=places.count) if places else ""

    def _exploring(self, kind: str) -> list[str]:
        """Return what looks into the next place."""
        if self.notes.here and self._does("wrong"):
            for place in self.notes.here:
                things = self.notes.seen.get(place, ())
                if things and place not in self.notes.closed:
                    return [f"take {self._dice.choice(things)} from {place}"]
        unseen = self.notes.unseen()
        if not [place for place in unseen if place not in self._passed]:
            self._passed.clear()
        at_hand = [place for place in unseen if place in self.notes.here and place not in self._passed]
        for place in at_hand:
            if self._does("unopened") and place in self.notes.closed:
                self._passed.add(place)
            else:
                return [f"open {place}", f"examine {place}"]
        ahead = [place for place in unseen if place not in self._passed and place not in at_hand]
        if not ahead:
            return []
        if self._does("anywhere"):
            chosen = self._dice.choice(sorted({kind_of(place) for place in ahead}))
            ahead = [place for place in ahead if kind_of(place) == chosen]
        best = min(ahead, key=lambda place: (-self._promise(kind, place), number_of(place), place))
        return [f"go to {best}", f"open {best}", f"examine {best}"]

    def _promise(self, kind: str, place: str) -> float:
        cost = CLOSED_COST if kind_of(place) in OPENABLE else 1.0
        return expected(kind, kind_of(place)) / cost

    def _targets(self, held: str) -> list[str]:
        """Return where the thing in the hand could go, the best place first."""
        places = [place for place in self.notes.places if kind_of(place) == self.goal.wants[1]]
        gathering = self._gathering() if self.goal.kind == "pick_two_obj_and_place" else ""
        if gathering and self._parted:
            others = [place for place in places if place != gathering]
            # Where there is no other place of the kind, somewhere else altogether.
            places = others or [place for place in self.notes.here if place != gathering] or places
        return sorted(
            places,
            key=lambda place: (
                (place != gathering) if not self._parted else False,
                place not in self.notes.here,
                place in self.notes.closed,
                number_of(place),
            ),
        )

    def _laying(self, held: str, places: Sequence[str], offered: Collection[str]) -> list[str]:
        """Return what lays the thing down in one of these places, the first that takes it."""
        for place in places:
            if (held, place) in self._refused:
                continue
            lay = [f"move {held} to {place}", f"put {held} in/on {place}"]
            usable = [command for command in (*lay, f"open {place}") if command in offered]
            if usable or place not in self.notes.here:
                return [*usable, f"go to {place}"]
            self._refused.add((held, place))
        return []

    def _lighting(self) -> list[str]:
        """Return what brings the thing in the hand to a lamp that is on."""
        lamp = self.goal.wants[1]
        known = self.notes.where(lamp)
        for thing, place in known:
            if place in self.notes.here and "lit" not in self.notes.how.get(thing, ()):
                if not self._does("unlit"):
                    return [f"use {thing}"]
                return [f"go to {self._dice.choice(self.notes.places)}"]
        return [f"go to {place}" for _, place in known] or self._exploring(lamp)

    def _useless(self, commands: Sequence[str]) -> str:
        """Return a command in the game's words that is not offered."""
        item, _ = self.goal.wants
        place, number = self._dice.choice(self.notes.places), self._dice.randint(1, 3)
        near = self._dice.choice(self.notes.here or (place,))
        wishes = [f"go to {near}", f"open {near}", f"take {item} {number} from {near}", f"open {place}"]
        self._dice.shuffle(wishes)
        return next((wish for wish in wishes if wish not in commands), f"open {item} {number}")

    def _does(self, habit: str) -> bool:
        chance: float = getattr(self._habits, habit)
        return chance > 0 and self._dice.random() < chance
