"""A programming problem: what is asked, which tests are shown, which decide."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agentrl_envs.code.operations import Operation

Tests = Sequence[Any]
"""in a form that the judge takes: assertions, {args, returns} or {stdin, stdout}"""


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem. Only `text`, `signature` and `public` are for the agent to see."""

    id: str
    kind: str
    """family or format; success is told by it"""
    text: str
    entry: str
    """what the tests call; empty for programs that read standard input"""
    public: Tests
    hidden: Tests | str
    signature: str = ""
    """how the program begins, where that is fixed"""
    preamble: str = ""
    """code put before every program"""
    stub: str = ""
    """code that a program continues where it does not define `entry` itself"""
    setup: str = ""
    """code that the tests take for granted"""
    reference: str = ""
    """a program that passes; empty where none is known"""
    chain: tuple[Operation, ...] = ()
    """of a generated problem: what it asks for, step by step"""

    @property
    def stdin(self) -> bool:
        """It is tested by what it reads and prints."""
        return not self.entry

    @property
    def digest(self) -> str:
        """Twelve hex digits of everything that decides an episode."""
        record = [self.text, self.entry, list(self.public), self.hidden, self.preamble, self.setup]
        return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()[:12]


def shown(test: Any, entry: str = "") -> str:
    r"""Return a public test as the agent reads it.

    >>> shown({"args": [[1, 2]], "returns": 3}, "f"), shown({"stdin": "1\n", "stdout": "2\n"})
    ('f([1, 2]) == 3', "input '1\\n' prints '2\\n'")
    """
    if isinstance(test, Mapping) and "args" in test:
        return f"{entry}({', '.join(map(repr, test['args']))}) == {test['returns']!r}"
    if isinstance(test, Mapping):
        return f"input {test['stdin']!r} prints {test['stdout']!r}"
    return str(test).strip().removeprefix("assert ")
