"""What is read: the original grammar, rule by rule, in its order."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from agentrl_envs.alfworld.room import Room

if TYPE_CHECKING:
    from agentrl_envs.alfworld.engine import Move, State

BANNER = "-= Welcome to TextWorld, ALFRED! =-"
TASK = "Your task is to: "
MIDDLE = "You are in the middle of a room. Looking quickly around you, you see "


def listed(items: Sequence[str]) -> str:
    """Return things as the game lists them: with a comma before "and", even between two.

    >>> listed([]), listed(["a mug 1"]), listed(["a mug 2", "a mug 1"])
    ('nothing', 'a mug 1', 'a mug 2, and a mug 1')
    """
    if len(items) < 2:
        return items[0] if items else "nothing"
    return f"{', '.join(items[:-1])}, and {items[-1]}"


def intro(room: Room, state: "State") -> str:
    """Return the first observation of a game."""
    seen = listed([f"a {name}" for name in room.receptacles])
    return f"{BANNER}\n\n{MIDDLE}{seen}.\n\n{TASK}{room.game.text}"


def told(room: Room, state: "State", move: "Move") -> str:
    """Return what is read after a move, given the state it led to."""
    verb, o, r = move
    thing = room.objects[o] if o >= 0 else ""
    match verb:
        case "look":
            return look(room, state)
        case "inventory":
            return inventory(room, state)
        case "help":
            return room.game.help
        case "examine":
            return examined(room, state, o) if o >= 0 else contents(room, state, r)
        case "use":
            return f"You turn on the {thing}."
        case "slice":
            return f"You sliced the {thing} with the {room.objects[r]}."
    place, older = room.receptacles[r], room.game.dialect == "0.3"
    match verb:
        case "go":
            arrived = room.locations[state.at] if older else place
            return f"You arrive at {arrived}. {contents(room, state, r)}"
        case "open":
            return f"You open the {place}. {contents(room, state, r)}"
        case "close":
            return f"You close the {place}."
        case "take":
            return f"You pick up the {thing} from the {place}."
        case "move":
            return (
                f"You put the {thing} in/on the {place}."
                if older
                else f"You move the {thing} to the {place}."
            )
    return f"You {verb} the {thing} using the {place}."


def look(room: Room, state: "State") -> str:
    """Return what `look` says.

    Edge: in the middle of the room it sees nothing: the rule asks for receptacles at the agent's place.
    """
    here = room.here[state.at]
    if not here:
        return f"{MIDDLE}nothing."
    near = set(here)
    moved = [o for o, r in state.taken if r in near and o in state.lying[state.at]]
    return (
        f"You are facing the {listed([room.receptacles[r] for r in here])}."
        f" Next to it, you see {_things(room, moved)}."
    )


def inventory(room: Room, state: "State") -> str:
    """Return what `inventory` says."""
    if state.held < 0:
        return "You are not carrying anything."
    return f"You are carrying: a {room.objects[state.held]}."


def contents(room: Room, state: "State", r: int) -> str:
    """Return what is seen in or on a receptacle."""
    name = room.receptacles[r]
    if r not in room.openable:
        return f"On the {name}, you see {_things(room, state.inside[r])}."
    if r not in state.opened:
        return f"The {name} is closed."
    return f"The {name} is open. In it, you see {_things(room, state.inside[r])}."


def examined(room: Room, state: "State", o: int) -> str:
    """Return what is seen of an object in the hand: the first rule of the grammar that applies."""
    name, marks = room.objects[o], room.marks
    if o in marks["isreceptacleobject"]:
        return f"This is a normal {name}. In it, you see {_things(room, room.within[o])}."
    clean, hot, cool = o in state.clean, o in state.hot, o in state.cool
    sliced = o in state.sliced
    if sliced and (clean or hot or cool):
        return f"This is a {_warmth(clean, hot, cool)} sliced {name}."
    if hot or clean:
        return f"This is a {_warmth(clean, hot, cool)} {name}."
    if cool:
        return f"This is a cold {name}."
    if o in marks["toggleable"] and o in state.toggled:
        return f"This {name} is on."
    if o in marks["sliceable"] and sliced:
        return f"This is a sliced {name}."
    return f"There's nothing special about {name}."


def _warmth(clean: bool, hot: bool, cool: bool) -> str:
    """Return the words for clean and warm together; hot goes before cool, but none is ever both."""
    warm = "hot" if hot else "cool" if cool else ""
    return " and ".join(filter(None, (warm, "clean" if clean else "")))


def _things(room: Room, items: Iterable[int]) -> str:
    return listed([f"a {room.objects[o]}" for o in items])
