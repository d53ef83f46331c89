"""Integers in text written by a model."""

import re

_INTEGER = re.compile(r"(?<![\w.])-?\d+(?![\w.]*\d)")
DIGITS = 18
"""longer digit strings are no numbers anybody means; Python itself refuses to read very long ones"""


def last_integer(text: str) -> int | None:
    """Return the last integer in `text`, thousands commas allowed; None where there is none.

    >>> last_integer("between 3 and 1,200.")
    1200

    Edge: an integer of more than 18 digits counts as none; a decimal number is no integer.
    """
    found = _INTEGER.findall(re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", text))
    if not found or len(found[-1].lstrip("-")) > DIGITS:
        return None
    return int(found[-1])
