"""WebShop's own files: products (items_shuffle*), attributes (items_ins_v2*), instructions (items_human_ins).

The files are checked as they are read; the first fault ends the reading with one line that names the file,
the record and the field. Fields not named here are ignored, as in the original.
"""

import json
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NoReturn

from agentrl.errors import ConfigError, DataError
from agentrl_envs.webshop.normalise import option_value, price_numbers, price_tag
from agentrl_envs.webshop.product import Product

GoalKind = Literal["human", "synthetic"]
HUMAN_FILE = "items_human_ins.json"
NO_ATTRIBUTES = ("DUMMY_ATTR",)
"""what a product gets that the attribute file does not list"""
_KINDS = {str: "text", list: "a list", dict: "an object", type(None): "null"}


@dataclass(frozen=True, slots=True)
class Wish:
    """What a goal is made from: an instruction without its price clause."""

    asin: str
    instruction: str
    attributes: tuple[str, ...]
    options: tuple[str, ...] | None
    """values asked for; None: one goal for every combination the product offers"""


@dataclass(frozen=True, slots=True)
class Records:
    """What the files hold, checked and normalised."""

    products: tuple[Product, ...]
    wishes: tuple[Wish, ...]


def read(folder: Path, kind: GoalKind | None = None, *, limit: int | None = None, seed: int = 0) -> Records:
    """Return the first `limit` products of the files in `folder`, and the wishes about them.

    Errors: ConfigError where the folder or a file is missing; DataError where a file is broken.
    Edge:   without a `kind` the wishes are human if that file is there, else synthetic. Of several product
            files the smallest that is meant for `limit` products is taken (items_shuffle_1000.json for 1000).
    """
    if not folder.is_dir():
        raise ConfigError(f"data={folder}: there is no such folder")
    kind = kind or ("human" if (folder / HUMAN_FILE).exists() else "synthetic")
    items, attributes = _chosen(folder, "items_shuffle", limit), _chosen(folder, "items_ins_v2", limit)
    human = folder / HUMAN_FILE if kind == "human" else None
    return parse(
        _json(items),
        _json(attributes),
        _json(human) if human else None,
        limit=limit,
        seed=seed,
        names=(items.name, attributes.name),
    )


def parse(
    items: Any,
    attributes: Any,
    human: Any = None,
    *,
    limit: int | None = None,
    seed: int = 0,
    names: tuple[str, str] = ("items_shuffle", "items_ins_v2"),
) -> Records:
    """Return products and wishes from the files' parsed contents; without `human`, synthetic wishes.

    Errors: DataError at the first fault.
    Edge:   a price range is settled by one draw a product, from a stream of its own named by `seed`.
    """
    table = _Place(names[1]).object(attributes)
    dice = random.Random(f"webshop/prices/{seed}")
    products: dict[str, Product] = {}
    for number, item in enumerate(_Place(names[0]).array(items)[:limit]):
        place = _Place(f"{names[0]}: record {number}")
        asin = place.text(place.object(item), "asin")
        if asin != "nan" and len(asin) <= 10 and asin not in products:
            where = _Place(f"{names[0]}: record {number} ({asin})")
            products[asin] = _product(item, where, _attributes(table, asin, names[1]), dice)
    if human is None:
        wishes = [wish for asin in products for wish in _synthetic(table, asin, names[1])]
    else:
        said = _Place(HUMAN_FILE).object(human)
        wishes = [wish for asin in products if asin in said for wish in _human(said[asin], asin)]
    return Records(tuple(products.values()), tuple(wishes))


class _Place:
    """Where in a file we are; reads fields and says what is wrong there."""

    def __init__(self, where: str) -> None:
        self.where = where

    def fail(self, what: str) -> NoReturn:
        raise DataError(f"{self.where}: {what}")

    def _expect(self, value: Any, kinds: tuple[type, ...], name: str) -> Any:
        if not isinstance(value, kinds):
            wanted = " or ".join(_KINDS[kind] for kind in kinds)
            self.fail(f"{name} is {_KINDS.get(type(value), repr(value))}, not {wanted}")
        return value

    def field(self, record: Mapping[str, Any], name: str, *kinds: type) -> Any:
        if name not in record:
            self.fail(f"field '{name}' is missing")
        return self._expect(record[name], kinds, f"field '{name}'")

    def text(self, record: Mapping[str, Any], name: str) -> str:
        value: str = self.field(record, name, str)
        return value

    def texts(self, record: Mapping[str, Any], name: str) -> tuple[str, ...]:
        values = self.field(record, name, list)
        for number, value in enumerate(values):
            self._expect(value, (str,), f"item {number} of field '{name}'")
        return tuple(values)

    def object(self, value: Any) -> dict[str, Any]:
        found: dict[str, Any] = self._expect(value, (dict,), "it")
        return found

    def array(self, value: Any) -> list[Any]:
        found: list[Any] = self._expect(value, (list,), "it")
        return found


def _product(
    item: Mapping[str, Any], place: _Place, attributes: tuple[str, ...], dice: random.Random
) -> Product:
    bullets = place.field(item, "small_description", str, list)
    pricing = place.text(item, "pricing") if "pricing" in item else ""
    try:
        amounts = price_numbers(pricing)
    except ValueError:
        place.fail(f"field 'pricing' is {pricing!r}, which holds no price after '$'")
    images = item.get("images")
    return Product(
        asin=place.text(item, "asin"),
        title=place.text(item, "name"),
        description=place.text(item, "full_description"),
        bullets=(bullets,) if isinstance(bullets, str) else place.texts(item, "small_description"),
        category=place.text(item, "category"),
        query=place.text(item, "query").lower().strip(),
        product_category=place.text(item, "product_category"),
        options=_options(item, place),
        price_tag=price_tag(amounts),
        price=dice.uniform(*amounts) if len(amounts) == 2 else amounts[0],
        attributes=attributes,
        image=place.texts(item, "images")[0] if images else "",
    )


def _options(item: Mapping[str, Any], place: _Place) -> dict[str, tuple[str, ...]]:
    groups = place.field(item, "customization_options", dict, str, list, type(None))
    if groups and not isinstance(groups, dict):
        place.fail("field 'customization_options' is not an object of lists")
    options: dict[str, tuple[str, ...]] = {}
    for name, entries in (groups or {}).items():
        if entries is None:
            continue
        inside = _Place(f"{place.where}: option '{name}'")
        values = (inside.text(inside.object(entry), "value") for entry in inside.array(entries))
        options[name.lower()] = tuple(option_value(value) for value in values)
    return options


def _attributes(table: Mapping[str, Any], asin: str, file: str) -> tuple[str, ...]:
    place = _Place(f"{file}: record {asin}")
    if asin not in table or "attributes" not in place.object(table[asin]):
        return NO_ATTRIBUTES
    return place.texts(table[asin], "attributes")


def _synthetic(table: Mapping[str, Any], asin: str, file: str) -> list[Wish]:
    place = _Place(f"{file}: record {asin}")
    if asin not in table:
        place.fail("it is missing, and synthetic goals need it (goals=human does not)")
    record = place.object(table[asin])
    if record.get("instruction") is None:
        return []
    attributes = place.texts(record, "instruction_attributes")
    return [Wish(asin, place.text(record, "instruction"), attributes, None)]


def _human(entries: Any, asin: str) -> list[Wish]:
    wishes: list[Wish] = []
    for number, entry in enumerate(_Place(f"{HUMAN_FILE}: record {asin}").array(entries)):
        place = _Place(f"{HUMAN_FILE}: record {asin}, instruction {number}")
        record = place.object(entry)
        text = place.text(record, "instruction").strip(".")
        attributes = place.texts(record, "instruction_attributes")
        wishes.append(Wish(asin, text, attributes, place.texts(record, "instruction_options")))
    return wishes


def _chosen(folder: Path, stem: str, limit: int | None) -> Path:
    """Return the file named `stem`, or `stem_<count>` with the least count that holds `limit` products."""
    names = {path: re.fullmatch(rf"{stem}(?:_(\d+))?\.json", path.name) for path in sorted(folder.iterdir())}
    sizes = {path: float(match[1] or "inf") for path, match in names.items() if match}
    if not sizes:
        raise ConfigError(f"data={folder}: there is no {stem}.json or {stem}_<count>.json")
    enough = [path for path, size in sizes.items() if size >= (limit or float("inf"))]
    return min(enough, key=sizes.__getitem__) if enough else max(sizes, key=sizes.__getitem__)


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except OSError as why:
        raise ConfigError(f"{path}: cannot be read ({why.strerror})") from None
    except json.JSONDecodeError as why:
        place = f"line {why.lineno}, column {why.colno}"
        raise DataError(f"{path.name}: not JSON at {place} ({why.msg})") from None
    except UnicodeDecodeError as why:
        raise DataError(f"{path.name}: not UTF-8 text at byte {why.start}") from None
    except ValueError as why:
        raise DataError(f"{path.name}: {why}") from None
    except RecursionError:
        raise DataError(f"{path.name}: nested too deeply to be a product file") from None
