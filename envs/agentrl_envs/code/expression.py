"""Python expressions of a small kind, worked out without running Python: safe for text from a model.

| what | value |
|---|---|
| values | numbers, texts, booleans, flat lists of these |
| operators | + - * // / % **, comparisons, and, or, not, in, `x if c else y` |
| access | indices and slices |
| loops | comprehensions, also as the argument of a call |
| functions | abs all any len list max min sorted sum |
| methods | count index lower upper |
| bounds | length, depth, size of every value, number of steps |
"""

import ast
import operator
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from agentrl.errors import AgentRLError, nearest

CHARACTERS, BRACKETS, DEPTH = 400, 24, 48
"""most of a text; bounds what reading it can cost"""
STEPS, ITEMS, NUMBER = 20_000, 1_000, 10**12
"""most parts worked out, items of a value, absolute value of a number"""


class ExpressionError(AgentRLError, ValueError):
    """An expression cannot be read, is not allowed or comes to no value; the text says why."""


_BINARY: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
_COMPARED: Mapping[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda a, b: a in b,
    ast.NotIn: lambda a, b: a not in b,
}
_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    f.__name__: f for f in (abs, all, any, len, list, max, min, sorted, sum)
}
_METHODS = ("count", "index", "lower", "upper")
_OPEN, _CLOSE = "([{", ")]}"


class Expression:
    """An expression that was read and found to hold nothing but what is allowed."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._tree = _read(text)

    def value(self, names: Mapping[str, Any]) -> Any:
        """Return its value, given those of the names in it; the same text and names give the same value.

        Errors: ExpressionError where there is none, or where it is too large or too much work.
        """
        try:
            return _Evaluation(dict(names)).of(self._tree)
        except ExpressionError:
            raise
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as why:
            raise ExpressionError(f"{type(why).__name__}: {why}") from None


def _read(text: str) -> ast.expr:
    if len(text) > CHARACTERS:
        raise ExpressionError(f"too long: {len(text)} characters, at most {CHARACTERS}")
    # CPython's parser descends once a bracket: bounded before it is asked.
    if _nesting(text) > BRACKETS:
        raise ExpressionError(f"brackets nest deeper than {BRACKETS}")
    if "\\" in text or not text.isprintable():
        raise ExpressionError("no backslashes, line ends or characters that do not print")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd spellings such as `1if x else 2`
            tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as why:
        said = re.sub(r" \(.*", "", str(why))
        raise ExpressionError(f"not an expression: {said}") from None
    _allow(tree, DEPTH)
    return tree


def _nesting(text: str) -> int:
    depth = most = 0
    for character in text:
        depth += (character in _OPEN) - (character in _CLOSE)
        most = max(most, depth)
    return most


def _allow(node: ast.AST, left: int) -> None:
    """Refuse what is not on the list, before any of it is worked out."""
    if left == 0:
        raise ExpressionError(f"parts nest deeper than {DEPTH}")
    if not isinstance(node, _ALLOWED):
        raise ExpressionError(f"{_called(node)} is not allowed")
    if isinstance(node, ast.Constant) and type(node.value) not in (int, str, bool):
        raise ExpressionError(f"{node.value!r} is not allowed: whole numbers and texts only"[:120])
    if isinstance(node, ast.comprehension) and (node.is_async or not isinstance(node.target, ast.Name)):
        raise ExpressionError("a loop runs over one name")
    if isinstance(node, ast.Call):
        _allow_call(node)
        for argument in node.args:
            _allow(argument, left - 1)
        if isinstance(node.func, ast.Attribute):
            _allow(node.func.value, left - 1)
        return
    for child in ast.iter_child_nodes(node):
        _allow(child, left - 1)


def _allow_call(node: ast.Call) -> None:
    allowed: tuple[str, ...] = ()
    if isinstance(node.func, ast.Name):
        name, allowed = node.func.id, tuple(_FUNCTIONS)
    elif isinstance(node.func, ast.Attribute):
        name, allowed = node.func.attr, _METHODS
    if not allowed or name not in allowed:
        raise ExpressionError(
            f"{ast.unparse(node.func)[:40]} cannot be called"
            + (f"{nearest(name, allowed)} (allowed: {', '.join(allowed)})" if allowed else "")
        )
    if node.keywords:
        raise ExpressionError(f"{name} takes no named arguments here")


def _called(node: ast.AST) -> str:
    return type(node).__name__.lower()


_ALLOWED = (
    ast.expr_context, ast.operator, ast.unaryop, ast.boolop, ast.cmpop, ast.comprehension,
    ast.Constant, ast.Name, ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.IfExp, ast.List,
    ast.Subscript, ast.Slice, ast.ListComp, ast.GeneratorExp, ast.Call,
)  # fmt: skip


class _Evaluation:
    """One walk over a tree, with its names and its budget."""

    def __init__(self, names: dict[str, Any]) -> None:
        self.names = names
        self.left = STEPS

    def of(self, node: ast.expr) -> Any:
        """Return the value of a part."""
        self.left -= 1
        if self.left < 0:
            raise ExpressionError(f"more than {STEPS} steps of work")
        value = getattr(self, f"_{type(node).__name__}")(node)
        if isinstance(value, int | float) and not -NUMBER <= value <= NUMBER:
            raise ExpressionError(f"a number above {NUMBER:g}")
        if isinstance(value, str | list):
            self._weigh(value)
        return value

    def _weigh(self, value: str | list[Any]) -> None:
        """Charge for a value's size. Flat lists only: nested ones grow faster than they are built."""
        self.left -= len(value)
        if len(value) > ITEMS:
            raise ExpressionError(f"a value of more than {ITEMS} items")
        if isinstance(value, list) and any(isinstance(item, list) for item in value):
            raise ExpressionError("a list of lists")

    def _Constant(self, node: ast.Constant) -> Any:
        return node.value

    def _Name(self, node: ast.Name) -> Any:
        if node.id not in self.names:
            raise ExpressionError(f"there is no '{node.id}'{nearest(node.id, self.names)}")
        return self.names[node.id]

    def _BinOp(self, node: ast.BinOp) -> Any:
        kind, one, two = type(node.op), self.of(node.left), self.of(node.right)
        if kind not in _BINARY:
            raise ExpressionError(f"operator {kind.__name__.lower()} is not allowed")
        texts = kind is ast.Mod and isinstance(one, str)
        if texts or (kind is ast.Pow and not (isinstance(two, int) and 0 <= two <= 16)):
            raise ExpressionError(f"{kind.__name__.lower()} of these values is not allowed")
        for size, times in ((one, two), (two, one)):
            repeated = kind is ast.Mult and isinstance(size, str | list) and isinstance(times, int)
            if repeated and len(size) * times > ITEMS:
                raise ExpressionError(f"a value of more than {ITEMS} items")
        return _BINARY[kind](one, two)

    def _UnaryOp(self, node: ast.UnaryOp) -> Any:
        value = self.of(node.operand)
        if isinstance(node.op, ast.Not):
            return not value
        if isinstance(node.op, ast.USub):
            return -value
        raise ExpressionError(f"operator {_called(node.op)} is not allowed")

    def _BoolOp(self, node: ast.BoolOp) -> Any:
        value: Any = None
        for part in node.values:
            value = self.of(part)
            if bool(value) == isinstance(node.op, ast.Or):
                return value
        return value

    def _Compare(self, node: ast.Compare) -> bool:
        one = self.of(node.left)
        for kind, other in zip(node.ops, node.comparators, strict=True):
            if type(kind) not in _COMPARED:
                raise ExpressionError(f"comparison {_called(kind)} is not allowed")
            two = self.of(other)
            if not _COMPARED[type(kind)](one, two):
                return False
            one = two
        return True

    def _IfExp(self, node: ast.IfExp) -> Any:
        return self.of(node.body if self.of(node.test) else node.orelse)

    def _List(self, node: ast.List) -> list[Any]:
        return [self.of(part) for part in node.elts]

    def _Subscript(self, node: ast.Subscript) -> Any:
        return self.of(node.value)[self.of(node.slice)]

    def _Slice(self, node: ast.Slice) -> slice:
        return slice(
            *(None if part is None else self.of(part) for part in (node.lower, node.upper, node.step))
        )

    def _ListComp(self, node: ast.ListComp | ast.GeneratorExp) -> list[Any]:
        outer = dict(self.names)
        found = []
        for _ in self._rounds(node.generators):
            found.append(self.of(node.elt))
            if len(found) > ITEMS:
                raise ExpressionError(f"a value of more than {ITEMS} items")
        self.names = outer
        return found

    _GeneratorExp = _ListComp

    def _rounds(self, loops: list[ast.comprehension]) -> Iterator[None]:
        """Yield once a round, the names of the loops set."""
        if not loops:
            yield
            return
        assert isinstance(loops[0].target, ast.Name)
        source = self.of(loops[0].iter)
        if not isinstance(source, str | list):
            raise ExpressionError(f"a loop over a {type(source).__name__}")
        for item in source:
            self.names[loops[0].target.id] = item
            if all(self.of(condition) for condition in loops[0].ifs):
                yield from self._rounds(loops[1:])

    def _Call(self, node: ast.Call) -> Any:
        arguments = [self.of(argument) for argument in node.args]
        if isinstance(node.func, ast.Attribute):
            owner = self.of(node.func.value)
            if not isinstance(owner, str | list):
                raise ExpressionError(f"a {type(owner).__name__} has no {node.func.attr}")
            return getattr(owner, node.func.attr)(*arguments)
        assert isinstance(node.func, ast.Name)
        return _FUNCTIONS[node.func.id](*arguments)
