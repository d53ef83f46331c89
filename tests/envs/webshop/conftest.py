"""The recorded shop: 50 products, goals and episodes of the original engine."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agentrl_envs.bm25 import Index
from agentrl_envs.webshop.pages import Shop
from agentrl_envs.webshop.product import Goal, Product, document
from agentrl_envs.webshop.records import parse

DATA = Path(__file__).parents[2] / "golden" / "data"


@dataclass(frozen=True)
class Recorded:
    """The recorded catalogue, searchable, and the recorded goals."""

    stock: dict[str, Product]
    index: Index
    file: dict[str, Any]

    def goal(self, kind: str, number: int) -> Goal:
        return as_goal(self.file[f"goals_{kind}"][number])

    def shop(self, view: str = "text", kind: str = "human", number: int = 0, **more: Any) -> Shop:
        return Shop(self.stock, self.index.hits, self.goal(kind, number), view=view, **more)


def as_goal(fields: dict[str, Any]) -> Goal:
    options = fields["goal_options"]
    return Goal(
        asin=fields.get("asin", ""),
        category=fields.get("category", ""),
        query=fields["query"],
        name=fields["name"],
        product_category=fields["product_category"],
        text=fields.get("instruction_text", ""),
        attributes=tuple(fields["attributes"]),
        price_upper=fields["price_upper"],
        options=options if isinstance(options, dict) else tuple(options),
    )


@pytest.fixture(scope="session")
def golden() -> Callable[[str], Any]:
    return lambda name: json.loads((DATA / f"webshop_{name}.json").read_text())


@pytest.fixture(scope="session")
def recorded(golden) -> Recorded:
    file = golden("transcripts")
    products = parse(file["items_shuffle"], file["items_ins_v2"]).products
    stock = {product.asin: product for product in products}
    return Recorded(stock, Index((p.asin, document(p)) for p in products), file)


@pytest.fixture(scope="session")
def goal_of() -> Callable[[dict[str, Any]], Goal]:
    return as_goal


@pytest.fixture
def folder(golden, tmp_path) -> Path:
    """A folder of WebShop's own files, free to be broken."""
    file = golden("transcripts")
    for name in ("items_shuffle", "items_ins_v2", "items_human_ins"):
        (tmp_path / f"{name}.json").write_text(json.dumps(file[name]))
    return tmp_path


@pytest.fixture(scope="session")
def data(golden, tmp_path_factory) -> str:
    """The same, shared and whole."""
    whole = tmp_path_factory.mktemp("webshop")
    file = golden("transcripts")
    for name in ("items_shuffle", "items_ins_v2", "items_human_ins"):
        (whole / f"{name}.json").write_text(json.dumps(file[name]))
    return str(whole)
