"""Whether two trees are the same answer: numbers, lists, sets, intervals, matrices, relations."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction

from agentrl_verifiers import math_region
from agentrl_verifiers.math_exact import Exact, equal, exact, literal, proportion
from agentrl_verifiers.math_grammar import Tree
from agentrl_verifiers.math_sample import alike, sample

Oracle = Callable[[Tree, Tree], bool]
"""decides between two expressions that agree in floating point and that exact arithmetic cannot tell apart"""
_TURNED = {"<": ">", ">": "<", "≤": "≥", "≥": "≤", "=": "=", "≠": "≠"}
_LISTS = ("list", "set")
_SETS = ("set", "tuple", "union", "inter", "minus")


@dataclass(frozen=True, slots=True)
class Rules:
    """What counts as the same."""

    digits: int = 6
    """a decimal number with at least so many decimals may stand for a number that rounds to it"""
    any_names: bool = False
    """names of variables may differ"""
    relation_for_set: bool = True
    """an inequality may stand for a set asked for; a set for an inequality always may"""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Compares an answer with the gold one."""

    rules: Rules
    oracle: Oracle

    def same(self, gold: Tree, given: Tree) -> bool:
        """Return whether what is given is the gold answer.

        Errors: what the oracle raises.
        """
        if self.rules.any_names:
            gold, given = renamed(gold, {}), renamed(given, {})
        return self._same(gold, given)

    def _same(self, gold: Tree, given: Tree) -> bool:
        if gold == given:
            return True
        golds, givens = signed(gold), signed(given)
        if len(golds) > 1 or len(givens) > 1:
            one = ("list", *golds) if len(golds) > 1 else gold
            return self._lists(one, ("list", *givens) if len(givens) > 1 else given)
        if gold[0] in _LISTS or given[0] in _LISTS:
            if "list" in (gold[0], given[0]) and "tuple" in (gold[0], given[0]):
                return self._in_order(_ends(gold), _ends(given))
            if {gold[0], given[0]} <= {"list", "set"} or "list" in (gold[0], given[0]):
                return self._lists(gold, given)
        if gold[0] == "rel" and given[0] == "rel":
            return self._relations(gold, given)
        if gold[0] == "rel" or given[0] == "rel":
            return self._relation_and_other(gold, given)
        if gold[0] in _SETS or given[0] in _SETS:
            return self._sets(gold, given)
        if gold[0] == given[0] == "matrix":
            rows = [len(gold) == len(given), len(gold[1]) == len(given[1])]
            return all(rows) and self._in_order(_cells(gold), _cells(given))
        if gold[0] == given[0] == "ratio":
            return self._in_order(gold[1:], given[1:])
        return self._numbers(gold, given)

    def _in_order(self, golds: Iterable[Tree], givens: Iterable[Tree]) -> bool:
        one, two = list(golds), list(givens)
        return len(one) == len(two) and all(map(self._same, one, two))

    def _lists(self, gold: Tree, given: Tree) -> bool:
        """Compare without order, each thing once; in order where only one side says what is what."""
        golds = dict.fromkeys(gold[1:] if gold[0] in _LISTS else (gold,))
        givens = dict.fromkeys(given[1:] if given[0] in _LISTS else (given,))
        names = [[_name(item) for item in items] for items in (golds, givens)]
        if any(all(n) and len(set(n)) > 1 for n in names) and any(not any(n) for n in names):
            return self._in_order(golds, givens)
        left = list(golds)
        matched: list[Tree] = []
        for item in givens:
            at = next((i for i, other in enumerate(left) if self._same(other, item)), None)
            if at is not None:
                matched.append(left.pop(at))
            elif not any(self._same(other, item) for other in matched):
                return False
        return not left

    def _sets(self, gold: Tree, given: Tree) -> bool:
        if gold[0] == given[0] == "tuple":
            return bool(gold[1] == given[1]) and self._in_order(gold[2:], given[2:])
        if "matrix" in (gold[0], given[0]) and "tuple" in (gold[0], given[0]):
            vectors = [
                _cells(t) if t[0] == "matrix" and 1 in (len(t) - 1, len(t[1])) else t[2:]
                for t in (gold, given)
            ]
            return self._in_order(*vectors)
        one, two = math_region.region(gold), math_region.region(given)
        if one is not None and two is not None:
            return self._regions(one, two)
        if gold[0] != given[0] or gold[0] == "tuple" or len(gold) != len(given):
            return False
        if gold[0] == "minus":
            return self._in_order(gold[1:], given[1:])
        return self._lists(("list", *_flat(gold)), ("list", *_flat(given)))

    def _regions(self, one: math_region.Region, two: math_region.Region) -> bool:
        return len(one) == len(two) and all(
            (a.low_in, a.high_in) == (b.low_in, b.high_in)
            and self._same(a.low, b.low)
            and self._same(a.high, b.high)
            for a, b in zip(one, two, strict=True)
        )

    def _relations(self, gold: Tree, given: Tree) -> bool:
        gold, given = _shortened(gold), _shortened(given)
        if gold[1] == given[1] and self._in_order(gold[2:], given[2:]):
            return True
        turned = "".join(_TURNED.get(sign, "?") for sign in reversed(given[1]))
        if gold[1] == turned and self._in_order(gold[2:], given[:1:-1]):
            return True
        if len(gold) == len(given) == 4 and gold[1] in _TURNED and given[1] in _TURNED:
            return self._proportional(gold, given)
        if gold[1] == "∈" and given[1] != "∈" and not self.rules.relation_for_set:
            return False
        one, two = math_region.region(gold), math_region.region(given)
        return one is not None and two is not None and self._regions(one, two)

    def _proportional(self, gold: Tree, given: Tree) -> bool:
        """Compare relations by the differences of their sides: one must be a multiple of the other."""
        try:
            one, two = exact(_difference(gold)), exact(_difference(given))
        except (ArithmeticError, ValueError):
            return False
        factor = proportion(one, two)
        if factor is None:
            return False
        if gold[1] in "=≠":
            return bool(given[1] == gold[1])
        return bool((given[1] if factor > 0 else _TURNED[given[1]]) == gold[1])

    def _relation_and_other(self, gold: Tree, given: Tree) -> bool:
        """Compare x = 5 with 5, x in a set with the set, an inequality with its set."""
        relation, other = (gold, given) if gold[0] == "rel" else (given, gold)
        signs, items = relation[1], relation[2:]
        if set(signs) == {"="}:
            value = items[-1] if len(items) > 2 or _quantity(items[0]) else None
            value = items[0] if value is None and _quantity(items[-1]) and constant(items[0]) else value
            if value is None:
                return False
            return self._same(value, given) if relation is gold else self._same(gold, value)
        if signs == "∈":
            return self._same(items[1], given) if relation is gold else self._same(gold, items[1])
        if other[0] not in _SETS or (relation is given and not self.rules.relation_for_set):
            return False
        one, two = math_region.region(gold), math_region.region(given)
        return one is not None and two is not None and self._regions(one, two)

    def _numbers(self, gold: Tree, given: Tree) -> bool:
        """Compare expressions; a per cent sign may be left out, or worked out, on one side."""
        if (gold[0] == "pct") != (given[0] == "pct"):
            share, other = (gold[1], given) if gold[0] == "pct" else (given[1], gold)
            hundredth: Tree = ("div", share, ("num", "100"))
            return self._expressions(share, other) or self._expressions(hundredth, other)
        if gold[0] == "pct":
            gold, given = gold[1], given[1]
        return self._expressions(gold, given)

    def _expressions(self, gold: Tree, given: Tree) -> bool:
        try:
            one, two = exact(gold), exact(given)
        except (ValueError, ZeroDivisionError):
            return False
        except ArithmeticError:  # too large for exact arithmetic, which does not mean for floating point
            return bool(alike(gold, given)) and self.oracle(gold, given)
        if equal(one, two):
            return True
        if _rounds(gold, given, two, self.rules.digits) or _rounds(given, gold, one, self.rules.digits):
            return True
        if one.sure and two.sure:
            return False
        return bool(alike(gold, given)) and self.oracle(gold, given)


def _rounds(rounded: Tree, other: Tree, value: Exact, digits: int) -> bool:
    """Return whether a decimal number is what another value rounds to."""
    text, minus = (rounded[1][1], True) if rounded[0] == "neg" else (rounded[1], False)
    if not isinstance(text, str) or (rounded[1] if minus else rounded)[0] != "num" or "." not in text:
        return False
    decimals = len(text.lower().partition("e")[0].partition(".")[2])
    if decimals < digits or "e" in text.lower():
        return False
    number = Fraction(literal(text)) * (-1 if minus else 1)
    exactly = value.number
    if exactly is not None:
        far: float | Fraction = abs(Fraction(exactly) - number)
    elif constant(other):
        try:
            found = sample(other, 0)
        except (ArithmeticError, ValueError):
            return False
        far = abs(found - float(number)) if abs(found.imag) < 1e-12 else 1.0
        # Doubles carry 15 digits: decimals beyond them are noise.
        decimals = min(decimals, 14 - len(str(int(abs(number)))))
    else:
        return False
    return decimals >= 0 and far <= Fraction(1, 2 * 10**decimals)


def constant(tree: Tree) -> bool:
    """Return whether no variable is in a tree."""
    if tree[0] == "sym":
        return tree[1] in ("e", "i", "\\pi")
    if tree[0] in ("call", "sub", "text"):
        return False
    return all(
        constant(part) for part in tree if isinstance(part, tuple) and part and isinstance(part[0], str)
    )


def _quantity(tree: Tree) -> bool:
    """Return whether a tree names something: a symbol, f(x), |AB|, NO/BO, (p, q), A:B."""
    if tree[0] in ("num", "add", "neg", "text", "pow", "inf"):
        return bool(tree[0] == "text")
    if tree[0] in ("sym", "call", "sub"):
        return tree not in (("sym", "e"), ("sym", "i"), ("sym", "\\pi"))
    return all(_quantity(part) for part in tree[1:] if isinstance(part, tuple))


def _name(tree: Tree) -> Tree | None:
    """Return the name of an equation's quantity, if it is one."""
    return tree[2] if tree[0] == "rel" and tree[1] == "=" and _quantity(tree[2]) else None


def _shortened(relation: Tree) -> Tree:
    """Return a chain of equations as one between its ends."""
    if len(relation) > 4 and set(relation[1]) == {"="}:
        return ("rel", "=", relation[2], relation[-1])
    return relation


def _difference(relation: Tree) -> Tree:
    return ("add", relation[2], ("neg", relation[3]))


def _ends(tree: Tree) -> tuple[Tree, ...]:
    return tree[2:] if tree[0] == "tuple" and tree[1] == "()" else tree[1:]


def _cells(matrix: Tree) -> list[Tree]:
    return [cell for row in matrix[1:] for cell in row]


def _flat(tree: Tree) -> list[Tree]:
    """Return what is joined by one kind of set operation."""
    kind, found, rest = tree[0], [], [tree]
    while rest:
        item = rest.pop()
        if item[0] == kind and kind != "set":
            rest.extend(item[1:])
        else:
            found.append(item)
    return found


def signed(tree: Tree) -> list[Tree]:
    """Return both readings of a plus-minus sign."""
    if not _has_signs(tree):
        return [tree]
    return [_with(tree, "pm"), _with(tree, "mp")]


def _has_signs(tree: Tree) -> bool:
    if tree[0] in ("pm", "mp"):
        return True
    # Lists and relations are taken apart first.
    if tree[0] in ("list", "set", "rel", "num", "sym", "matrix"):
        return False
    return any(_has_signs(part) for part in tree if isinstance(part, tuple))


def _with(tree: Tree, plus: str) -> Tree:
    if tree[0] in ("pm", "mp"):
        inner = _with(tree[1], plus)
        return inner if tree[0] == plus else ("neg", inner)
    return tuple(_with(part, plus) if isinstance(part, tuple) else part for part in tree)


def renamed(tree: Tree, names: dict[str, str]) -> Tree:
    """Return a tree whose variables are numbered in the order they occur in."""
    if tree[0] == "sym":
        if constant(tree):
            return tree
        return ("sym", names.setdefault(tree[1], f"v{len(names)}"))
    return tuple(renamed(part, names) if isinstance(part, tuple) else part for part in tree)
