"""`docs/algorithms.md` is complete: every algorithm is on it, and what it says of one is so."""

import importlib
import inspect
import re
import tomllib
from pathlib import Path

import pytest

from agentrl.registry import find

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/algorithms.md").read_text(encoding="utf-8")
NAMES = list(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["agentrl.algos"])
FUNCTION = re.compile(r"`((?:credit|losses)\.\w+\.\w+)`")


def rows(heading: str) -> dict[str, list[str]]:
    """Return the table under a heading: the cells of each row by the algorithm it is about."""
    part = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    lines = [
        [cell.strip() for cell in line.split("|")[1:-1]] for line in part.splitlines() if line[:1] == "|"
    ]
    return {re.sub(r"\[?`(\w+)`.*", r"\1", cells[0]): cells for cells in lines[2:]}


PARTS, EQUATIONS = rows("Which algorithm has which parts"), rows("The equation of each line")


def test_every_algorithm_is_in_both_tables() -> None:
    assert set(PARTS) == set(EQUATIONS) == set(NAMES)


def test_every_function_that_is_named_exists() -> None:
    named = FUNCTION.findall(PAGE)
    assert len(set(named)) > 30
    for path in named:
        module, _, function = f"agentrl.{path}".rpartition(".")
        assert inspect.isfunction(getattr(importlib.import_module(module), function, None)), path


@pytest.mark.parametrize("name", NAMES)
def test_a_row_says_what_the_code_says(name: str) -> None:
    cls = find("algos", name)
    _, data, credit, loss, extra, paper = PARTS[name]
    assert (ROOT / "docs" / re.findall(r"\]\(([^)]+)\)", PARTS[name][0])[0]).resolve() == Path(
        inspect.getfile(cls)
    )
    code = "".join(inspect.getsource(importlib.import_module(one.__module__)) for one in cls.__mro__[:-2])
    for path in FUNCTION.findall(credit + loss):
        assert re.search(rf"\b{path.rpartition('.')[2]}\b", code), path
    if "nothing" not in cls.data:
        assert cls.aggregate in loss or (cls.coupled and "whole step" in loss)
        assert data != "none"
    for model in ("reference", "critic", "teacher"):
        assert (model in cls.extra) == (model in extra.replace("(reference)", "")), model
    assert "arXiv" not in cls.paper or paper == cls.paper


@pytest.mark.parametrize("name", NAMES)
def test_what_an_equation_refers_to_is_there(name: str) -> None:
    for other in re.findall(r"`(\w+)`", " ".join(EQUATIONS[name][1:])):
        assert (other in NAMES and other != name) or other in find("algos", name).__dataclass_fields__
