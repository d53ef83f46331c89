"""Arithmetic on whole numbers, read by a bounded parser: nothing is ever evaluated as a program."""

import re

from agentrl.errors import InvalidAction

LENGTH, DIGITS, DEPTH = 200, 30, 20
"""most characters of an expression, digits of any number in it, brackets inside brackets"""
_TOKEN = re.compile(r"\s*(\d+|[-+*/()])")


def calculated(expression: str) -> int:
    """Return the value of an expression of whole numbers, + - * / and brackets.

    >>> calculated("2 + 3 * (10 - 4)")
    20

    Errors: InvalidAction, in words for the agent, for what is no such expression, too long or too large, and
            for a division that leaves something over.
    """
    if len(expression) > LENGTH:
        raise InvalidAction(f"The expression is longer than {LENGTH} characters.")
    tokens: list[str] = []
    place, text = 0, expression.rstrip()
    while place < len(text):
        found = _TOKEN.match(text, place)
        if found is None or not found[1].isascii():
            raise InvalidAction(f"Not understood at character {place + 1}; write whole numbers, + - * / ( ).")
        tokens.append(found[1])
        place = found.end()
    parser = _Parser(tokens)
    value = parser.sum(0)
    if parser.next:
        raise InvalidAction(f"Nothing was expected after the end, but there is '{parser.next}'.")
    return value


class _Parser:
    """Tokens, and how many were read."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens, self._at = tokens, 0

    @property
    def next(self) -> str:
        """The token to come; empty at the end."""
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def sum(self, depth: int) -> int:
        value = self._product(depth)
        while self.next in ("+", "-"):
            sign = self._taken()
            other = self._product(depth)
            value = _bounded(value + other if sign == "+" else value - other)
        return value

    def _product(self, depth: int) -> int:
        value = self._factor(depth)
        while self.next in ("*", "/"):
            sign = self._taken()
            other = self._factor(depth)
            value = _bounded(value * other) if sign == "*" else _divided(value, other)
        return value

    def _factor(self, depth: int) -> int:
        if depth > DEPTH:
            raise InvalidAction(f"More than {DEPTH} brackets inside each other.")
        token = self._taken()
        if token == "-":
            return -self._factor(depth + 1)
        if token == "(":
            value = self.sum(depth + 1)
            if self._taken() != ")":
                raise InvalidAction("A bracket is not closed.")
            return value
        if not token.isdigit():
            raise InvalidAction(f"A number was expected, but there is '{token or 'the end'}'.")
        if len(token) > DIGITS:
            raise InvalidAction(f"A number has more than {DIGITS} digits.")
        return int(token)

    def _taken(self) -> str:
        token = self.next
        self._at += 1
        return token


def _bounded(value: int) -> int:
    if abs(value) >= 10**DIGITS:
        raise InvalidAction(f"The value has more than {DIGITS} digits.")
    return value


def _divided(value: int, other: int) -> int:
    if other == 0:
        raise InvalidAction("Division by zero.")
    if value % other:
        raise InvalidAction(f"{value} / {other} leaves something over.")
    return value // other
