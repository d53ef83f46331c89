"""Rooms for games of our own: 120 layouts in four sorts of room, and what may lie in them.

The tables are short: how many receptacles of each class such rooms have, what each class holds, which things
a room has. The numbers are near those of the original's rooms; none of the rooms is one of the original's.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from agentrl_envs.alfworld.priors import PER_HUNDRED

VERSION = 1
"""of tables and generator; another version makes other games"""
PER_SORT = 30
"""layouts of each sort of room"""


@dataclass(frozen=True, slots=True)
class Sort:
    """What rooms of a sort have."""

    first: int
    """number of its first layout; blocks of a hundred, as the original numbers its floor plans"""
    receptacles: Mapping[str, str]
    """class to how many of it there may be, each number as likely as any other"""
    things: tuple[tuple[float, int, str], ...]
    """chance that a room has any of a class, most of them, classes"""


KITCHEN = Sort(
    1,
    {
        "cabinet": "4 8 9 10 11 13 13 15 19 20 23", "drawer": "1 3 3 4 4 5 6 8 12", "countertop": "1 2 2 3 4",
        "diningtable": "0 0 1 1 2", "sidetable": "0 0 0 0 1", "shelf": "0 0 0 0 3", "stoveburner": "4",
        "fridge": "1", "microwave": "1", "sinkbasin": "1", "coffeemachine": "1", "toaster": "1",
        "garbagecan": "1",
    },
    (
        (1.0, 3, "apple bowl butterknife cup dishsponge egg fork knife mug peppershaker plate potato"),
        (1.0, 3, "saltshaker soapbottle spatula spoon tomato"),
        (1.0, 2, "bread lettuce pan pot"),
        (0.5, 2, "kettle winebottle ladle"),
        (0.3, 1, "papertowelroll"),
        (0.2, 3, "glassbottle statue vase"),
        (0.1, 2, "book cellphone creditcard pencil pen spraybottle"),
    ),
)  # fmt: skip
LIVING_ROOM = Sort(
    201,
    {
        "sofa": "1 1 1 2", "armchair": "1 1 1 2 2", "coffeetable": "0 1 1 1 2", "diningtable": "0 0 1 1 2",
        "sidetable": "0 1 1 2 3", "tvstand": "0 0 1 1 2", "drawer": "0 0 1 1 4 4 6 7", "dresser": "0 0 1",
        "shelf": "0 0 0 0 2 5 8", "ottoman": "0 0 0 0 0 1", "cabinet": "0 0 0 0 0 0 4",
        "safe": "0 0 0 0 0 0 1", "desk": "0 0 0 0 0 0 1", "garbagecan": "1",
    },
    (
        (1.0, 3, "creditcard remotecontrol statue keychain"),
        (1.0, 2, "box laptop pillow"),
        (0.5, 3, "newspaper vase watch tissuebox"),
        (0.3, 2, "book plate cellphone"),
        (0.2, 3, "pen pencil bowl"),
        (0.1, 2, "candle wateringcan"),
        (0.25, 1, "desklamp"),
    ),
)  # fmt: skip
BEDROOM = Sort(
    301,
    {
        "bed": "1 1 1 1 1 2", "desk": "0 1 1 2", "sidetable": "0 1 1 2", "drawer": "2 2 3 4 5 6 10",
        "dresser": "0 1 1", "shelf": "0 0 1 2 5 7", "armchair": "0 0 0 1", "laundryhamper": "0 0 0 1",
        "diningtable": "0 0 0 0 0 1", "safe": "0 0 0 0 0 0 1", "cabinet": "0 0 0 0 0 0 2", "garbagecan": "1",
    },
    (
        (1.0, 3, "book cd cellphone creditcard keychain pen pencil alarmclock"),
        (1.0, 2, "laptop pillow"),
        (0.5, 3, "bowl mug"),
        (0.15, 2, "box remotecontrol statue tissuebox vase watch"),
        (0.3, 1, "teddybear"),
        (0.7, 1, "desklamp"),
    ),
)  # fmt: skip
BATHROOM = Sort(
    401,
    {
        "sinkbasin": "1 2", "toilet": "1", "toiletpaperhanger": "1", "towelholder": "1 1 2",
        "handtowelholder": "1 1 2", "bathtubbasin": "0 1 1", "cabinet": "0 0 4 4 5", "drawer": "0 0 2 4 6 8",
        "countertop": "0 1 1 1 1 2", "shelf": "0 0 0 1 2", "cart": "0 0 0 0 0 1", "dresser": "0 0 0 0 0 1",
        "sidetable": "0 0 0 0 0 1", "garbagecan": "1",
    },
    (
        (1.0, 3, "candle cloth soapbar soapbottle spraybottle toiletpaper"),
        (1.0, 1, "handtowel towel"),
        (0.25, 3, "dishsponge tissuebox"),
        (0.1, 1, "papertowelroll"),
    ),
)  # fmt: skip
SORTS = (KITCHEN, LIVING_ROOM, BEDROOM, BATHROOM)

_HOLDS = """
armchair: book box cellphone cloth creditcard keychain laptop newspaper pillow remotecontrol
bathtubbasin: cloth dishsponge handtowel soapbar
bed: book cellphone laptop pillow
cabinet: book bowl box candle cd cloth cup dishsponge glassbottle handtowel kettle ladle mug newspaper pan
    peppershaker plate pot saltshaker soapbar soapbottle spraybottle tissuebox toiletpaper vase wateringcan
    winebottle
cart: candle cloth dishsponge handtowel soapbar soapbottle spraybottle tissuebox toiletpaper
coffeemachine: mug
coffeetable: book bowl box candle cellphone creditcard keychain laptop newspaper pen pencil plate
    remotecontrol statue tissuebox vase watch wateringcan
countertop: alarmclock apple book bowl bread butterknife candle cd cellphone cloth creditcard cup dishsponge
    egg fork glassbottle handtowel kettle keychain knife ladle laptop lettuce mug pan pen pencil
    peppershaker plate pot potato remotecontrol saltshaker soapbar soapbottle spatula spoon spraybottle
    statue tissuebox toiletpaper tomato vase winebottle
desk: alarmclock book bowl box cd cellphone cloth creditcard keychain laptop mug pen pencil remotecontrol
    statue tissuebox vase watch wateringcan
diningtable: alarmclock apple book bowl box bread butterknife candle cd cellphone cloth creditcard cup
    dishsponge egg fork glassbottle kettle keychain knife ladle laptop lettuce mug newspaper pan pen pencil
    peppershaker plate pot potato remotecontrol saltshaker soapbottle spatula spoon spraybottle statue
    tissuebox tomato vase watch wateringcan winebottle
drawer: book butterknife candle cd cellphone cloth creditcard dishsponge fork handtowel keychain knife ladle
    newspaper pen pencil peppershaker remotecontrol saltshaker soapbar soapbottle spatula spoon spraybottle
    tissuebox toiletpaper watch wateringcan
dresser: alarmclock book bowl box candle cd cellphone cloth creditcard keychain laptop mug newspaper pen
    pencil plate remotecontrol spraybottle statue tissuebox toiletpaper vase watch wateringcan
fridge: apple bowl bread cup egg glassbottle lettuce mug pan plate pot potato tomato winebottle
garbagecan: apple bread cd cloth dishsponge egg handtowel lettuce newspaper pen pencil potato soapbar
    soapbottle spraybottle tissuebox toiletpaper tomato winebottle
handtowelholder: handtowel
laundryhamper: cloth
microwave: apple bowl bread cup egg glassbottle mug plate potato tomato
ottoman: book box cellphone creditcard keychain laptop newspaper pillow remotecontrol
safe: cd cellphone creditcard keychain statue vase
shelf: alarmclock book bowl box candle cd cellphone cloth creditcard cup dishsponge glassbottle handtowel
    kettle keychain mug newspaper pen pencil peppershaker plate pot remotecontrol saltshaker soapbar
    soapbottle spraybottle statue tissuebox toiletpaper vase watch wateringcan winebottle
sidetable: alarmclock apple book bowl box bread butterknife candle cd cellphone cloth creditcard cup
    dishsponge egg fork handtowel kettle keychain knife laptop lettuce mug newspaper pan pen pencil
    peppershaker plate pot potato remotecontrol saltshaker soapbar soapbottle spatula spoon spraybottle
    statue tissuebox toiletpaper tomato vase watch wateringcan winebottle
sinkbasin: apple bowl butterknife cloth cup dishsponge egg fork glassbottle handtowel kettle knife ladle
    lettuce mug pan plate pot potato soapbar spatula spoon tomato
sofa: book box cellphone creditcard keychain laptop newspaper pillow remotecontrol
stoveburner: kettle pan pot
toaster:
toilet: candle cloth dishsponge handtowel soapbar soapbottle spraybottle tissuebox toiletpaper
toiletpaperhanger: toiletpaper
towelholder: towel
tvstand: tissuebox
"""
HOLDS: Mapping[str, frozenset[str]] = {
    place: frozenset(things.split())
    for place, _, things in (
        line.partition(":") for line in _HOLDS.replace("\n    ", " ").strip().splitlines()
    )
}
"""class of receptacle to the classes of things that can be put there"""
MARKS: Mapping[str, frozenset[str]] = {
    mark: frozenset(things.split())
    for mark, things in {
        "cleanable": "apple bowl butterknife cloth cup dishsponge egg fork kettle knife ladle lettuce mug pan"
        " plate pot potato soapbar spatula spoon tomato",
        "heatable": "apple bread cup egg mug plate potato tomato",
        "coolable": "apple bowl bread cup egg lettuce mug pan plate pot potato tomato winebottle",
        "sliceable": "apple bread egg lettuce potato tomato",
        "toggleable": "desklamp",
        "isreceptacleobject": "bowl box cup mug pan plate pot",
    }.items()
}
"""property to the classes of things that have it"""
FIXED = frozenset({"desklamp"})
"""things that cannot be taken"""
DOORS: Mapping[str, float] = {"cabinet": 0.8, "drawer": 0.8, "safe": 1.0, "fridge": 1.0, "microwave": 1.0}
"""class of receptacle to the chance that it opens and shuts; the others are always open"""
_BESIDE: Mapping[str, tuple[str, float]] = {
    "cabinet": ("cabinet", 0.08), "drawer": ("drawer", 0.2), "shelf": ("shelf", 0.1),
    "stoveburner": ("stoveburner", 0.6), "toaster": ("countertop", 0.25),
    "coffeemachine": ("countertop", 0.25), "tvstand": ("shelf", 0.2),
}  # fmt: skip
"""class of receptacle to a class that it may share its place with, and the chance of that"""


@dataclass(frozen=True, slots=True)
class Receptacle:
    """A receptacle of a layout."""

    id: str
    """as in facts, `cabinet_bar_07`"""
    kind: str
    """its class"""
    location: str
    """as in facts; several receptacles may share one"""
    opens: bool


@dataclass(frozen=True, slots=True)
class Layout:
    """A room without its things."""

    number: int
    sort: Sort
    receptacles: tuple[Receptacle, ...]

    @property
    def kinds(self) -> list[str]:
        """The classes of its receptacles, by name."""
        return sorted({receptacle.kind for receptacle in self.receptacles})


def numbers() -> list[int]:
    """Return the numbers of all layouts, sort by sort."""
    return [sort.first + number for sort in SORTS for number in range(PER_SORT)]


@cache
def layout(number: int) -> Layout:
    """Return the layout of a number, always the same one.

    Errors: KeyError where there is none of that number.
    """
    sort = next((sort for sort in SORTS if 0 <= number - sort.first < PER_SORT), None)
    if sort is None:
        raise KeyError(number)
    dice = random.Random(f"alfworld layout/{VERSION}/{number}")
    counts = {kind: int(dice.choice(choice.split())) for kind, choice in sort.receptacles.items()}
    spots = dice.sample(range(1000), sum(counts.values()))
    placed: list[Receptacle] = []
    for kind in sorted(counts):
        for _ in range(counts[kind]):
            near, chance = _BESIDE.get(kind, ("", 0.0))
            shared = [other.location for other in placed if other.kind == near][-1:]
            beside = shared and dice.random() < chance
            place = shared[0] if beside else f"loc_bar_{spots.pop():03}"
            opens = dice.random() < DOORS.get(kind, 0.0)
            placed.append(Receptacle(_named(kind, len(placed)), kind, place, opens))
    return Layout(number, sort, tuple(placed))


def _named(kind: str, number: int) -> str:
    """Return the id of a receptacle; the original's basins are parts of something."""
    whole = kind.removesuffix("basin")
    return f"{whole}_bar_{number:02}" + (f"_bar_{kind}" if whole != kind else "")


def lies(thing: str, place: str) -> bool:
    """Tell whether things of a class may lie in receptacles of a class; some that do cannot be put there."""
    return thing in HOLDS[place] or place in PER_HUNDRED.get(thing, {})
