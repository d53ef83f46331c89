"""One thing to compare."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from agentrl.errors import DataError
from tests.golden.compare import Tolerance
from tests.golden.public import Public


@dataclass(frozen=True, slots=True)
class Case:
    """A name, what is expected, how closely, and how to get it from the public functions."""

    name: str
    expected: Any
    tolerance: Tolerance
    run: Callable[[Public], Any]


class NotHereError(DataError):
    """Data that a golden file needs, and that do not come with the project, were not found."""
