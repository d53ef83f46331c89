"""The dynamics of ALFWorld: what can be done in a state, and what comes of it.

Step for step what TextWorld makes of the original domain and grammar, oddities included. States are immutable
and share what did not change: a snapshot is the state itself.
"""

from typing import NamedTuple

from agentrl_envs.alfworld import wording
from agentrl_envs.alfworld.room import Items, Room

NOTHING = "Nothing happens."
"""the answer to whatever is no command of use"""
Move = tuple[str, int, int]
"""verb, object, receptacle; -1: none. The "receptacle" of `slice` is the knife, an object"""


class State(NamedTuple):
    """Everything that the rest of a game depends on. Equal states are the same state."""

    at: int
    """location of the agent"""
    held: int
    """object in the hand; -1: none"""
    opened: Items
    """receptacles"""
    inside: tuple[Items, ...]
    """by receptacle: the objects in or on it"""
    lying: tuple[Items, ...]
    """by location: the objects there, whatever they are in"""
    taken: tuple[tuple[int, int], ...]
    """(object, receptacle): was taken from there and is not back; `look` mentions some of them"""
    clean: Items
    hot: Items
    cool: Items
    sliced: Items
    toggled: Items
    """lamps switched on; nothing switches them off"""


def start(room: Room) -> State:
    """Return the state in which a game begins."""
    marked = {mark: tuple(sorted(items)) for mark, items in room.marks.items()}
    return State(
        at=room.start,
        held=-1,
        opened=(),
        inside=room.inside,
        lying=room.lying,
        taken=(),
        clean=marked["isclean"],
        hot=marked["ishot"],
        cool=marked["iscool"],
        sliced=marked["issliced"],
        toggled=marked["istoggled"],
    )


class Engine:
    """A room with its commands spelt out; the states of its game are handed in and out."""

    def __init__(self, room: Room) -> None:
        self.room = room
        self.start = start(room)
        self._put = "move {} to {}" if room.game.dialect == "0.4" else "put {} in/on {}"
        words = ("look", "inventory", "help") if room.game.help else ("look", "inventory")
        self._always: dict[str, Move] = {word: (word, -1, -1) for word in words}
        self._roads: dict[int, dict[str, Move]] = {}
        goal = room.game.goal
        self.wanted: frozenset[int] = frozenset(
            o for o, types in enumerate(room.object_types) if goal.item in types
        )
        """objects of the goal's class"""
        self.targets = tuple(r for r, types in enumerate(room.receptacle_types) if goal.target in types)
        """receptacles of the goal's class"""
        self.lamps = room.marks["toggleable"] & {
            o for o, types in enumerate(room.object_types) if goal.target in types
        }

    def commands(self, state: State) -> dict[str, Move]:
        """Return every command of use in a state, and the move that it is; not sorted."""
        room, held = self.room, state.held
        found = self._ways(state.at).copy()
        for r in room.here[state.at]:
            name = room.receptacles[r]
            found[f"examine {name}"] = ("examine", -1, r)
            shut = False
            if r in room.openable:
                shut = r not in state.opened
                verb = "open" if shut else "close"
                found[f"{verb} {name}"] = (verb, -1, r)
            for o in state.inside[r]:
                if held < 0 and not shut and o in room.marks["pickupable"]:
                    found[f"take {room.objects[o]} from {name}"] = ("take", o, r)
                if o in room.marks["toggleable"]:
                    found[f"use {room.objects[o]}"] = ("use", o, r)
            if held >= 0:
                if not shut and room.accepts[r] & room.object_types[held]:
                    found[self._put.format(room.objects[held], name)] = ("move", held, r)
                for verb in room.treats[r]:
                    if held in room.marks[f"{verb}able"]:
                        found[f"{verb} {room.objects[held]} with {name}"] = (verb, held, r)
        if held >= 0:
            self._with_object(state, found)
        return found

    def _ways(self, location: int) -> dict[str, Move]:
        """Return the commands that do not depend on what lies where."""
        if location not in self._roads:
            # Only receptacles elsewhere: going nowhere is not offered, though a look inside would be new.
            self._roads[location] = self._always | {
                f"go to {name}": ("go", -1, r)
                for r, (name, at) in enumerate(zip(self.room.receptacles, self.room.location_of, strict=True))
                if at != location
            }
        return self._roads[location]

    def _with_object(self, state: State, found: dict[str, Move]) -> None:
        """Add what an object in the hand is good for by itself."""
        room, held = self.room, state.held
        found[f"examine {room.objects[held]}"] = ("examine", held, -1)
        if held in room.knives:
            for o in state.lying[state.at]:
                if o in room.marks["sliceable"]:
                    found[f"slice {room.objects[o]} with {room.objects[held]}"] = ("slice", o, held)

    def after(self, state: State, move: Move) -> State:
        """Return the state that a move leads to; the same one where it only looks."""
        verb, o, r = move
        match verb:
            case "go":
                return state._replace(at=self.room.location_of[r])
            case "open":
                return state._replace(opened=_with(state.opened, r))
            case "close":
                return state._replace(opened=_without(state.opened, r))
            case "take":
                return self._carried(state, o, r)
            case "move":
                return self._laid(state, o, r)
            case "clean":
                return state._replace(clean=_with(state.clean, o))
            case "heat":
                return state._replace(hot=_with(state.hot, o), cool=_without(state.cool, o))
            case "cool":
                return state._replace(cool=_with(state.cool, o), hot=_without(state.hot, o))
            case "use":
                return state._replace(toggled=_with(state.toggled, o))
            case "slice":
                return state._replace(sliced=_with(state.sliced, o))
        return state

    def _carried(self, state: State, o: int, r: int) -> State:
        taken = state.taken if (o, r) in state.taken else tuple(sorted((*state.taken, (o, r))))
        return state._replace(
            held=o,
            inside=_at(state.inside, r, _without(state.inside[r], o)),
            lying=_at(state.lying, state.at, _without(state.lying[state.at], o)),
            taken=taken,
        )

    def _laid(self, state: State, o: int, r: int) -> State:
        return state._replace(
            held=-1,
            inside=_at(state.inside, r, _with(state.inside[r], o)),
            lying=_at(state.lying, state.at, _with(state.lying[state.at], o)),
            taken=tuple(pair for pair in state.taken if pair != (o, r)),
        )

    def won(self, state: State) -> bool:
        """Tell whether the game's goal holds in a state."""
        room, kind = self.room, self.room.game.goal.kind
        if kind == "look_at_obj_in_light":
            lit = self.lamps.intersection(state.toggled)
            return state.held in self.wanted and any(
                o in lit for r in room.here[state.at] for o in state.inside[r]
            )
        needed = 2 if kind == "pick_two_obj_and_place" else 1
        return any(
            sum(o in self.wanted and self.ready(state, o) for o in state.inside[r]) >= needed
            for r in self.targets
        )

    def ready(self, state: State, o: int) -> bool:
        """Tell whether an object is as the goal wants it: clean, hot, cool, or no matter how."""
        marks = self.room.marks
        match self.room.game.goal.kind:
            case "pick_clean_then_place_in_recep":
                return o in state.clean and o in marks["cleanable"]
            case "pick_heat_then_place_in_recep":
                return o in state.hot and o in marks["heatable"]
            case "pick_cool_then_place_in_recep":
                return o in state.cool and o in marks["coolable"]
        return True


class Play:
    """A game being played: a state, and what can be done in it."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.load(engine.start)

    @property
    def state(self) -> State:
        """The present state."""
        return self._state

    def load(self, state: State) -> None:
        """Go on from a state, of this game."""
        self._state = state
        self._commands: dict[str, Move] | None = None

    @property
    def commands(self) -> dict[str, Move]:
        """Every command of use now, and the move that it is; not sorted."""
        if self._commands is None:
            self._commands = self.engine.commands(self._state)
        return self._commands

    def admissible(self) -> list[str]:
        """Return every command of use now, sorted as text."""
        return sorted(self.commands)

    def begin(self) -> str:
        """Return to the start; return what is read there."""
        self.load(self.engine.start)
        return wording.intro(self.engine.room, self._state)

    def do(self, command: str) -> str | None:
        """Carry out a command and return what is read; None where it is of no use, and nothing changes.

        Edge: blanks around it do not matter; otherwise it must be a listed command to the letter.
        """
        move = self.commands.get(command.strip())
        if move is None:
            return None
        state = self.engine.after(self._state, move)
        if state is not self._state:
            self.load(state)
        return wording.told(self.engine.room, state, move)

    @property
    def won(self) -> bool:
        """Whether the goal holds now."""
        return self.engine.won(self._state)


def _with(items: Items, item: int) -> Items:
    return items if item in items else tuple(sorted((*items, item)))


def _without(items: Items, item: int) -> Items:
    return tuple(other for other in items if other != item)


def _at(rows: tuple[Items, ...], place: int, row: Items) -> tuple[Items, ...]:
    return (*rows[:place], row, *rows[place + 1 :])
