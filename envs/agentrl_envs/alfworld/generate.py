"""Games of our own, of which none is stored: each follows from layout, sort of task, seed and version.

Every game is won once before it is handed out: its walkthrough is the proof.
"""

import random
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache

from agentrl_envs.alfworld.engine import Engine
from agentrl_envs.alfworld.game import Fact, Game, Goal, Kind
from agentrl_envs.alfworld.oracle import plan
from agentrl_envs.alfworld.priors import FEW, PER_HUNDRED
from agentrl_envs.alfworld.room import compiled
from agentrl_envs.alfworld.scenes import FIXED, HOLDS, MARKS, VERSION, Layout, layout, lies

SENTENCES: Mapping[Kind, tuple[str, str]] = {
    "pick_and_place_simple": ("put some {} on {}.", "put a {} in {}."),
    "look_at_obj_in_light": ("look at {} under the {}.", "examine the {} with the {}."),
    "pick_clean_then_place_in_recep": ("clean some {} and put it in {}.", "put a clean {} in {}."),
    "pick_heat_then_place_in_recep": ("heat some {} and put it in {}.", "put a hot {} in {}."),
    "pick_cool_then_place_in_recep": ("cool some {} and put it in {}.", "put a cool {} in {}."),
    "pick_two_obj_and_place": ("put two {} in {}.", "find two {} and put them in {}."),
}
"""the original's two ways of saying each task"""
_NEEDS: Mapping[Kind, tuple[str, str]] = {
    "pick_clean_then_place_in_recep": ("cleanable", "sinkbasin"),
    "pick_heat_then_place_in_recep": ("heatable", "microwave"),
    "pick_cool_then_place_in_recep": ("coolable", "fridge"),
}
"""property of the thing, and class of receptacle that treats it"""
_UNASKED = frozenset({"sinkbasin", "bathtubbasin", "towelholder", "handtowelholder", "tvstand", "toaster"})
"""classes of receptacle to which no task brings anything"""
_START = "loc_bar_start"
_LAMP = "desklamp"


def generated(number: int, kind: Kind, seed: int, difficulty: float = 0.5) -> Game:
    """Return a game in the layout of a number; equal arguments give equal games, in every process.

    At difficulty 0.5 rooms are about as full as the original's, and things lie about where they do there;
    at 0 there are few, most in the likeliest places; at 1 there are many, in any place that holds them.

    Errors: ValueError where the layout has no such task (see `possible`).
    """
    name = game_id(number, kind, seed, difficulty)
    dice = random.Random(f"alfworld game/{name}")
    wishes = choices(number, kind)
    if not wishes:
        raise ValueError(f"layout {number} has no task of sort {kind}")
    target = dice.choice(sorted(wishes))
    chances = wishes[target]
    item = dice.choices(list(chances), list(chances.values()))[0]
    room = layout(number)
    contents = _contents(room, kind, item, target, difficulty, dice)
    goal = Goal(kind, f"{item}type", f"{target}type")
    facts = _facts(room, contents)
    game = Game(name, facts, goal, dice.choice(SENTENCES[kind]).format(item, target))
    return replace(game, walkthrough=plan(Engine(compiled(game))))


def game_id(number: int, kind: Kind, seed: int, difficulty: float) -> str:
    """Return the id of a game: all that it follows from, the generator's version first."""
    return f"{VERSION}-{float(difficulty)!r}/{kind}-{number}-{seed}"


def possible(number: int, kind: Kind) -> bool:
    """Tell whether the layout of a number has tasks of this sort."""
    return bool(choices(number, kind))


@lru_cache(maxsize=1024)
def choices(number: int, kind: Kind) -> Mapping[str, Mapping[str, float]]:
    """Return the targets that a task may have in a layout, each with its items and how common these are."""
    room = layout(number)
    chances = {thing: chance for chance, _, things in room.sort.things for thing in things.split()}
    movable = {thing: chance for thing, chance in chances.items() if thing not in FIXED}
    if kind == "look_at_obj_in_light":
        lit = _LAMP in chances and any(lies(_LAMP, place) for place in room.kinds)
        seen = {
            thing: chance for thing, chance in movable.items() if any(lies(thing, at) for at in room.kinds)
        }
        return {_LAMP: seen} if lit and seen else {}
    mark, station = _NEEDS.get(kind, ("", ""))
    if station and station not in room.kinds:
        return {}
    found = {}
    for target in room.kinds:
        items = {
            thing: chance
            for thing, chance in movable.items()
            if thing in HOLDS[target]
            and (not mark or thing in MARKS[mark])
            and any(lies(thing, other) for other in room.kinds if other != target)
        }
        if items and target not in _UNASKED and target != station:
            found[target] = items
    return found


def _contents(
    room: Layout, kind: Kind, item: str, target: str, difficulty: float, dice: random.Random
) -> Iterator[tuple[str, int]]:
    """Yield each thing's class and the number of the receptacle it lies in; the goal is not reached so."""
    needed = {item: 2 if kind == "pick_two_obj_and_place" else 1}
    if kind == "look_at_obj_in_light":
        needed[target] = 1
    # Of a thing that is wanted as it is, no more may lie at the target than leave something to do.
    spare = {"pick_and_place_simple": 0, "pick_two_obj_and_place": 1}.get(kind, len(HOLDS))
    for chance, most, things in room.sort.things:
        for thing in things.split():
            count = dice.randint(1, most) if dice.random() < chance * (0.5 + difficulty) else 0
            for number in range(max(count, needed.get(thing, 0))):
                avoided = target if thing == item and number >= spare else ""
                weights = [
                    _weight(thing, receptacle.kind, difficulty) if receptacle.kind != avoided else 0.0
                    for receptacle in room.receptacles
                ]
                if any(weights):
                    yield thing, dice.choices(range(len(weights)), weights)[0]


@lru_cache(maxsize=65536)
def _weight(thing: str, place: str, difficulty: float) -> float:
    """Return how likely things of a class lie in a receptacle of a class, beside others."""
    if not lies(thing, place):
        return 0.0
    usual: float = PER_HUNDRED.get(thing, {}).get(place, FEW)
    weight: float = usual ** (2 - 2 * difficulty)
    return weight


def _facts(room: Layout, contents: Iterator[tuple[str, int]]) -> Mapping[str, tuple[Fact, ...]]:
    """Return the facts with which a game starts, in the domain's words."""
    facts: dict[str, list[Fact]] = {"atlocation": [("agent1", _START)]}

    def say(predicate: str, *words: str) -> None:
        facts.setdefault(predicate, []).append(words)

    for receptacle in room.receptacles:
        say("receptacletype", receptacle.id, f"{receptacle.kind}type")
        say("receptacleatlocation", receptacle.id, receptacle.location)
        if receptacle.opens:
            say("openable", receptacle.id)
    there: set[str] = set()
    for number, (thing, place) in enumerate(contents):
        there.add(thing)
        name, receptacle = f"{thing}_bar_{number:03}", room.receptacles[place]
        say("objecttype", name, f"{thing}type")
        say("inreceptacle", name, receptacle.id)
        say("objectatlocation", name, receptacle.location)
        if thing not in FIXED:
            say("pickupable", name)
        for mark, things in MARKS.items():
            if thing in things:
                say(mark, name)
    for kind in room.kinds:
        for thing in sorted(HOLDS[kind] & there):
            say("cancontain", f"{kind}type", f"{thing}type")
    return {predicate: tuple(found) for predicate, found in facts.items()}
