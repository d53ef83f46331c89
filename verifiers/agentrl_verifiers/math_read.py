"""From the text of an answer to a tree of bounded depth: nothing is evaluated, no other parser asked."""

import re
from functools import lru_cache

from agentrl_verifiers.math_grammar import BARS, RELATIONS, STOPS, Grammar, Tree, times
from agentrl_verifiers.math_text import FUNCTIONS, UnreadableError, cleaned, tokens

_NAMED = {"sum", "prod", "int", "iint", "oint", "lim", "bigcup", "max", "min", "sup", "inf"}
_ONE = {"overline", "bar", "vec", "hat", "tilde", "widehat", "underline", "pmod", "bmod", "mathcal"}
_FRACTIONS = {"frac", "dfrac", "tfrac", "cfrac"}
_BINOMIALS = {"binom", "dbinom", "tbinom"}
_MATRICES = re.compile(r"[pbvBV]?matrix|smallmatrix|array")
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


class _Reader(Grammar):
    """Reads what begins with a command."""

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
        if name in BARS:
            inside = self.several()
            self.need(BARS[name], kind="command")
            return ("fn", {"lfloor": "floor", "lceil": "ceil"}.get(name, "abs"), inside)
        if name == "begin":
            return self.matrix()
        if name in ("infty", "emptyset", "varnothing"):
            return ("inf",) if name == "infty" else ("set",)
        if name == "mathbb":
            letter = self.argument()
            return R if letter == ("sym", "R") else ("call", name, letter)
        if name in STOPS or name in RELATIONS or name == "\\":
            raise UnreadableError(f"\\{name} is not expected there")
        return ("sym", "\\" + name)

    def function(self, name: str) -> Tree:
        r"""Return a function of what follows: brackets, or factors up to the next function."""
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
                of = times(of, self.factor())
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
