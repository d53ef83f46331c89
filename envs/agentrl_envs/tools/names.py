"""Whom and what the records are about: names of people by split, and the capitals that never change."""

from collections.abc import Mapping
from functools import lru_cache

_FIRST = "ada bob cy di ed flo gus hal ida jo ken lea max ned ola pat quin ray sue tom una vic wes zoe"
_LAST = (
    "ash bear crow dove elk fox gull hare ibis jay kite lark mole newt owl pike quail rook seal toad vole"
    " wolf wren yak"
)
_CAPITALS = """
    albania-tirana algeria-algiers angola-luanda armenia-yerevan austria-vienna belgium-brussels benin-cotonou
    bhutan-thimphu bulgaria-sofia canada-ottawa chad-ndjamena chile-santiago china-beijing colombia-bogota
    croatia-zagreb cuba-havana cyprus-nicosia denmark-copenhagen ecuador-quito egypt-cairo england-london
    eritrea-asmara estonia-tallinn fiji-suva finland-helsinki france-paris gabon-libreville georgia-tbilisi
    germany-berlin ghana-accra greece-athens guinea-conakry hungary-budapest iceland-reykjavik india-delhi
    iran-tehran iraq-baghdad ireland-dublin italy-rome jamaica-kingston japan-tokyo jordan-amman kenya-nairobi
    laos-vientiane latvia-riga lebanon-beirut libya-tripoli lithuania-vilnius malta-valletta
    mongolia-ulaanbaatar morocco-rabat nepal-kathmandu norway-oslo peru-lima poland-warsaw portugal-lisbon
    qatar-doha romania-bucharest russia-moscow rwanda-kigali senegal-dakar serbia-belgrade spain-madrid
    sweden-stockholm
"""

FIRST, LAST = tuple(_FIRST.split()), tuple(_LAST.split())
CAPITALS: Mapping[str, str] = {country: city for country, city in (p.split("-") for p in _CAPITALS.split())}
"""country to its capital: the same in every episode, so it can be known by heart"""
_SHARE = {"train": (0, 1, 2), "dev": (3,), "test": (4,)}
FEW_PEOPLE, FEW_COUNTRIES = 20, 8
"""that small models are asked about: few words, and yet enough pairs of a person and a relation that a model
has to compare names, and cannot learn each pair by heart"""


def of_split(number: int, split: str) -> bool:
    """Tell whether what has this number is a split's own: three fifths are for training."""
    return number % 5 in _SHARE[split]


@lru_cache(maxsize=3)
def people(split: str) -> tuple[str, ...]:
    """Return the full names of a split: no two splits share one, all share the words they are made of."""
    return tuple(
        f"{first} {last}"
        for i, first in enumerate(FIRST)
        for j, last in enumerate(LAST)
        if of_split(i + j, split)
    )
