"""Programs in what an agent writes: blocks between fences, or calls of a tool in JSON."""

import json
import re

from agentrl.errors import InvalidAction

Call = tuple[str, dict[str, object]]
"""tool and arguments"""
_BLOCK = re.compile(r"```(?:python|py)[ \t]*\r?\n(.*?)(?:```|\Z)", re.DOTALL | re.IGNORECASE)
_CALL = re.compile(r"<tool_call>(.*?)(?:</tool_call>|\Z)", re.DOTALL)


def programs(text: str) -> list[Call]:
    """Return the calls in a text, tool and arguments each, in order; blocks are calls of `python`.

    >>> programs("First:\\n```python\\nprint(6 * 7)\\n```")
    [('python', {'code': 'print(6 * 7)\\n'})]
    >>> programs('<tool_call>{"name": "python", "arguments": {"code": "1"}}</tool_call>')
    [('python', {'code': '1'})]
    >>> programs("It is 42.")
    []

    Errors: InvalidAction for a call that is no JSON with name and arguments.
    """
    found = [(match.start(), ("python", {"code": match[1]})) for match in _BLOCK.finditer(text)]
    found += [(match.start(), _call(match[1])) for match in _CALL.finditer(text)]
    return [call for _, call in sorted(found, key=lambda one: one[0])]


def _call(text: str) -> Call:
    try:
        call = json.loads(text)
        name, arguments = call["name"], call["arguments"]
    except (ValueError, TypeError, KeyError, RecursionError):
        name = arguments = None
    if not isinstance(name, str) or not isinstance(arguments, dict):
        raise InvalidAction(
            'A tool call is JSON: {"name": "python", "arguments": {"code": "..."}}. That was none.'
        )
    return name, arguments


def block(code: str) -> str:
    """Return a program as an agent writes it."""
    return f"```python\n{code}\n```"
