"""Text as models write it when they go wrong, and as attackers would: for conformance checks."""

import random
from collections.abc import Iterator, Sequence

HOSTILE: tuple[str, ...] = (
    "", " ", "\n", "\t\r\n", "\x00", "\x00\x01\x02\x7f\x80\xff", "\ud800", "\ufffd" * 3, "\u202eesrever",
    "e\u0301\u0301\u0301", "🦖" * 20, "ｃｌｉｃｋ［ｂｕｙ］", "İ ß ǅ",
    "[", "]", "[]", "[[", "click[", "click]", "]click[", "search[", "search[]", "search[[x]]", "click[[[[[[",
    "search[" + "a" * 3000 + "]", "a" * 5000, "[" * 4000, "(" * 1000, "x " * 2000,
    "-1", "0", "1e309", "nan", "inf", "9" * 4000, "٣", "None", "null", "true",
    "{}", '{"name": null}', '{"a":' * 500, "<think>", "</think></action>", "<action>",
    "%s %n %d", "{0} {x!r} {", "\\", "\\x", "'\"`", "; ls /", "$(id)", "../../etc/passwd", "' OR 1=1 --",
    "<script>", "(a+)+$", "\\d{9999}", "*", "?", "+", "^$",
)  # fmt: skip
"""texts that break parsers"""
JUNK = ("", " ", "xyzzy", "I do not know.")
"""answers that say nothing, whatever the question"""
PIECES = ("[", "]", "(", ")", "\x00", "\n", " ", "é", "\u200b", "\ud83d", "<", ">", "{", "\\", "9")
"""what is put in the middle of a good text"""


def hostile(seed: int, count: int, good: Sequence[str] = ()) -> Iterator[str]:
    """Yield `count` texts: those of `HOSTILE`, then good texts damaged at random, and random characters."""
    yield from HOSTILE[:count]
    dice = random.Random(seed)
    for _ in range(count - len(HOSTILE)):
        text = dice.choice(good) if good and dice.random() < 0.7 else noise(dice)
        yield damaged(text, dice)


def noise(dice: random.Random) -> str:
    """Return up to 40 random characters from all over Unicode, surrogates included."""
    ranges = ((0, 0x7F), (0x20, 0x7E), (0x80, 0x2FF), (0x300, 0xFFFF), (0x10000, 0x10FFFF))
    return "".join(chr(dice.randint(*dice.choice(ranges))) for _ in range(dice.randrange(40)))


def damaged(text: str, dice: random.Random) -> str:
    """Return a text with one thing wrong: cut, doubled, reversed, something put in, or letters changed."""
    at = dice.randrange(len(text) + 1)
    match dice.randrange(7):
        case 0:
            return text[:at]
        case 1:
            return text[at:]
        case 2:
            return text + text
        case 3:
            return text[::-1]
        case 4:
            return text.swapcase()
        case 5:
            return text.translate({ord("["): None, ord("]"): None})
        case _:
            return text[:at] + dice.choice(PIECES) * dice.randint(1, 3) + text[at:]
