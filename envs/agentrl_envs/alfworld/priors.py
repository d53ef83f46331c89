"""Where things tend to be: counted over the 3,553 games that the original trains on."""

_COUNTED = """
alarmclock: diningtable 98, desk 75, countertop 71, dresser 57, sidetable 39, shelf 12
apple: fridge 49, diningtable 40, sidetable 34, microwave 26, garbagecan 25, countertop 22, sinkbasin 18
book: bed 82, coffeetable 61, desk 46, countertop 38, diningtable 35, sofa 30, dresser 25, armchair 14,
    sidetable 8, tvstand 8, drawer 3, cabinet 3
bowl: desk 95, coffeetable 49, diningtable 41, fridge 40, dresser 38, tvstand 37, countertop 18, shelf 10,
    sidetable 8, sinkbasin 6, cabinet 5, microwave 5
box: diningtable 63, desk 57, coffeetable 31, sofa 27, dresser 12, ottoman 10, tvstand 9, sidetable 6,
    cabinet 6, shelf 5, armchair 3
bread: diningtable 65, countertop 38, fridge 19, sidetable 10
butterknife: diningtable 64, countertop 47, sidetable 31, sinkbasin 10, drawer 3
candle: sidetable 78, countertop 58, toilet 58, coffeetable 45, cart 39, diningtable 33, tvstand 33,
    dresser 27, shelf 25, cabinet 13, drawer 9
cd: diningtable 92, dresser 51, desk 50, sidetable 30, garbagecan 16, armchair 11, drawer 9, cabinet 9,
    safe 7, shelf 5
cellphone: bed 52, desk 47, diningtable 47, dresser 41, ottoman 41, coffeetable 40, tvstand 30, countertop
    29, sofa 26, safe 25, sidetable 21, armchair 18, drawer 5, shelf 5
cloth: bathtubbasin 91, dresser 35, cart 33, countertop 32, cabinet 20, shelf 17, drawer 11, sinkbasin 6,
    toilet 6, sidetable 5
creditcard: desk 46, dresser 43, diningtable 41, tvstand 37, sofa 35, countertop 32, coffeetable 32,
    sidetable 25, armchair 21, ottoman 19, shelf 10, drawer 9
cup: fridge 41, diningtable 38, sidetable 33, countertop 18, sinkbasin 18, microwave 14, shelf 6, cabinet
    3
desklamp: sidetable 42, desk 40, dresser 36, coffeetable 16, shelf 4
dishsponge: bathtubbasin 46, diningtable 33, cart 32, countertop 23, toilet 17, sinkbasin 15, sidetable
    14, garbagecan 11, shelf 10, drawer 7, cabinet 4
egg: fridge 50, diningtable 31, sidetable 29, sinkbasin 26, garbagecan 25, microwave 24, countertop 21
fork: diningtable 60, countertop 37, sidetable 28, sinkbasin 17, drawer 7
glassbottle: diningtable 44, countertop 20, sinkbasin 19, fridge 18, garbagecan 14, shelf 9, cabinet 4
handtowel: handtowelholder 79, countertop 5
kettle: diningtable 25, stoveburner 17, countertop 17, cabinet 3, sinkbasin 3
keychain: safe 46, desk 45, dresser 42, coffeetable 35, diningtable 35, tvstand 32, sidetable 26, ottoman
    20, sofa 18, armchair 14, drawer 8, shelf 8, countertop 6, cabinet 2
knife: diningtable 62, countertop 40, sidetable 15, sinkbasin 9, drawer 7
ladle: diningtable 64, countertop 34, cabinet 4, drawer 4, sinkbasin 4
laptop: bed 103, countertop 52, diningtable 46, desk 38, coffeetable 34, sofa 32, ottoman 19, dresser 17,
    tvstand 17, armchair 5, sidetable 4
lettuce: diningtable 67, fridge 42, countertop 32, sidetable 25, sinkbasin 9, garbagecan 2
mug: desk 89, dresser 47, coffeemachine 39, diningtable 34, fridge 31, sidetable 29, countertop 27,
    microwave 16, sinkbasin 13, shelf 8, cabinet 3
newspaper: diningtable 57, dresser 46, coffeetable 34, sofa 30, ottoman 25, tvstand 18, sidetable 14,
    shelf 12, armchair 12
pan: countertop 26, stoveburner 23, diningtable 10, fridge 7
papertowelroll: diningtable 41, toilet 31, cart 26, sidetable 23, countertop 22, garbagecan 15, shelf 11
pen: diningtable 91, desk 75, coffeetable 65, dresser 63, countertop 36, sidetable 32, tvstand 24, shelf
    11, drawer 7, garbagecan 5
pencil: diningtable 68, desk 61, coffeetable 55, dresser 44, sidetable 40, countertop 29, tvstand 20,
    shelf 12, garbagecan 11, drawer 7
peppershaker: diningtable 45, sidetable 43, countertop 28, shelf 10, cabinet 5, drawer 5
pillow: bed 145, sofa 76, armchair 14, ottoman 2
plate: diningtable 44, coffeetable 31, countertop 23, tvstand 18, fridge 16, dresser 10, sidetable 9,
    shelf 7, cabinet 5, sinkbasin 4
pot: stoveburner 33, countertop 11, diningtable 10, fridge 8
potato: fridge 51, diningtable 42, countertop 24, sidetable 23, sinkbasin 21, microwave 20, garbagecan 12
remotecontrol: desk 68, countertop 62, coffeetable 47, dresser 39, tvstand 39, diningtable 38, sofa 31,
    ottoman 22, sidetable 17, armchair 12, drawer 4, shelf 3
saltshaker: diningtable 46, sidetable 43, countertop 27, shelf 9, cabinet 5, drawer 5
soapbar: sidetable 66, countertop 39, cart 36, bathtubbasin 35, toilet 31, sinkbasin 20, shelf 16,
    garbagecan 14, cabinet 13, drawer 8
soapbottle: dresser 54, diningtable 53, toilet 45, countertop 31, sidetable 28, cart 26, garbagecan 19,
    shelf 17, cabinet 5
spatula: diningtable 62, countertop 37, sinkbasin 17, sidetable 11, drawer 7
spoon: diningtable 57, countertop 32, sidetable 32, sinkbasin 21, drawer 9
spraybottle: sidetable 88, cart 87, toilet 54, countertop 50, dresser 40, diningtable 37, shelf 27,
    garbagecan 21, cabinet 8
statue: diningtable 68, desk 66, coffeetable 58, tvstand 45, dresser 43, countertop 34, sidetable 25,
    shelf 20
teddybear: bed 78
tissuebox: desk 83, coffeetable 82, countertop 77, diningtable 63, cart 43, tvstand 34, shelf 25,
    sidetable 21, dresser 17, cabinet 10, drawer 6, toilet 5
toiletpaper: toilet 47, countertop 45, dresser 42, sidetable 40, cart 38, toiletpaperhanger 23, shelf 21,
    garbagecan 19, cabinet 12, drawer 8
tomato: fridge 67, diningtable 52, sidetable 29, countertop 26, garbagecan 18, sinkbasin 13
towel: towelholder 87, countertop 3
vase: dresser 124, coffeetable 59, diningtable 49, desk 43, tvstand 35, countertop 32, sidetable 26, shelf
    25, cabinet 6
watch: desk 63, tvstand 59, diningtable 51, dresser 48, coffeetable 46, sidetable 25, drawer 10, shelf 5
wateringcan: coffeetable 82, shelf 22, sidetable 14
winebottle: diningtable 61, countertop 37, garbagecan 17, shelf 6, cabinet 4, fridge 3, sidetable 2
"""
FEW = 1
"""objects of a class in a hundred receptacles of a class where the table has no number"""


def _read(text: str) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for line in text.replace("\n    ", " ").strip().splitlines():
        thing, _, places = line.partition(": ")
        found[thing] = {place: int(count) for place, count in (pair.split() for pair in places.split(", "))}
    return found


PER_HUNDRED = _read(_COUNTED)
"""class of object to class of receptacle to how many of the one are in a hundred of the other, where the
room has the object at all"""


def expected(thing: str, place: str) -> float:
    """Return how many objects of a class a receptacle of a class may be expected to hold.

    >>> expected("tomato", "fridge"), expected("tomato", "bed")
    (0.67, 0.01)
    """
    return PER_HUNDRED.get(thing, {}).get(place, FEW) / 100
