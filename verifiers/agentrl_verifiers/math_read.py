"""From the text of an answer to a tree of bounded depth: nothing is evaluated, and no other parser is asked.

A tree is a tuple of a kind and what belongs to it, other trees and texts:

| kind | holds |
|---|---|
| num, sym, text, inf | its digits; its name; what it says; nothing |
| add, mul | trees |
| neg, pct, fact, pm, mp | one tree |
| div, pow, sub, binom | two trees |
| fn, call | a name that is known (sin, root, abs ...) or not (f, sum ...), then trees |
| list, set, union, inter, minus, ratio | trees |
| tuple | its brackets, then trees |
| matrix | rows, each a tuple of trees |
| rel | its signs as one text, then trees, one more than signs |
"""

import re
from functools import lru_cache
from typing import Any

from agentrl_verifiers.math_text import FUNCTIONS, Token, UnreadableError, cleaned, tokens

Tree = tuple[Any, ...]
DEPTH = 50
"""brackets, fractions and roots inside one another"""
_RELATIONS = {
    "=": "=", "==": "=", "<": "<", ">": ">", "<=": "≤", ">=": "≥", "!=": "≠", "eq": "=", "lt": "<", "gt": ">",
    "le": "≤", "leq": "≤", "leqslant": "≤", "ge": "≥", "geq": "≥", "geqslant": "≥", "ne": "≠", "neq": "≠",
    "approx": "=", "equiv": "=", "in": "∈", "to": "→", "mapsto": "→", "sim": "~", "subset": "⊂",
    "implies": "⇒", "Rightarrow": "⇒",
}  # fmt: skip
_SETS = {"cup": "union", "cap": "inter", "setminus": "minus"}
_TIMES = {"times", "cdot", "ast"}
_NAMED = {"sum", "prod", "int", "iint", "oint", "lim", "bigcup", "max", "min", "sup", "inf"}
_ONE = {"overline", "bar", "vec", "hat", "tilde", "widehat", "underline", "pmod", "bmod", "mathcal"}
_FRACTIONS = {"frac", "dfrac", "tfrac", "cfrac"}
_BINOMIALS = {"binom", "dbinom", "tbinom"}
_STOPS = {"le", "ge", "lt", "gt", "end", "pm", "mp", "div", "over", "mid"} | _SETS.keys() | _TIMES
_BARS = {"lvert": "rvert", "lfloor": "rfloor", "lceil": "rceil", "lVert": "rVert"}
_MATRICES = re.compile(r"[pbvBV]?matrix|smallmatrix|array")
_CLOSING = {"(": (")", "]"), "[": ("]", ")"), "{": ("}",), "\\{": ("\\}",)}
R: Tree = ("tuple", "()", ("neg", ("inf",)), ("inf",))
"""all real numbers"""


@lru_cache(maxsize=4096)
def read(text: str) -> Tree:
    r"""Return the tree of an answer's text.

    >>> read(r"x = \frac12")
    ('rel', '=', ('sym', 'x'), ('div', ('num', '1'), ('num', '2')))

    Errors: UnreadableError where it cannot be read, or is longer or deeper than allowed.
    """
    reader = _Reader(tokens(cleaned(text)))
    tree = reader.several()
    if reader.next.kind != "end":
        raise UnreadableError(f"{reader.next.text!r} is not expected there")
    return tree


def _times(left: Tree, right: Tree) -> Tree:
    """Return a product, flat: a long one is not deep."""
    return (*left, right) if left[0] == "mul" else ("mul", left, right)


def _linked(links: int) -> int:
    """Return one more: trees that grow to the left are bounded too."""
    if links >= DEPTH:
        raise UnreadableError(f"more than {DEPTH} in a row")
    return links + 1


class _Reader:
    """Reads tokens from left to right, one method for each strength of binding."""

    def __init__(self, found: list[Token]) -> None:
        self.tokens, self.at, self.depth, self.bars = found, 0, 0, 0

    @property
    def next(self) -> Token:
        return self.tokens[self.at]

    def take(self, *texts: str, kind: str = "mark") -> str:
        """Return the next token's text and pass it, where it is one of these; else nothing."""
        token = self.next
        if token.kind == kind and token.text in texts:
            self.at += 1
            return token.text
        return ""

    def need(self, *texts: str, kind: str = "mark") -> str:
        if self.next.kind == kind and self.next.text in texts:
            return self.take(*texts, kind=kind)
        raise UnreadableError(f"expected {' or '.join(texts)}, found {self.next.text or 'the end'!r}")

    def several(self) -> Tree:
        """Return what is between separators, a list where that is more than one thing."""
        self.depth += 1
        if self.depth > DEPTH:
            raise UnreadableError(f"more than {DEPTH} levels")
        items = [self.relation()]
        while True:
            apart = False
            while self.next.kind == "and" or self.next.text in (",", ";"):
                self.at += 1
                apart = True
            if not apart:
                break
            items.append(self.relation())
        self.depth -= 1
        return items[0] if len(items) == 1 else ("list", *items)

    def relation(self) -> Tree:
        items, signs = [self.ratio()], ""
        while (token := self.next).kind in ("mark", "command") and token.text in _RELATIONS:
            self.at += 1
            signs += _RELATIONS[token.text]
            items.append(self.ratio())
        return ("rel", signs, *items) if signs else items[0]

    def ratio(self) -> Tree:
        items = [self.joined()]
        while self.take(":"):
            items.append(self.joined())
        return ("ratio", *items) if len(items) > 1 else items[0]

    def joined(self) -> Tree:
        left = self.sum()
        links = 0
        while (token := self.next).kind == "command" and token.text in _SETS:
            self.at += 1
            links = _linked(links)
            left = (_SETS[token.text], left, self.sum())
        return left

    def sum(self) -> Tree:
        items = [self.signed()]
        while (token := self.next).text in ("+", "-", "pm", "mp"):
            self.at += 1
            item = self.product()
            kind = {"+": "", "-": "neg"}.get(token.text, token.text)
            items.append((kind, item) if kind else item)
        return ("add", *items) if len(items) > 1 else items[0]

    def signed(self) -> Tree:
        minus = False
        while sign := self.take("+", "-"):
            minus ^= sign == "-"
        if kind := self.take("pm", "mp", kind="command"):
            return (kind, self.product())
        item = self.product()
        return ("neg", item) if minus else item

    def product(self) -> Tree:
        left = self.factor()
        links = 0
        while True:
            token = self.next
            if token.text == "*" or (token.kind == "command" and token.text in _TIMES):
                self.at += 1
                left = _times(left, self.factor(signs=True))
            elif token.text == "/" or (token.kind == "command" and token.text == "div"):
                self.at += 1
                links = _linked(links)
                left = ("div", left, self.factor(signs=True))
            elif self.begins():
                left = self.beside(left)
            else:
                return left

    def beside(self, left: Tree) -> Tree:
        """Return a product without a sign, or a mixed number."""
        mixed = left[0] == "num" and left[1].isdigit()
        was = self.next
        right = self.factor()
        if was.kind != "number":
            whole = mixed and right[0] == "div" and right[1][0] == right[2][0] == "num"
            return ("add", left, right) if whole else _times(left, right)
        if mixed and right[0] == "num" and self.take("/"):
            return ("add", left, ("div", right, self.factor()))
        if left[0] == "num":
            raise UnreadableError(f"two numbers side by side: {left[1]} {right[1]}")
        return _times(left, right)

    def begins(self) -> bool:
        """Whether a factor begins here."""
        token = self.next
        if token.kind == "mark":
            return token.text in ("(", "{", "\\{") or (token.text in ("|", "\\|") and not self.bars)
        if token.kind == "command":
            return token.text not in _RELATIONS.keys() | _STOPS | set(_BARS.values()) | {"\\"}
        return token.kind in ("number", "letter")

    def factor(self, signs: bool = False) -> Tree:
        if signs and (sign := self.take("+", "-")):
            item = self.factor(signs=True)
            return ("neg", item) if sign == "-" else item
        return self.after(self.atom())

    def after(self, item: Tree) -> Tree:
        """Return a factor with what stands after it: index, power, factorial, per cent; units are put aside."""
        links = 0
        while True:
            token = self.next
            links = _linked(links)
            if token.kind in ("text", "unit"):
                self.at += 1
                self.unit_power()
            elif token.kind != "mark":
                return item
            elif self.take("^"):
                item = ("pow", item, self.argument(signs=True))
            elif self.take("_"):
                item = ("sub", item, self.argument())
            elif self.take("!"):
                item = ("fact", item)
            elif self.take("%"):
                item = ("pct", item)
            elif self.take("'"):
                item = ("call", "prime", item)
            else:
                return item

    def unit_power(self) -> None:
        """Pass the power of a unit, and the unit that it is divided by."""
        if self.take("^"):
            self.argument(signs=True)
        if self.next.text == "/" and self.tokens[self.at + 1].kind in ("text", "unit"):
            self.at += 2
            self.unit_power()

    def atom(self) -> Tree:
        token = self.next
        self.at += 1
        if token.kind == "number":
            return ("num", token.text)
        if token.kind == "letter":
            return self.applied(token.text)
        if token.kind == "text":
            return ("text", token.text)
        if token.kind == "command":
            return self.command(token.text)
        if token.text in _CLOSING:
            return self.bracketed(token.text)
        if token.text in ("|", "\\|"):
            return self.between(token.text)
        raise UnreadableError(f"{token.text or 'the end'!r} is not expected there")

    def applied(self, name: str) -> Tree:
        """Return a symbol, or a function of that name where brackets follow."""
        if name in "fghFGH" and self.next.text == "(":
            self.at += 1
            return ("call", name, self.bracketed("("))
        return ("sym", name)

    def bracketed(self, opening: str) -> Tree:
        if opening == "\\{" and self.take("\\}"):
            return ("set",)
        bars, self.bars = self.bars, 0
        inside = self.several()
        self.bars = bars
        closing = self.need(*_CLOSING[opening])
        items = inside[1:] if inside[0] == "list" else (inside,)
        if opening == "\\{":
            return ("set", *items)
        if opening == "{" or (len(items) == 1 and opening + closing in ("()", "[]")):
            return inside
        return ("tuple", opening + closing, *items)

    def between(self, bar: str) -> Tree:
        self.bars += 1
        inside = self.several()
        self.need(bar)
        self.bars -= 1
        return ("fn", "abs", inside)

    def argument(self, signs: bool = False, digit: bool = False) -> Tree:
        """Return what a command, a power or an index takes: braces, or one thing."""
        self.depth += 1
        if self.depth > DEPTH:
            raise UnreadableError(f"more than {DEPTH} levels")
        token = self.next
        if digit and token.kind == "number" and len(token.text) > 1 and token.text.isdigit():
            self.tokens[self.at] = Token("number", token.text[1:])
            found: Tree = ("num", token.text[0])
        elif signs and (sign := self.take("+", "-")):
            found = self.argument(signs=True)
            found = ("neg", found) if sign == "-" else found
        else:
            found = self.atom()
            if signs and self.next.text == "^":  # a tower binds from the right
                self.at += 1
                found = ("pow", found, self.argument(signs=True))
        self.depth -= 1
        return found

    def command(self, name: str) -> Tree:
        if name in _FRACTIONS:
            return ("div", self.argument(digit=True), self.argument(digit=True))
        if name in _BINOMIALS:
            return ("binom", self.argument(digit=True), self.argument(digit=True))
        if name == "sqrt":
            degree: Tree = ("num", "2")
            if self.take("["):
                degree = self.several()
                self.need("]")
            return ("fn", "root", self.argument(), degree)
        if name in FUNCTIONS:
            return self.function(name)
        if name in _NAMED:
            return self.operator(name)
        if name in _ONE:
            return ("call", name, self.argument())
        if name in _BARS:
            inside = self.several()
            self.need(_BARS[name], kind="command")
            return ("fn", {"lfloor": "floor", "lceil": "ceil"}.get(name, "abs"), inside)
        if name == "begin":
            return self.matrix()
        if name in ("infty", "emptyset", "varnothing"):
            return ("inf",) if name == "infty" else ("set",)
        if name == "mathbb":
            letter = self.argument()
            return R if letter == ("sym", "R") else ("call", name, letter)
        if name in _STOPS or name in _RELATIONS or name == "\\":
            raise UnreadableError(f"\\{name} is not expected there")
        return ("sym", "\\" + name)

    def function(self, name: str) -> Tree:
        r"""Return a function of what follows: brackets, or factors up to the next function (\sin 2x \cos y)."""
        power: Tree | None = None
        base: tuple[Tree, ...] = ()
        while mark := self.take("^", "_"):
            if mark == "^":
                power = self.argument(signs=True)
            else:
                base = (self.argument(),)
        if self.next.text in ("(", "{", "["):
            self.at += 1
            of = self.bracketed(self.tokens[self.at - 1].text)
        else:
            of = self.factor(signs=True)
            while self.begins() and not (self.next.kind == "command" and self.next.text in FUNCTIONS):
                of = _times(of, self.factor())
        if power == ("neg", ("num", "1")) and name in ("sin", "cos", "tan"):
            name, power = "arc" + name, None
        found: Tree = ("fn", {"ln": "log", "lg": "log"}.get(name, name), of, *base)
        if name == "lg":
            found = ("fn", "log", of, ("num", "10"))
        return ("pow", found, power) if power else found

    def operator(self, name: str) -> Tree:
        """Return a sum, an integral or the like: bounds and body, not evaluated."""
        low = high = ("text", "")
        while mark := self.take("_", "^"):
            if mark == "_":
                low = self.argument()
            else:
                high = self.argument(signs=True)
        return ("call", name, low, high, self.product())

    def matrix(self) -> Tree:
        name = self.environment()
        if not _MATRICES.fullmatch(name):
            raise UnreadableError(f"{name} is no matrix")
        if name == "array":
            self.need("{")
            while not self.take("}"):
                if self.next.kind == "end":
                    raise UnreadableError("an array without columns")
                self.at += 1
        rows: list[list[Tree]] = [[]]
        while True:
            rows[-1].append(self.several())
            if self.take("&"):
                continue
            if self.take("\\", kind="command"):
                if self.next == ("command", "end"):
                    break
                rows.append([])
                continue
            break
        self.need("end", kind="command")
        if self.environment() != name or len({len(row) for row in rows}) != 1:
            raise UnreadableError("a matrix with rows of several lengths, or without its end")
        return ("matrix", *(tuple(row) for row in rows))

    def environment(self) -> str:
        self.need("{")
        name = ""
        while not self.take("}"):
            if self.next.kind != "letter":
                raise UnreadableError("an environment without a name")
            name += self.next.text
            self.at += 1
        return name
