"""Which words of a title are nouns: by a lexicon and endings, or by spaCy."""

import re
from collections.abc import Mapping
from functools import cache

from agentrl.errors import ConfigError
from agentrl_envs.webshop.reward import Nouns

SPACY_MODEL = "en_core_web_sm"
_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)?")
_PLAIN = """
    a about above after all also an and any are as at be been both but by can each either every for from had
    has have how if in into is it its just less many may more most much must my near neither no nor not of off
    on one only onto or other our out over own per plus same should so some such than that the their them then
    there these they this those through to too under until up upon us very via was we were what when which
    while who whose will with within without would yet you your
    low high big large small new old good great best easy soft
"""
_NOT_NOUNS = frozenset(_PLAIN.split())
_ENDINGS = ("ly", "able", "ible", "ous", "ful", "less", "ish", "est")


def built_in(lexicon: Mapping[str, bool] | None = None) -> Nouns:
    """Return a noun finder: the lexicon (lower-case word to is-noun) decides, for other words their form.

    Edge: titles are mostly names, so a word not in the lexicon is a noun unless it is a function word, a
          number or has an adjective's or adverb's ending.

    >>> built_in()("Harlow Classic Shirt, Very Quickly Washable for 3 Men")
    ['harlow', 'classic', 'shirt', 'men']
    """
    return _BuiltIn(dict(lexicon or {}))


class _BuiltIn:
    """A class, not a closure, so that it can be pickled."""

    def __init__(self, lexicon: dict[str, bool]) -> None:
        self._lexicon = lexicon
        self._cache: dict[str, list[str]] = {}

    def __call__(self, title: str) -> list[str]:
        if title not in self._cache:
            words = _WORD.findall(title.lower())
            self._cache[title] = [word for word in words if self._is_noun(word)]
        return self._cache[title]

    def _is_noun(self, word: str) -> bool:
        known = self._lexicon.get(word)
        if known is not None:
            return known
        return word.isalpha() and word not in _NOT_NOUNS and not word.endswith(_ENDINGS)


def by_spacy(model: str = SPACY_MODEL) -> Nouns:
    """Return a noun finder that asks spaCy's tagger for nouns and names, remembering each title.

    Errors: ConfigError where spaCy or its model is not installed.
    Edge:   taggers disagree between versions of the model, and so do rewards.
    """
    try:
        import spacy
    except ImportError:
        raise ConfigError("nouns=spacy needs spaCy: install the extra agentrl[spacy]") from None
    try:
        tagger = spacy.load(model)
    except OSError:
        raise ConfigError(
            f"nouns=spacy needs the model {model}: run `python -m spacy download {model}`"
            " (spaCy itself comes with agentrl[spacy])"
        ) from None

    @cache
    def nouns(title: str) -> list[str]:
        return [token.text.lower() for token in tagger(title) if token.pos_ in ("NOUN", "PROPN")]

    return nouns
