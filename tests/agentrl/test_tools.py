"""Tools: what an agent is told of them, and what it is told when it gets them wrong."""

from typing import Any, Literal

import pytest

from agentrl.errors import ConfigError, InvalidAction
from agentrl.tools import call, schema, tool, tools_of


class Shop:
    @tool
    def search(self, query: str, most: int = 10) -> str:
        """Return the best matches."""
        return f"{query}:{most}"

    @tool
    def sort(self, by: Literal["price", "name"]) -> str:
        """Return the matches in order."""
        return by

    def private(self) -> None: ...


class Better(Shop):
    @tool
    def search(self, query: str, most: int = 20) -> str:
        """Return better matches."""
        return f"better {query}:{most}"


def test_the_schema_comes_from_signature_and_docstring() -> None:
    assert schema(Shop().search)["function"] == {
        "name": "search",
        "description": "Return the best matches.",
        "parameters": {
            "type": "object",
            "properties": {"query": {"type": "string"}, "most": {"type": "integer", "default": 10}},
            "required": ["query"],
        },
    }


def test_only_marked_methods_are_tools_and_an_override_replaces() -> None:
    assert list(tools_of(Shop())) == ["search", "sort"]
    assert call(Better(), "search", {"query": "x"}) == "better x:20"


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("serach", {}, r"no tool 'serach'; did you mean 'search'\?"),
        ("search", {}, "search needs 'query'"),
        ("search", {"query": 3}, "search: query: Expected `str`"),
        ("search", {"query": "x", "mots": 1}, r"takes no 'mots'; did you mean 'most'\?"),
        ("sort", {"by": "age"}, "sort: by: Invalid enum value 'age'"),
        ("private", {}, "no tool 'private'"),
    ],
)
def test_wrong_calls_are_answered_in_words(name: str, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidAction, match=message):
        call(Shop(), name, arguments)


def test_a_tool_that_cannot_be_described_is_refused_when_written() -> None:
    with pytest.raises(ConfigError, match="parameter 'x' needs a name and a type"):

        @tool
        def f(self, x):  # type: ignore[no-untyped-def]
            """Return x."""

    with pytest.raises(ConfigError, match="needs a docstring"):

        @tool
        def g(self: object, x: int) -> None: ...
