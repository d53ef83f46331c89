"""The words and marks that mathematics is written with: from text or LaTeX to a list of bounded tokens."""

import re
import unicodedata
from typing import NamedTuple

from agentrl.errors import DataError

LONGEST = 2000
"""characters of an answer"""


class UnreadableError(DataError):
    """A text is no answer that can be read: what was found in it."""


class Token(NamedTuple):
    """A number, a letter, a function, a command, text, a separator, a unit, a mark, or the end."""

    kind: str
    text: str


FUNCTIONS = frozenset({
    "sin", "cos", "tan", "cot", "sec", "csc", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh",
    "log", "ln", "exp", "lg",
})  # fmt: skip
"""known by these names, with a backslash or without"""
UNITS = frozenset({
    "mm", "cm", "dm", "km", "m²", "in", "inch", "inches", "ft", "foot", "feet", "yd", "yard", "yards",
    "mi", "mile", "miles", "kg", "mg", "lb", "lbs", "oz", "ml", "hr", "hrs", "hour", "hours", "min",
    "mins", "minute", "minutes", "sec", "secs", "second", "seconds", "day", "days", "week", "weeks",
    "month", "months", "year", "years", "am", "pm", "deg", "degree", "degrees", "rad", "radian",
    "radians", "dollar", "dollars", "cent", "cents", "usd", "eur", "euro", "euros", "unit", "units",
    "meter", "meters", "metre", "metres", "centimeter", "centimeters", "kilometer", "kilometers",
    "gram", "grams", "liter", "liters", "litre", "litres", "pound", "pounds", "ounce", "ounces", "mph",
    "kph", "sq", "square", "cubic", "per", "apples", "people", "students", "points", "coins",
})  # fmt: skip
"""words that may follow a number and are put aside"""
NO_UNIT = re.compile(r"(?<![A-Za-z^{])[0-9]|\b(?:or|and|not|nor|but|maybe|perhaps|possibly)\b", re.IGNORECASE)
"""a second answer, or a doubt: put aside as a unit, it would pay"""
_PERCENT = frozenset({"pct", "percent", "percentage"})
_WORDS = {"pi": Token("command", "pi"), "sqrt": Token("command", "sqrt"),
          "infinity": Token("command", "infty"),
          "inf": Token("command", "infty"), "and": Token("and", ","), "or": Token("and", ",")}  # fmt: skip
_SIGNS = str.maketrans(
    {
        "−": "-", "–": "-", "×": r"\times ", "·": r"\cdot ", "⋅": r"\cdot ", "÷": "/", "√": r"\sqrt ",
        "π": r"\pi ", "∞": r"\infty ", "≤": "<=", "≥": ">=", "≠": "!=", "∪": r"\cup ", "∩": r"\cap ",
        "∈": r"\in ", "°": "", "±": r"\pm ", "∓": r"\mp ", "≈": r"\approx ", "∅": r"\emptyset ", "€": "",
        "£": "", "θ": r"\theta ", "\t": " ", "\n": " ", "\r": " ", "\u00a0": " ", "~": " ",
    }
)  # fmt: skip
_RAISED = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁻ⁿ]+")
_LOWERED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻ⁿ", "0123456789-n")
_DOUBLED = re.compile(r"\\\\(?=[A-Za-z])")
_GROUPED = re.compile(r"(?<=\d)(?:\\[,!; ]|\{,\}(?!\s)|,\\!)\s*(?=\d{3}(?!\d))")
_SPACES = re.compile(
    r"(\\\\)|\$|\\[$()\[\],!;: ]|\\(?:left|right|[bB]igg?[lrm]?|displaystyle|textstyle|limits|boxed|fbox"
    r"|q?quad|nonumber|thinspace|dots[bcimo]?|ldots|cdots)(?![A-Za-z])\.?"
)
_WRAPPED = re.compile(r"\\(?:text|mbox|textbf|textit|textrm|mathrm|mathbf|operatorname)\s*\{([^{}]*)\}")
_DEGREES = re.compile(r"\^\s*(?:\\circ(?![A-Za-z])|\{\s*\\circ\s*\})|\\degree(?![A-Za-z])")
_TOKEN = re.compile(
    r"(?P<space>\s+)"
    r"|(?P<number>[0-9]{1,3}(?:,[0-9]{3})+(?![0-9]|,[0-9])(?:\.[0-9]+)?"
    r"|(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r"|\\(?P<command>[A-Za-z]+|\\|[{}|%])"
    r"|(?P<text>\"[^\"]*\")"
    r"|(?P<word>[A-Za-z]+)"
    r"|(?P<mark>\*\*|<=|>=|!=|==|[-+*/^_=<>(){}\[\]|,;:!%&.'])"
)


def cleaned(text: str) -> str:
    r"""Return a text in the characters that tokens are made of.

    >>> cleaned(r"$\left(1{,}234\right)^\circ$")
    '(1234 )'

    Errors: UnreadableError where it is too long.
    """
    if len(text) > LONGEST:
        raise UnreadableError(f"{len(text)} characters; at most {LONGEST} are read")
    if not text.isascii():
        text = _RAISED.sub(lambda found: "^{" + found[0].translate(_LOWERED) + "}", text).translate(_SIGNS)
        text = unicodedata.normalize("NFKC", text)
    if "\\" in text:
        if r"\begin" not in text:
            text = _DOUBLED.sub(r"\\", text)
        text = _DEGREES.sub("", _GROUPED.sub("", text))
        text = _WRAPPED.sub(_unwrapped, text.replace('"', ""))
        text = _SPACES.sub(r"\1 ", text)  # a double backslash ends a row, and stays
    else:
        text = _GROUPED.sub("", text).replace("$", " ").replace('"', "")
    return text.strip().rstrip(".,;:").rstrip()


def _unwrapped(found: re.Match[str]) -> str:
    r"""Return the inside of \text{…}: a quoted text, or what it says where that is mathematics."""
    inside = found[1].strip()
    if inside in ("e", "i", "d", "and", "or", "") or ("mathrm" not in found[0] and inside[:1].isdigit()):
        return f" {inside} "
    if "operatorname" in found[0] or inside in FUNCTIONS:
        return f"\\{inside} "
    return f'"{inside}"'


def tokens(text: str) -> list[Token]:
    """Return the tokens of a cleaned text, the end last.

    >>> [token.text for token in tokens("2 cm^2")]
    ['2', 'cm', '^', '2', '']

    Errors: UnreadableError where a character is none that mathematics is written with.
    """
    found: list[Token] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise UnreadableError(f"{text[at]!r} is no part of an answer")
        kind, word = str(match.lastgroup), match[match.lastgroup or 0]
        at = match.end()
        if kind == "word":
            found.extend(_letters(word, found))
        elif kind == "text":
            found.append(_said(word[1:-1].strip()))
        elif kind == "number":
            found.append(Token(kind, word.replace(",", "")))
        elif kind == "command" and word in "{}|%":
            found.append(Token("mark", "%" if word == "%" else "\\" + word))
        elif kind != "space":
            found.append(Token(kind, "^" if word == "**" else word))
    found.append(Token("end", ""))
    return found


def _letters(word: str, before: list[Token]) -> list[Token]:
    """Return a run of letters as one word that is known, else as letters."""
    if word in _WORDS:
        return [_WORDS[word]]
    if word in FUNCTIONS:
        return [Token("command", word)]
    if before and (before[-1].kind in ("number", "unit") or before[-1].text in ")}%"):
        if word.lower() in _PERCENT:
            return [Token("mark", "%")]
        if (len(word) > 1 and word.lower() in UNITS) or word in ("sq", "per"):
            return [Token("unit", word)]
    return [Token("letter", letter) for letter in word]


def _said(text: str) -> Token:
    """Return what a text in a formula is: a separator, a per cent sign, or text."""
    words = text.strip(" ,").lower()
    if words in ("and", "or", ""):
        return Token("and", ",")
    return Token("mark", "%") if words in _PERCENT else Token("text", text)
