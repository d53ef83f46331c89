"""The grammar of answers, from separators down to factors.

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

from typing import Any

from agentrl_verifiers.math_text import NO_UNIT, Token, UnreadableError

Tree = tuple[Any, ...]
DEPTH = 50
"""brackets, fractions and roots inside one another"""
RELATIONS = {
    "=": "=", "==": "=", "<": "<", ">": ">", "<=": "≤", ">=": "≥", "!=": "≠", "eq": "=", "lt": "<", "gt": ">",
    "le": "≤", "leq": "≤", "leqslant": "≤", "ge": "≥", "geq": "≥", "geqslant": "≥", "ne": "≠", "neq": "≠",
    "approx": "=", "equiv": "=", "in": "∈", "to": "→", "mapsto": "→", "sim": "~", "subset": "⊂",
    "implies": "⇒", "Rightarrow": "⇒",
}  # fmt: skip
_SETS = {"cup": "union", "cap": "inter", "setminus": "minus"}
_TIMES = {"times", "cdot", "ast"}
STOPS = {"le", "ge", "lt", "gt", "end", "pm", "mp", "div", "over", "mid"} | _SETS.keys() | _TIMES
BARS = {"lvert": "rvert", "lfloor": "rfloor", "lceil": "rceil", "lVert": "rVert"}
_CLOSING = {"(": (")", "]"), "[": ("]", ")"), "{": ("}",), "\\{": ("\\}",)}


def times(left: Tree, right: Tree) -> Tree:
    """Return a product, flat: a long one is not deep."""
    return (*left, right) if left[0] == "mul" else ("mul", left, right)


def _linked(links: int) -> int:
    """Return one more: trees that grow to the left are bounded too."""
    if links >= DEPTH:
        raise UnreadableError(f"more than {DEPTH} in a row")
    return links + 1


class Grammar:
    """Reads tokens from left to right, one method for each strength of binding."""

    def __init__(self, found: list[Token]) -> None:
        self.tokens, self.at, self.depth, self.bars = found, 0, 0, 0

    @property
    def next(self) -> Token:
        """The token to be read."""
        return self.tokens[self.at]

    def take(self, *texts: str, kind: str = "mark") -> str:
        """Return the next token's text and pass it, where it is one of these; else nothing."""
        token = self.next
        if token.kind == kind and token.text in texts:
            self.at += 1
            return token.text
        return ""

    def need(self, *texts: str, kind: str = "mark") -> str:
        """Return the next token's text and pass it.

        Errors: UnreadableError where it is none of these.
        """
        if found := self.take(*texts, kind=kind):
            return found
        raise UnreadableError(f"expected {' or '.join(texts)}, found {self.next.text or 'the end'!r}")

    def several(self) -> Tree:
        """Return what is between separators, a list where that is more than one thing."""
        self.depth += 1
        if self.depth > DEPTH:
            raise UnreadableError(f"more than {DEPTH} levels")
        items = [self.relation()]
        while True:
            apart = False
            while (token := self.next).kind == "and" or token.text in (",", ";"):
                self.at += 1
                apart = True
            if not apart:
                break
            items.append(self.relation())
        self.depth -= 1
        return items[0] if len(items) == 1 else ("list", *items)

    def relation(self) -> Tree:
        """Return a chain of relations, or one side alone."""
        items, signs = [self.ratio()], ""
        while (token := self.next).kind in ("mark", "command") and token.text in RELATIONS:
            self.at += 1
            signs += RELATIONS[token.text]
            items.append(self.ratio())
        return ("rel", signs, *items) if signs else items[0]

    def ratio(self) -> Tree:
        """Return what is between colons."""
        items = [self.joined()]
        while self.next.text == ":" and self.take(":"):
            items.append(self.joined())
        return ("ratio", *items) if len(items) > 1 else items[0]

    def joined(self) -> Tree:
        """Return what is between signs of set operations."""
        left = self.sum()
        links = 0
        while (token := self.next).kind == "command" and token.text in _SETS:
            self.at += 1
            links = _linked(links)
            left = (_SETS[token.text], left, self.sum())
        return left

    def sum(self) -> Tree:
        """Return what is between plus and minus."""
        items = [self.signed()]
        while (token := self.next).text in ("+", "-", "pm", "mp"):
            self.at += 1
            item = self.product()
            kind = {"+": "", "-": "neg"}.get(token.text, token.text)
            items.append((kind, item) if kind else item)
        return ("add", *items) if len(items) > 1 else items[0]

    def signed(self) -> Tree:
        """Return a product with signs before it."""
        minus = False
        while (token := self.next).text in ("+", "-"):
            self.at += 1
            minus ^= token.text == "-"
        if token.text in ("pm", "mp"):
            self.at += 1
            return (token.text, self.product())
        item = self.product()
        return ("neg", item) if minus else item

    def product(self) -> Tree:
        """Return factors, with signs between them or without."""
        left = self.factor()
        links = 0
        while True:
            token = self.next
            if token.text == "*" or (token.kind == "command" and token.text in _TIMES):
                self.at += 1
                left = times(left, self.factor(signs=True))
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
            return ("add", left, right) if whole else times(left, right)
        if mixed and right[0] == "num" and self.take("/"):
            return ("add", left, ("div", right, self.factor()))
        if left[0] == "num":
            raise UnreadableError(f"two numbers side by side: {left[1]} {right[1]}")
        return times(left, right)

    def begins(self) -> bool:
        """Whether a factor begins here."""
        token = self.next
        if token.kind == "mark":
            return token.text in ("(", "{", "\\{") or (token.text in ("|", "\\|") and not self.bars)
        if token.kind == "command":
            return token.text not in RELATIONS.keys() | STOPS | set(BARS.values()) | {"\\"}
        return token.kind in ("number", "letter")

    def factor(self, signs: bool = False) -> Tree:
        """Return an atom with what stands after it; signs may stand before it."""
        if signs and (sign := self.take("+", "-")):
            item = self.factor(signs=True)
            return ("neg", item) if sign == "-" else item
        return self.after(self.atom())

    def after(self, item: Tree) -> Tree:
        """Return a factor with the index, power, factorial or per cent sign after it; units are put aside."""
        links = 0
        while True:
            token = self.next
            links = _linked(links)
            if token.kind in ("text", "unit"):
                if NO_UNIT.search(token.text):
                    raise UnreadableError(f"{token.text!r} is no unit")
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
        below = self.tokens[self.at + 1] if self.next.text == "/" else self.next
        if self.next.text == "/" and (below.kind in ("text", "unit") or below.text in ("h", "s")):
            self.at += 2
            self.unit_power()

    def atom(self) -> Tree:
        """Return a number, a name, text, a command with what it takes, or what is in brackets."""
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
        """Return what is between an opening bracket, passed already, and one that may close it."""
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

    def command(self, name: str) -> Tree:
        """Return what begins with a command."""
        raise NotImplementedError

    def between(self, bar: str) -> Tree:
        """Return the absolute value of what is between bars."""
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
