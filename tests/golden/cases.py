"""From golden files to cases that can be run."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentrl.errors import DataError, nearest
from tests.golden import offline, online
from tests.golden.compare import Tolerance, differences
from tests.golden.public import Public

ADAPTERS: dict[str, Callable[[Public, dict[str, Any]], dict[str, Any]]] = {
    **online.ADAPTERS,
    **offline.ADAPTERS,
}
"""by file name: from the public functions and a case's inputs to what its `expected` names"""


@dataclass(frozen=True, slots=True)
class Case:
    """One thing to compare."""

    name: str
    expected: Any
    tolerance: Tolerance
    run: Callable[[Public], Any]


@dataclass(frozen=True, slots=True)
class Failure:
    """One case that differs."""

    file: str
    case: str
    place: str
    expected: Any
    got: Any
    more: int = 0
    """further differences in the same case"""

    def __str__(self) -> str:
        more = f" (and {self.more} more)" if self.more else ""
        numbers = f"expected {_short(self.expected)}, got {_short(self.got)}{more}"
        return f"FAIL {self.file} {self.case} {self.place}: {numbers}"


def read(path: Path, data: Path | None = None) -> list[Case]:
    """Return the cases of a golden file.

    Errors: DataError where the file is not JSON or no adapter is known by its name.
    """
    if path.stem not in ADAPTERS:
        hint = nearest(path.stem, ADAPTERS)
        raise DataError(
            f"{path.name}: no adapter runs golden files of this name{hint} (there are {len(ADAPTERS)})"
        )
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as why:
        raise DataError(f"{path.name}: not JSON: {why}") from None
    adapter = ADAPTERS[path.stem]
    return [_case(adapter, case) for case in content["cases"]]


def _case(adapter: Callable[[Public, dict[str, Any]], dict[str, Any]], case: dict[str, Any]) -> Case:
    return Case(
        case["name"], case["expected"], case["tolerance"], lambda public: adapter(public, case["inputs"])
    )


def failures(file: str, cases: list[Case], public: Public) -> Iterator[Failure]:
    """Yield a failure for each case whose result differs, or that raises."""
    for case in cases:
        try:
            got = case.run(public)
        except Exception as why:  # a crash is one failed case, and the next one still runs
            yield Failure(file, case.name, "result", "a result", f"{type(why).__name__}: {why}")
            continue
        found = list(differences(case.expected, got, case.tolerance))
        if found:
            yield Failure(file, case.name, *found[0], more=len(found) - 1)


def _short(x: Any) -> str:
    text = repr(x)
    return text if len(text) <= 200 else f"{text[:160]}… ({len(text)} characters)"
