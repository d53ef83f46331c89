"""From golden files to cases that can be run."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from agentrl.errors import DataError, nearest
from tests.golden import (
    alfworld,
    answers,
    code,
    math,
    offline,
    online,
    online_credit,
    online_losses,
    preferences,
    tools,
    webshop,
)
from tests.golden.case import Case
from tests.golden.compare import differences
from tests.golden.public import Public

Adapter = Callable[..., dict[str, Any]]
"""from the public functions and a case's inputs (as `x`) to what its `expected` names"""


def _one_schema(adapter: Adapter) -> Callable[[dict[str, Any]], list[Case]]:
    """Return how to read a file of the schema that all online and offline files share."""

    def cases(content: dict[str, Any]) -> list[Case]:
        return [
            Case(case["name"], case["expected"], case["tolerance"], partial(adapter, x=case["inputs"]))
            for case in content["cases"]
        ]

    return cases


FILES: dict[str, Callable[[dict[str, Any]], list[Case]]] = {
    **{name: _one_schema(adapter) for name, adapter in (online.ADAPTERS | offline.ADAPTERS).items()},
    **{name: _one_schema(a) for name, a in (online_credit.ADAPTERS | online_losses.ADAPTERS).items()},
    **{name: _one_schema(adapter) for name, adapter in tools.ADAPTERS.items()},
    **tools.FILES,
    **{name: _one_schema(a) for name, a in (preferences.ADAPTERS | answers.ADAPTERS).items()},
    **webshop.FILES,
    **alfworld.FILES,
    "code_hostile": code.cases,
    **math.FILES,
}
"""by file name: from its content to its cases"""

_FUNCTIONS = (
    *(*online.FUNCTIONS, *online_credit.FUNCTIONS, *online_losses.FUNCTIONS),
    *(*preferences.FUNCTIONS, *answers.FUNCTIONS),
    *(*offline.FUNCTIONS, *webshop.FUNCTIONS, *alfworld.FUNCTIONS, *code.FUNCTIONS),
    *math.FUNCTIONS,
    *tools.FUNCTIONS,
)


def public(broken: str | None = None) -> Public:
    """Return the functions that cases run through, one of them broken on request."""
    return Public({function.__qualname__.replace(".", "_"): function for function in _FUNCTIONS}, broken)


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


def read(path: Path) -> list[Case]:
    """Return the cases of a golden file.

    Errors: DataError where the file is not laid out as one or no adapter is known by its name; NotHereError
            where it needs data that are nowhere to be found.
    """
    if path.stem not in FILES:
        hint = nearest(path.stem, FILES)
        raise DataError(f"{path.name}: no adapter runs golden files of this name{hint}")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as why:
        raise DataError(f"{path.name}: not JSON: {why}") from None
    try:
        return FILES[path.stem](content)
    except (KeyError, TypeError) as why:
        raise DataError(f"{path.name}: not laid out as this golden file is: {why!r}") from None


def failures(file: str, cases: list[Case], through: Public) -> Iterator[Failure]:
    """Yield a failure for each case whose result differs, or that raises."""
    for case in cases:
        try:
            got = case.run(through)
        except Exception as why:  # a crash is one failed case, and the next one still runs
            yield Failure(file, case.name, "result", "a result", f"{type(why).__name__}: {why}")
            continue
        found = list(differences(case.expected, got, case.tolerance))
        if found:
            yield Failure(file, case.name, *found[0], more=len(found) - 1)


def _short(x: Any) -> str:
    text = repr(x)
    return text if len(text) <= 200 else f"{text[:160]}… ({len(text)} characters)"
