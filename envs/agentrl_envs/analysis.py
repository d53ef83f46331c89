"""From text to index terms, as Lucene's English analyser cuts them.

Words are found by Unicode's word breaks (UAX #29), lose a possessive 's, are lower-cased, dropped if they are
stop words, and stemmed.
"""

import re
from functools import lru_cache

_STOP = """
    a an and are as at be but by for if in into is it no not of on or such that the their then there these
    they this to was will with
"""
STOP_WORDS: frozenset[str] = frozenset(_STOP.split())

# Python counts superscripts, fractions and circled digits as word characters; UAX #29 does not.
_NO = "\u00b2\u00b3\u00b9\u00bc-\u00be\u2070-\u209c\u2150-\u215f\u2460-\u249b"
# Ideographs and kana stand alone.
_CJK = "\u3040-\u309f\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_LETTER = rf"[^\W\d_{_NO}{_CJK}]"
_WORD = re.compile(
    rf"[{_CJK}]|(?:{_LETTER}[\u0300-\u036f]*|\d|_"
    rf"|(?<={_LETTER})['.:\u00b7\u2018\u2019\u2027](?={_LETTER})"
    r"|(?<=\d)['.,;\u2018\u2019](?=\d))+"
)
_POSSESSIVE = re.compile(r"['\u2019\uff07]s$", re.IGNORECASE)


def terms(text: str) -> list[str]:
    """Return the index terms of `text`, in order, with repeats.

    >>> terms("The men's U.S. running-shoes, 3.5mm")
    ['men', 'u.', 'run', 'shoe', '3.5mm']
    """
    found = (_POSSESSIVE.sub("", word).lower() for word in _WORD.findall(text) if word.strip("_"))
    return [stem(word) for word in found if word not in STOP_WORDS]


@lru_cache(maxsize=1 << 16)
def stem(word: str) -> str:
    """Return the stem of a lower-case word.

    Source: Porter 1980, "An algorithm for suffix stripping", with two later rules of its author (bli to ble,
            logi to log); words of one or two letters stay.

    >>> [stem(word) for word in ("us", "assembly", "curtains", "relational", "grey")]
    ['us', 'assembl', 'curtain', 'relat', 'grei']
    """
    if len(word) <= 2:
        return word
    word = _past(_plural(word))
    if word.endswith("y") and "v" in _shape(word[:-1]):
        word = word[:-1] + "i"
    for rules, least in ((_STEP2, 1), (_STEP3, 1), (_STEP4, 2)):
        word = _stripped(word, rules, least)
    return _final(word)


def _shape(word: str) -> str:
    """Return `word` as a string of c (consonant) and v (vowel); y is a vowel after a consonant."""
    shape = ""
    for letter in word:
        vowel = letter in "aeiou" or (letter == "y" and shape[-1:] == "c")
        shape += "v" if vowel else "c"
    return shape


def _measure(word: str) -> int:
    return _shape(word).count("vc")


def _short(word: str) -> bool:
    """Return whether it ends consonant, vowel, consonant, the last not w, x or y."""
    return _shape(word).endswith("cvc") and word[-1] not in "wxy"


def _double(word: str) -> bool:
    return len(word) > 1 and word[-1] == word[-2] and _shape(word).endswith("c")


def _plural(word: str) -> str:
    if word.endswith(("sses", "ies")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word


def _past(word: str) -> str:
    if word.endswith("eed"):
        return word[:-1] if _measure(word[:-3]) else word
    suffix = next((s for s in ("ed", "ing") if word.endswith(s)), "")
    base = word[: len(word) - len(suffix)]
    if not suffix or "v" not in _shape(base):
        return word
    if base.endswith(("at", "bl", "iz")):
        return base + "e"
    if _double(base):
        return base if base[-1] in "lsz" else base[:-1]
    return base + "e" if _measure(base) == 1 and _short(base) else base


def _rules(text: str) -> tuple[tuple[str, str], ...]:
    """Return (suffix, replacement) pairs, longest suffix first, of which only the first that fits counts."""
    pairs = (rule.partition(">") for rule in text.split())
    return tuple(sorted(((old, new) for old, _, new in pairs), key=lambda pair: -len(pair[0])))


_STEP2 = _rules("""
    ational>ate tional>tion enci>ence anci>ance izer>ize bli>ble alli>al entli>ent eli>e ousli>ous
    ization>ize ation>ate ator>ate alism>al iveness>ive fulness>ful ousness>ous aliti>al iviti>ive
    biliti>ble logi>log
""")
_STEP3 = _rules("icate>ic ative> alize>al iciti>ic ical>ic ful> ness>")
_STEP4 = _rules("""
    al> ance> ence> er> ic> able> ible> ant> ement> ment> ent> sion>s tion>t ou> ism> ate> iti> ous> ive> ize>
""")


def _stripped(word: str, rules: tuple[tuple[str, str], ...], least: int) -> str:
    for old, new in rules:
        if word.endswith(old):
            base = word[: len(word) - len(old)]
            # "sion" and "tion" are "ion" after s or t: that letter belongs to what is measured.
            measured = base + new if old in ("sion", "tion") else base
            return base + new if _measure(measured) >= least else word
    return word


def _final(word: str) -> str:
    measure = _measure(word)
    if word.endswith("e") and (measure > 1 or (measure == 1 and not _short(word[:-1]))):
        word = word[:-1]
    return word[:-1] if word.endswith("ll") and measure > 1 else word
