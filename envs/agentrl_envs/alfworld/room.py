"""A game compiled: things are numbers in ascending order of their ids, which is the order of every list."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from agentrl_envs.alfworld.game import Fact, Game, names

Items = tuple[int, ...]
"""numbers of things, ascending"""
STATIONS: Mapping[str, frozenset[str]] = {
    "heat": frozenset({"microwavetype"}),
    "cool": frozenset({"fridgetype"}),
}
"""verb to the types of receptacle it is done with; `clean` is the game's own matter"""
TREATMENTS = ("clean", "heat", "cool")
KNIVES = frozenset({"knifetype", "butterknifetype"})


@dataclass(frozen=True, slots=True)
class Room:
    """What never changes in a game. Objects, receptacles and locations are numbered apart."""

    game: Game
    objects: tuple[str, ...]
    """names"""
    receptacles: tuple[str, ...]
    """names"""
    locations: tuple[str, ...]
    """names: `loc 3`"""
    object_types: tuple[frozenset[str], ...]
    receptacle_types: tuple[frozenset[str], ...]
    start: int
    """location of the agent at the start"""
    location_of: Items
    """by receptacle"""
    here: tuple[Items, ...]
    """by location: its receptacles"""
    inside: tuple[Items, ...]
    """by receptacle: the objects in it at the start"""
    lying: tuple[Items, ...]
    """by location: the objects there at the start"""
    within: tuple[Items, ...]
    """by object: the objects in it; they never move"""
    openable: frozenset[int]
    accepts: tuple[frozenset[str], ...]
    """by receptacle: types of objects it can hold"""
    treats: tuple[tuple[str, ...], ...]
    """by receptacle: what can be done to an object there, of `TREATMENTS`"""
    marks: Mapping[str, frozenset[int]]
    """objects with a property: pickupable, cleanable, isclean, ..."""
    knives: frozenset[int]


MARKS = (
    "pickupable", "toggleable", "sliceable", "isreceptacleobject", "cleanable", "heatable", "coolable",
    "isclean", "ishot", "iscool", "issliced", "istoggled",
)  # fmt: skip


def compiled(game: Game) -> Room:
    """Return the room of a game."""
    facts = game.facts
    called = names(word for found in facts.values() for fact in found for word in fact if "_bar_" in word)
    where = dict(_pairs(facts, "receptacleatlocation"))
    contents, spots = _pairs(facts, "inreceptacle"), _pairs(facts, "objectatlocation")
    agent_at = facts["atlocation"][0][1]
    receptacles = sorted(where)
    objects = sorted({item for item, _ in (*contents, *spots, *_pairs(facts, "objecttype"))})
    locations = sorted({agent_at, *where.values(), *(location for _, location in spots)})
    thing = {item: number for number, item in enumerate(objects)}
    spot = {location: number for number, location in enumerate(locations)}
    object_types = _types(objects, _pairs(facts, "objecttype"))
    receptacle_types = _types(receptacles, _pairs(facts, "receptacletype"))
    holds: dict[str, set[str]] = {}
    for kind, item in _pairs(facts, "cancontain"):
        holds.setdefault(kind, set()).add(item)
    marks = {mark: frozenset(thing[o] for (o,) in facts.get(mark, ()) if o in thing) for mark in MARKS}
    openable = {receptacle for (receptacle,) in facts.get("openable", ())}
    stations = {"clean": game.sinks, **STATIONS}
    return Room(
        game=game,
        objects=tuple(called.get(item, item) for item in objects),
        receptacles=tuple(called.get(receptacle, receptacle) for receptacle in receptacles),
        locations=tuple(called.get(location, location) for location in locations),
        object_types=object_types,
        receptacle_types=receptacle_types,
        start=spot[agent_at],
        location_of=tuple(spot[where[receptacle]] for receptacle in receptacles),
        here=tuple(
            tuple(r for r, receptacle in enumerate(receptacles) if where[receptacle] == location)
            for location in locations
        ),
        inside=_grouped(receptacles, thing, contents),
        lying=_grouped(locations, thing, spots),
        within=_grouped(objects, thing, _pairs(facts, "inreceptacleobject")),
        openable=frozenset(r for r, receptacle in enumerate(receptacles) if receptacle in openable),
        accepts=tuple(
            frozenset(item for kind in types for item in holds.get(kind, ())) for types in receptacle_types
        ),
        treats=tuple(
            tuple(verb for verb in TREATMENTS if types & stations[verb]) for types in receptacle_types
        ),
        marks=marks,
        knives=frozenset(o for o, types in enumerate(object_types) if types & KNIVES),
    )


def _pairs(facts: Mapping[str, tuple[Fact, ...]], predicate: str) -> list[tuple[str, str]]:
    return [(one, two) for one, two in facts.get(predicate, ())]


def _types(ids: Iterable[str], typed: Iterable[tuple[str, str]]) -> tuple[frozenset[str], ...]:
    """Return the types of each thing; there may be several."""
    found: dict[str, set[str]] = {i: set() for i in ids}
    for item, kind in typed:
        if item in found:
            found[item].add(kind)
    return tuple(frozenset(kinds) for kinds in found.values())


def _grouped(
    holders: Iterable[str], thing: Mapping[str, int], pairs: Iterable[tuple[str, str]]
) -> tuple[Items, ...]:
    """Return, for each holder, the numbers of the objects that are paired with it."""
    found: dict[str, set[int]] = {holder: set() for holder in holders}
    for item, holder in pairs:
        if holder in found and item in thing:
            found[holder].add(thing[item])
    return tuple(tuple(sorted(items)) for items in found.values())
