r"""Which part of a response is its answer.

The first of these that is there: the last balanced \boxed (boxes joined by "and" or a comma are one list);
what follows the last `####`; what follows the last "answer is" or "answer:"; a response that is nothing but
an answer; and, where that is asked for, the last formula, or the last formula or number. A "final answer is"
below the last box takes the place of the box.
"""

import re
from typing import Literal

from agentrl_verifiers.math_text import FUNCTIONS, LONGEST, UNITS

RESPONSE = 20_000
"""characters of a response that are read: the last ones"""
Unmarked = Literal["nothing", "formula", "number"]
"""what is taken from a response in which no answer is marked"""
_BRACES = re.compile(r"\\+(?:boxed|fbox)\s*\{|\\[{}]|[{}]")
_JOINT = re.compile(
    r"(?:[^\w.!?\\]|\\[()\[\],;: ]|\\q?quad\b|\\text\s*\{[^\w{}]*(?:and|or)?[^\w{}]*\}|\b(?:and|or)\b"
    r"|(?<![\w\\])[A-Za-z](?:_\{?\w\}?)?\s*=|\b[a-z]{2,12}(?= +and\b))*"
)
_FINAL = re.compile(r"final answer(?: is)?\s*[:=]?[*_ ]*", re.IGNORECASE)
_PHRASE = re.compile(
    r"\banswers?\b(?:[^.:=\n$\\]{0,60}?\b(?:is|are|equals)\b(?:\s*:)?|[*_ ]*[:=]|(?=\s*(?:\$|\\[(\[])))"
    r"[*_ \n]*",
    re.IGNORECASE,
)
_FORMULA = re.compile(r"\$\$(.+?)\$\$|\$([^$\n]+)\$|\\\((.+?)\\\)|\\\[(.+?)\\\]", re.DOTALL)
_NUMBER = re.compile(
    r"(?<![\w.])[-−+]?[$€£]?\s?(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)?(?:\.?\d+)(?:\s?/\s?\d+)?(?:\s*(?:\\?%|percent\b|pct\b))?"
)
_BETWEEN = re.compile(r"\s*(?:,|;|/|or\b|and\b|,\s*(?:or|and)\b|to\b|-)?\s*", re.IGNORECASE)
_HEDGE = re.compile(r"\b(?:or|maybe|perhaps|possibly|either|between|not)\b", re.IGNORECASE)
_REASON = re.compile(r",?\s*(?:because|since|as|so|which|where)\b", re.IGNORECASE)
_STOP = re.compile(r"[.!?](?=\s|$|\*)|\n|<\|")
_COMMA = re.compile(r"-?(?:0,\d{3,}|\d{4,},\d{1,2})")
_WORD = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{2,}")
_KNOWN = FUNCTIONS | UNITS | {"and", "or", "pi", "sqrt", "pct", "percent", "percentage", "inf", "infinity"}
SHORT = 200
"""characters of a response that may be nothing but an answer"""


def answer_in(response: str, unmarked: Unmarked = "nothing") -> str | None:
    r"""Return the text of the answer in a response; None where there is none.

    >>> answer_in(r"Not \boxed{41}. So the answer is \boxed{42}.")
    '42'
    >>> answer_in("6 eggs a day, 3 days.\n#### 18")
    '18'

    Edge: an answer of more than 2,000 characters is none.
    """
    found = _marked(response[-RESPONSE:], unmarked)
    return None if found is None or not found.strip() or len(found) > LONGEST else found.strip()


def _marked(text: str, unmarked: Unmarked) -> str | None:
    boxes = _boxes(text) if "boxed" in text or "fbox" in text else []
    if boxes:
        final = _last_of(_FINAL, text[boxes[-1][2] :])
        said = _said(final, "formula") if final is not None else None
        return said if said and any(c.isdigit() for c in said) else _joined(text, boxes)
    if (at := text.rfind("####")) >= 0:
        return text[at + 4 :].lstrip(" #").partition("\n")[0]
    said = _last_of(_PHRASE, text)
    if said is not None:
        return _said(said, unmarked)
    alone = text.strip()
    if "boxed" in alone:
        return None  # a box that was never closed
    if alone and len(alone) <= SHORT and "\n" not in alone and (not prose(alone) or unmarked == "nothing"):
        return alone.replace(",", ".") if _COMMA.fullmatch(alone) else alone
    return _last(text, unmarked)


def _last_of(pattern: re.Pattern[str], text: str) -> str | None:
    """Return what follows the last place where a pattern is, if it is anywhere."""
    ends = [found.end() for found in pattern.finditer(text)]
    return text[ends[-1] :] if ends else None


def _boxes(text: str) -> list[tuple[str, int, int]]:
    """Return (inside, start, end) of the balanced boxes that are in no other box, in order."""
    found: list[tuple[str, int, int]] = []
    opened: list[tuple[int, int] | None] = []
    for brace in _BRACES.finditer(text):
        mark = brace[0]
        if mark in ("\\{", "\\}"):
            continue
        if mark != "}":
            opened.append((brace.start(), brace.end()) if len(mark) > 1 else None)
        elif opened and (box := opened.pop()) is not None:
            while found and found[-1][1] > box[0]:
                found.pop()
            found.append((text[box[1] : brace.start()], box[0], brace.end()))
    return found


def _joined(text: str, boxes: list[tuple[str, int, int]]) -> str:
    """Return the last box, with those before it that it forms a list with."""
    inside, start, _ = boxes[-1]
    for before, begin, end in reversed(boxes[:-1]):
        if start - end > 60 or not _JOINT.fullmatch(text, end, start) or len(inside) > LONGEST:
            break
        inside, start = f"{before}, {inside}", begin
    return inside


def _said(rest: str, unmarked: Unmarked) -> str | None:
    """Return the answer that a phrase announces: a formula at once, or the rest of the sentence."""
    formula = _FORMULA.match(rest)
    if formula:
        return _run(rest, list(_FORMULA.finditer(rest[:LONGEST])))
    stop = _STOP.search(rest[: LONGEST + 1])
    sentence = (rest[: stop.start()] if stop else rest).strip(" *_`\"'")
    if not prose(sentence):
        return sentence
    number = _NUMBER.match(sentence)
    after = sentence[number.end() :] if number else ""
    clear = _REASON.match(after) or not (any(c.isdigit() for c in after) or _HEDGE.search(after))
    if number and clear:
        return number[0]
    return _last(sentence, unmarked) if unmarked != "nothing" else sentence


def _run(text: str, formulas: list[re.Match[str]]) -> str:
    """Return the first formula, with those that it forms a list with, and a per cent sign behind it."""
    inside = _inside(formulas[0])
    end = formulas[0].end()
    for formula in formulas[1:]:
        if not _JOINT.fullmatch(text, end, formula.start()):
            break
        inside, end = f"{inside}, {_inside(formula)}", formula.end()
    behind = re.match(r"\s*(?:%|or\s+(\d[\d.]*))", text[end : end + 20])
    return inside + (f", {behind[1]}" if behind and behind[1] else " %" if behind else "")


def _inside(formula: re.Match[str]) -> str:
    return next(group for group in formula.groups() if group is not None)


def _last(text: str, unmarked: Unmarked) -> str | None:
    """Return the last formula or number, with those that it stands in a row with."""
    if unmarked == "nothing":
        return None
    text = text[-LONGEST:]
    formulas = [f for f in _FORMULA.finditer(text) if not prose(_inside(f))]
    numbers: list[re.Match[str]] = []
    if unmarked == "number":
        inside = [(f.start(), f.end()) for f in formulas]
        numbers = [n for n in _NUMBER.finditer(text) if not any(a <= n.start() < b for a, b in inside)]
    if formulas and (not numbers or formulas[-1].start() > numbers[-1].start()):
        first = len(formulas) - 1
        while first and _JOINT.fullmatch(text, formulas[first - 1].end(), formulas[first].start()):
            first -= 1
        return _run(text, formulas[first:])
    if not numbers:
        return None
    row = [numbers[-1]]
    for number in reversed(numbers[:-1]):
        if not _BETWEEN.fullmatch(text, number.end(), row[0].start()):
            break
        row.insert(0, number)
    return ", ".join(number[0].strip() for number in row)


def prose(text: str) -> bool:
    r"""Return whether a text is words rather than mathematics.

    >>> [prose(text) for text in ("x = 5 cm", r"\frac{a}{b}", "it was about 5")]
    [False, False, True]
    """
    plain = re.sub(r"\\(?:text\w*|mbox|mathrm|operatorname|begin|end)\s*\{[^{}]*\}", " ", text)
    words = [word for word in _WORD.findall(plain) if not (word.isupper() and len(word) < 5)]  # a line AB
    return sum(word.lower() not in _KNOWN for word in words) > 1
