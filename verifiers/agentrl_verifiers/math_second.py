"""The second stage: what floating point cannot tell apart is compared in a process that can be killed.

Only trees go there, bounded by the reader that made them; for a second opinion, their text in LaTeX.
"""

import os
import threading
from collections.abc import Callable
from typing import Any, Literal

from agentrl.child import Child
from agentrl.errors import ConfigError
from agentrl_verifiers.math_grammar import Tree

Stage = Literal["sympy", "math_verify"]
MEMORY = 1024.0
"""MiB that the process may allocate"""


class Second:
    """The function of the process: what it needs is imported when the process starts."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    def __call__(self, gold: Tree | str, given: Tree | str) -> bool:
        """Return whether two expressions are equal, in this process."""
        return _loaded(self.stage)(gold, given)

    def __reduce__(self) -> tuple[Any, ...]:
        return _loaded, (self.stage,)


def _loaded(stage: Stage) -> Callable[[Any, Any], bool]:
    """Return the function, in the process."""
    if stage == "sympy":
        from agentrl_verifiers import math_sympy

        math_sympy.same(("sym", "x"), ("fn", "exp", ("sym", "x")))  # the first call is slow
        return math_sympy.same
    try:
        import math_verify
    except ImportError:
        raise ConfigError("a second opinion needs math-verify: pip install 'agentrl[math-verify]'") from None

    def same(gold: str, given: str) -> bool:
        # Its own clocks only work in a main thread; here the process is ended when it takes too long.
        one, two = (math_verify.parse(f"${text}$", parsing_timeout=None) for text in (gold, given))
        return bool(math_verify.verify(one, two, timeout_seconds=None))

    same("1", "x")
    return same


_children: dict[tuple[int, Stage], Child] = {}
_lock = threading.Lock()


def asked(stage: Stage, gold: Tree | str, given: Tree | str, deadline: float) -> bool:
    """Return what the process of a stage says to two expressions.

    Errors: DeadlineError after `deadline` seconds, ChildError where the process was lost or raised.
    """
    key = (os.getpid(), stage)  # a process that was forked has children of its own
    with _lock:
        if key not in _children:
            _children[key] = Child(Second(stage), memory=MEMORY)
        child = _children[key]
    return bool(child.call(gold, given, deadline=deadline))


def _forked() -> None:
    """Give a forked process a lock that nobody holds."""
    global _lock
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_forked)
