"""The characters that an action or observation may hold: all of them."""

import string
from typing import Self


class Anything(frozenset[str]):
    """A character set that contains every character; samples are printable ASCII."""

    def __new__(cls) -> Self:
        """Return the set; what is drawn from it is printable."""
        return super().__new__(cls, string.printable)

    def __contains__(self, item: object) -> bool:
        return isinstance(item, str)
