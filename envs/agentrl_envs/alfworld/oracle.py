"""The player that sees everything: goes straight for what the goal lacks. Proves that a game can be won."""

from collections.abc import Iterable, Iterator

from agentrl.errors import EpisodeError
from agentrl_envs.alfworld.engine import Engine, Move, Play, State

_TREATMENT = {
    "pick_clean_then_place_in_recep": "clean",
    "pick_heat_then_place_in_recep": "heat",
    "pick_cool_then_place_in_recep": "cool",
}
"""sort of task to what is to be done to the object"""


def next_command(play: Play) -> str:
    """Return the command that a player who knows everything gives now.

    It depends on the state alone, so it may take over at any time.

    Errors: EpisodeError where it knows no way to win.
    """
    for move in _wishes(play.engine, play.state):
        for command, offered in play.commands.items():
            if offered == move:
                return command
    raise EpisodeError(f"game {play.engine.room.game.id}: there is no way to win from here")


def plan(engine: Engine, limit: int = 100) -> tuple[str, ...]:
    """Return the commands with which the oracle wins a game from its start.

    Errors: EpisodeError where it does not win within `limit` commands.
    """
    play, commands = Play(engine), list[str]()
    while not play.won:
        if len(commands) == limit:
            raise EpisodeError(f"game {engine.room.game.id}: not won within {limit} commands")
        commands.append(next_command(play))
        play.do(commands[-1])
    return tuple(commands)


def _wishes(engine: Engine, state: State) -> Iterator[Move]:
    """Yield moves that lead on, the best first; those that cannot be made now are passed over."""
    if state.held < 0:
        yield from _fetch(engine, state)
    elif state.held not in engine.wanted:
        yield from _rid(engine, state)
    elif engine.room.game.goal.kind == "look_at_obj_in_light":
        yield from _lit(engine, state)
    elif engine.ready(state, state.held):
        yield from _delivered(engine, state)
    else:
        yield from _treated(engine, state)


def _fetch(engine: Engine, state: State) -> Iterator[Move]:
    """Take an object that the goal still lacks, one that is near and uncovered first."""
    room = engine.room
    goal = room.game.goal.kind
    best = None if goal == "look_at_obj_in_light" else _best_target(engine, state)
    treatment = _TREATMENT.get(goal)
    found = [
        (room.location_of[r] != state.at, _shut(engine, state, r), o, r)
        for r, items in enumerate(state.inside)
        for o in items
        if o in engine.wanted
        and o in room.marks["pickupable"]
        and (treatment is None or o in room.marks[f"{treatment}able"])
        and not (r == best and engine.ready(state, o))
    ]
    for _, _, o, r in sorted(found):
        yield from _at(engine, state, r, ("take", o, r))


def _delivered(engine: Engine, state: State) -> Iterator[Move]:
    for r in _targets(engine, state):
        yield from _at(engine, state, r, ("move", state.held, r))


def _treated(engine: Engine, state: State) -> Iterator[Move]:
    verb = _TREATMENT[engine.room.game.goal.kind]
    stations = [r for r, verbs in enumerate(engine.room.treats) if verb in verbs]
    for r in _near(engine, state, stations):
        yield (verb, state.held, r)
        yield ("go", -1, r)


def _lit(engine: Engine, state: State) -> Iterator[Move]:
    lamps = [(r, o) for r, items in enumerate(state.inside) for o in items if o in engine.lamps]
    for r, o in sorted(lamps, key=lambda lamp: engine.room.location_of[lamp[0]] != state.at):
        if o not in state.toggled:
            yield ("use", o, r)
        yield ("go", -1, r)


def _rid(engine: Engine, state: State) -> Iterator[Move]:
    """Lay down what is of no use, here if possible, else in the open."""
    room, held = engine.room, state.held
    fitting = [r for r, kinds in enumerate(room.accepts) if kinds & room.object_types[held]]
    for r in sorted(_near(engine, state, fitting), key=lambda r: _shut(engine, state, r)):
        yield from _at(engine, state, r, ("move", held, r))


def _at(engine: Engine, state: State, r: int, move: Move) -> Iterator[Move]:
    """Yield a move at a receptacle, and before it what makes it possible."""
    yield move
    if engine.room.location_of[r] == state.at:
        yield ("open", -1, r)
    else:
        yield ("go", -1, r)


def _targets(engine: Engine, state: State) -> list[int]:
    """Return the receptacles that can take the object in the hand, the one that lacks least first."""
    room = engine.room
    types = room.object_types[state.held] if state.held >= 0 else frozenset({room.game.goal.item})
    fitting = [r for r in engine.targets if room.accepts[r] & types]
    return sorted(
        _near(engine, state, fitting),
        key=lambda r: -sum(o in engine.wanted and engine.ready(state, o) for o in state.inside[r]),
    )


def _best_target(engine: Engine, state: State) -> int | None:
    return next(iter(_targets(engine, state)), None)


def _near(engine: Engine, state: State, receptacles: Iterable[int]) -> list[int]:
    return sorted(receptacles, key=lambda r: (engine.room.location_of[r] != state.at, r))


def _shut(engine: Engine, state: State, r: int) -> bool:
    return r in engine.room.openable and r not in state.opened
