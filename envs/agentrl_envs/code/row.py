"""One line of a data file, whose fields are asked for by type."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from agentrl.errors import DataError


@dataclass(frozen=True, slots=True)
class Row:
    """Fields of a record, and where it stands."""

    fields: Mapping[str, Any]
    place: str

    def wrong(self, what: str) -> DataError:
        """Return an error that names the place."""
        return DataError(f"{self.place}: {what}")

    def name(self, field: str) -> str:
        """Return an id: a text or a number."""
        found = self.fields.get(field)
        if isinstance(found, bool) or not isinstance(found, str | int) or found == "":
            raise self.wrong(f"'{field}' is {_shown(found)}, not a name or number")
        return str(found)

    def text(self, field: str, *, default: str | None = None) -> str:
        """Return a text."""
        found = self.fields.get(field, default)
        if not isinstance(found, str):
            raise self.wrong(f"'{field}' is {_shown(found)}, not a text")
        return found

    def texts(self, field: str, *, default: list[str] | None = None) -> list[str]:
        """Return a list of texts."""
        found = self.fields.get(field, default)
        if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
            raise self.wrong(f"'{field}' is {_shown(found)}, not a list of texts")
        return found

    def inner(self, field: str) -> Any:
        """Return what a field holds that is JSON written as a text, or plain."""
        found = self.fields.get(field)
        return self.decoded(found, field) if isinstance(found, str) else found

    def decoded(self, text: str, what: str) -> Any:
        """Return what a JSON text says."""
        try:
            return msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError, UnicodeEncodeError) as why:
            raise self.wrong(f"{what} is not JSON: {why}") from None


def _shown(value: Any) -> str:
    return "not there" if value is None else f"{value!r}"[:60]
