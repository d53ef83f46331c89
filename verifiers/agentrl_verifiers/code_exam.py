"""What the examiner does, in a sandbox of its own: run a test's text and count what it asserts.

The submission is in another sandbox. `candidate` asks the host for what it answers; expected values are here
and never there.
"""

import ast
import builtins
from collections.abc import Iterator
from importlib import import_module
from typing import Any

TALLY = "_agentrl_tally"


def session() -> Any:
    """Return the module that a session's own functions are in: there is one inside a sandbox only."""
    return import_module("session")


class CandidateError(Exception):
    """The submission raised something, or died."""


def candidate(*arguments: Any, **named: Any) -> Any:
    """Return what the submission answers; raise what it raises, where that is a standard exception."""
    said = session().ask("candidate", *arguments, **named)
    if "error" not in said:
        try:
            return session().decoded(said["value"])
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as why:
            raise CandidateError(f"no plain value: {why}") from None
    kind = getattr(builtins, said["error"], None)
    if isinstance(kind, type) and issubclass(kind, Exception) and not issubclass(kind, UnicodeError):
        raise kind(said["message"])
    raise CandidateError(f"{said['error']}: {said['message']}")


class Counted(ast.NodeTransformer):
    """Makes every assertion a case of its own: one that fails does not stop the next."""

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        """Report how it went, instead of raising."""
        raised = "_agentrl_why"
        attempt = ast.Try(
            body=[node],
            handlers=[
                ast.ExceptHandler(
                    type=ast.Name("Exception", ast.Load()), name=raised, body=[self._told(raised)]
                )
            ],
            orelse=[self._told(None)],
            finalbody=[],
        )
        return ast.fix_missing_locations(ast.copy_location(attempt, node))

    def visit_Try(self, node: ast.Try) -> ast.AST:
        """Leave it: the test itself catches what is raised there."""
        return node

    def _told(self, raised: str | None) -> ast.stmt:
        why = ast.Constant(None) if raised is None else ast.Name(raised, ast.Load())
        return ast.Expr(ast.Call(ast.Name(TALLY, ast.Load()), [why], []))


def tally(why: Exception | None) -> None:
    """Tell the host how a case went."""
    session().ask("case", why is None, "" if why is None else f"{type(why).__name__}: {why}"[:200])


def same(got: Any, expected: Any, tolerance: float) -> bool:
    """Tell whether two plain values are equal; numbers may differ by a share of the larger of 1 and them.

    >>> same([1.0, (2, "a")], [1.0000001, (2, "a")], 1e-6), same((1,), [1], 1e-6)
    (True, False)
    """
    number = (int, float)
    if tolerance and isinstance(got, number) and isinstance(expected, number):
        return got == expected or abs(got - expected) <= tolerance * max(1.0, abs(expected))
    if tolerance and type(got) is type(expected) and isinstance(expected, list | tuple):
        pairs = zip(got, expected, strict=False)
        return len(got) == len(expected) and all(same(a, b, tolerance) for a, b in pairs)
    if tolerance and isinstance(got, dict) and isinstance(expected, dict):
        return got.keys() == expected.keys() and all(same(got[k], expected[k], tolerance) for k in expected)
    return bool(got == expected)


def asserted(tree: ast.AST) -> Iterator[str]:
    """Yield everything in a test that can fail on purpose: assertions and calls named for one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert):
            yield "assert"
        elif isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if "assert" in name.lower():
                yield name


def examine(source: str, entry: str) -> None:
    """Run a test to its end: its assertions, then its `check(candidate)` where it defines one."""
    names: dict[str, Any] = {"__name__": "test", "candidate": candidate, "same": same, TALLY: tally}
    names[entry] = candidate  # a test may call the function by its own name
    tree = ast.parse(source, "test.py")
    session().ask("size", len(list(asserted(tree))))
    exec(compile(Counted().visit(tree), "test.py", "exec", dont_inherit=True), names)
    if "check" in names:
        names["check"](candidate)
