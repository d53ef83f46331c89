"""Judge tool calls against the right ones, argument by argument, in any order or in theirs.

| what | value |
|---|---|
| answer | a reply with `<tool_call>` blocks (agentrl/toolcalls.py); a submission's own `calls` go before |
| task.data | `tools`: JSON schemas; `calls`: the right calls, `{"name": …, "arguments": {key: [values allowed]}}` |
| score | 1.0 where each right call is made once and nothing else is, else 0.0; with `partial` the share of right calls made, over the larger number of both |

A value must be one of those allowed, texts compared without letter case and ` ,./-_*^`. An object's values are lists of
values allowed, too, at every depth; `""` among them says that the key may be missing. No right call: none may be made.

Source: the rules of the Berkeley Function-Calling Leaderboard's AST check. Ours: calls in any order are matched as well
as they can be, not first come first served; whole numbers pass for numbers inside lists, too.
"""  # noqa: E501

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from agentrl.registry import verifier
from agentrl.toolcalls import ToolCall, said, said_in_message, written
from agentrl.types import Task
from agentrl.verify import Pair, Submission, Verdict

_DROPPED = str.maketrans({**dict.fromkeys(" ,./-_*^"), "'": '"'})
_TYPES: Mapping[str, tuple[type, ...]] = {
    **{
        "string": (str,),
        "boolean": (bool,),
        "integer": (int,),
        "number": (int, float),
        "float": (int, float),
    },
    **{"array": (list,), "tuple": (list,), "object": (dict,), "dict": (dict,), "null": (type(None),)},
}


def plain_text(text: str) -> str:
    """Return text as values are compared: no letter case, one sort of quote, no spaces and light punctuation.

    >>> plain_text("April 1, 2024") == plain_text("april 1 2024")
    True
    """
    return text.translate(_DROPPED).lower()


def same_value(given: Any, right: Any) -> bool:
    """Return whether a value is the right one; whole numbers equal numbers, truth values only themselves."""
    if isinstance(given, str) and isinstance(right, str):
        return plain_text(given) == plain_text(right)
    if isinstance(given, Mapping) and isinstance(right, Mapping):
        return same_object(given, right)
    if isinstance(given, list) and isinstance(right, list):
        return len(given) == len(right) and all(map(same_value, given, right))
    if isinstance(given, bool) or isinstance(right, bool):
        return given is right
    return bool(given == right)


def same_object(given: Mapping[str, Any], right: Mapping[str, Any]) -> bool:
    """Return whether each key has a value allowed for it, and none is missing but those that may be."""
    good = all(any(same_value(v, one) for one in _allowed(right, key)) for key, v in given.items())
    return good and all(key in given or "" in _allowed(right, key) for key in right)


def _allowed(right: Mapping[str, Any], key: str) -> list[Any]:
    """Return the values allowed for a key; one that stands alone is the only one."""
    values = right.get(key, [])
    return values if isinstance(values, list) else [values]


def fits_schema(value: Any, schema: Mapping[str, Any]) -> bool:
    """Return whether a value is of the type that a JSON schema names, and its elements likewise.

    Edge: a schema without a type, or with one not known here, takes everything.
    """
    named = schema.get("type")
    if not any(_is(value, str(name)) for name in (named if isinstance(named, list) else [named])):
        return False
    inner = schema.get("items") or {}
    return not isinstance(value, list) or all(fits_schema(one, inner) for one in value)


def _is(value: Any, name: str) -> bool:
    kinds = _TYPES.get(name, (object,))
    # To Python a truth value is a whole number.
    return isinstance(value, kinds) and not (isinstance(value, bool) and int in kinds)


def wrong_with(call: ToolCall, right: Mapping[str, Any], tools: Mapping[str, Mapping[str, Any]]) -> str:
    """Return what is wrong with a call, in words; empty where it is the right one."""
    name = right["name"]
    if call.error:
        return call.error
    if call.name not in (name, name.replace(".", "_")):
        return f"{call.name} is not {name}"
    about = tools[name]
    properties = about.get("properties", {})
    for key in about.get("required", ()):
        if key not in call.arguments:
            return f"{name} needs '{key}'"
    for key, value in call.arguments.items():
        if key not in properties:
            return f"{name} takes no '{key}'"
        # A variable may stand in place of a value: then its name is allowed, whatever type the schema says.
        variable = isinstance(value, str) and any(
            isinstance(one, str) and one for one in _allowed(right["arguments"], key)
        )
        if not variable and not fits_schema(value, properties[key]):
            return f"{name}: '{key}' is of the wrong type"
    return "" if same_object(call.arguments, right["arguments"]) else f"{name}: other arguments"


def most_pairs(fits: Sequence[Sequence[bool]]) -> int:
    """Return how many rows can be given a column of their own that fits them.

    Source: augmenting paths (Kuhn 1955).
    """
    taken: dict[int, int] = {}

    def placed(row: int, seen: set[int]) -> bool:
        for column, good in enumerate(fits[row]):
            if good and column not in seen:
                seen.add(column)
                if column not in taken or placed(taken[column], seen):
                    taken[column] = row
                    return True
        return False

    return sum(placed(row, set()) for row in range(len(fits)))


def _about(entry: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """Return name and parameters of a tool, wrapped as chat templates take it or not."""
    inner = entry.get("function", entry)
    return inner["name"], inner.get("parameters", {})


_TOOLS = [
    {
        "name": "maps.route",
        "parameters": {
            "type": "object",
            "properties": {
                "to": {"type": "string"},
                "via": {"type": "array", "items": {"type": "string"}},
                "km": {"type": "number"},
                "fast": {"type": "boolean"},
            },
            "required": ["to"],
        },
    },
    {"name": "add", "parameters": {"properties": {"a": {"type": "integer"}}, "required": ["a"]}},
]
_ROUTE = {
    "name": "maps.route",
    "arguments": {"to": ["New York", "NYC"], "km": ["", 5.0], "via": ["", ["Rye"]]},
}
_ONE, _TWO = ({"name": "add", "arguments": {"a": [n]}} for n in (1, 2))


def _pair(passes: bool, answer: str, *calls: Mapping[str, Any]) -> Pair:
    return Pair(answer, {"tools": _TOOLS, "calls": list(calls)}, passes)


def _route(**arguments: Any) -> str:
    return written("maps.route", arguments)


@verifier("tool_calls")
@dataclass(frozen=True)
class ToolCalls:
    """Judges which tools a reply calls, and with what."""

    name: ClassVar[str] = "tool_calls"
    low: ClassVar[float] = 0.0
    high: ClassVar[float] = 1.0
    pairs: ClassVar[tuple[Pair, ...]] = (
        _pair(True, _route(to="new-york"), _ROUTE),
        _pair(True, _route(to="NYC", km=5, via=["rye"]), _ROUTE),
        _pair(True, _route(to="NYC").replace("maps.route", "maps_route"), _ROUTE),
        _pair(True, f"So.\n{written('add', {'a': 2})}\n{written('add', {'a': 1})}", _ONE, _TWO),
        _pair(True, "No tool helps here."),
        _pair(False, _route(to="Boston"), _ROUTE),
        _pair(False, _route(km=5), _ROUTE),
        _pair(False, _route(to="NYC", fast=True), _ROUTE),
        _pair(False, _route(to="NYC", km=True), _ROUTE),
        _pair(False, _route(to="NYC", via="Rye"), _ROUTE),
        _pair(False, _route(to="NYC", speed=5), _ROUTE),
        _pair(False, _route(to="NYC") + _route(to="NYC"), _ROUTE),
        _pair(False, written("add", {"a": "1"}), _ONE),
        _pair(False, written("add", {"a": 1}), _ONE, _TWO),
        _pair(False, f"<think>{written('add', {'a': 1})}</think>", _ONE),
        _pair(False, written("add", {"a": 1})),
        _pair(False, "<tool_call>\n{", _ONE),
        _pair(False, "", _ONE),
    )

    order: Literal["any", "exact"] = "any"
    """whether calls must come in the order of the right ones"""
    partial: bool = False
    """credit for each right call"""

    def verify(self, submission: Submission, task: Task) -> Verdict:
        """Return the score; `parts` holds the share of right calls made, and of calls made that are right.

        Edge: a task whose tools or right calls cannot be used gives the status `error`.
        """
        made = _made(submission)
        try:
            tools = dict(_about(entry) for entry in task.data["tools"])
            right = list(task.data["calls"])
            faults = [[wrong_with(call, one, tools) for call in made] for one in right]
            lost = [one["name"] for one in right if one["name"] not in tools]
        except RecursionError:
            return Verdict(0.0, "ok", "arguments are nested too deeply")
        except (KeyError, TypeError, ValueError, AttributeError) as why:
            return Verdict(0.0, "error", f"task: {type(why).__name__}: {why}")
        if lost:
            return Verdict(0.0, "error", f"task: a right call names '{lost[0]}', which is none of its tools")
        fits = [[not fault for fault in row] for row in faults]
        met = _in_place(fits) if self.order == "exact" else most_pairs(fits)
        most = max(len(right), len(made))
        share = met / most if most else 1.0
        parts = {"found": met / len(right) if right else 1.0, "fitting": met / len(made) if made else 1.0}
        return Verdict(
            share if self.partial else float(share == 1.0), "ok", _reason(faults, made, share), parts
        )


def _made(submission: Submission) -> tuple[ToolCall, ...]:
    """Return the calls of a submission: its own, else those in its answer."""
    if not submission.calls:
        return said(submission.answer).calls
    return said_in_message({"tool_calls": list(submission.calls)}).calls


def _in_place(fits: Sequence[Sequence[bool]]) -> int:
    """Return how many right calls are made in their place."""
    return sum(row[i] for i, row in enumerate(fits) if i < len(row))


def _reason(faults: Sequence[Sequence[str]], made: Sequence[ToolCall], share: float) -> str:
    if share == 1.0:
        return ""
    if len(made) != len(faults):
        return f"{len(made)} calls, {len(faults)} wanted"
    return next((fault for row in faults for fault in row if fault), "in another order")
