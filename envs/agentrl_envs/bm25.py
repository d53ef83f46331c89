"""BM25 with the ranking of Lucene 8: the search engine of the shop and of questions about a corpus."""

import math
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from agentrl_envs.analysis import terms

TOP = 50
"""hits of a search"""
K1, B = np.float32(0.9), np.float32(0.4)
_EXACT = 40
"""lengths up to this are kept exactly"""
_ONE = np.float32(1)


def lossy_length(length: int) -> int:
    """Return a document length as Lucene remembers it in one byte.

    Above 40 only the four leading bits of what exceeds 24 are kept.

    >>> [lossy_length(n) for n in (40, 41, 100, 1000)]
    [40, 40, 96, 984]
    """
    base = _EXACT - 16
    if length < _EXACT:
        return length
    rest = length - base
    drop = rest.bit_length() - 4
    return base + (rest >> drop << drop)


class Index:
    """An inverted index: one slice of postings a term, documents numbered in the order of their ids."""

    def __init__(self, documents: Iterable[tuple[str, str]]) -> None:
        """Take (id, text) pairs."""
        # Numbering by id makes every stable sort break ties by id, as the original does.
        ordered = sorted(documents)
        self.ids = tuple(name for name, _ in ordered)
        counts = [Counter(terms(text)) for _, text in ordered]
        lengths = [sum(count.values()) for count in counts]
        average = np.float32(sum(lengths) / max(1, len(lengths)))
        kept = np.array([lossy_length(n) for n in lengths], dtype=np.float32)
        # Single precision throughout, in Lucene's order of operations: near-ties then fall its way.
        relative = kept / average if average else kept
        inverse = _ONE / (K1 * ((_ONE - B) + B * relative))
        found: dict[str, tuple[list[int], list[int]]] = {}
        for number, count in enumerate(counts):
            for term, frequency in count.items():
                numbers, frequencies = found.setdefault(term, ([], []))
                numbers.append(number)
                frequencies.append(frequency)
        self._postings: dict[str, tuple[NDArray[np.intp], NDArray[np.float32], np.float32]] = {}
        for term, (numbers, frequencies) in found.items():
            where = np.array(numbers, dtype=np.intp)
            saturation = _ONE + np.array(frequencies, dtype=np.float32) * inverse[where]
            self._postings[term] = (where, saturation, self._idf(len(numbers)))
        self.hits = lru_cache(maxsize=4096)(self._hits)
        """The ids of the best documents for a query, remembered."""

    def _idf(self, frequency: int) -> np.float32:
        return np.float32(math.log(1 + (len(self.ids) - frequency + 0.5) / (frequency + 0.5)))

    def search(self, query: str, top: int = TOP) -> list[tuple[str, float]]:
        """Return the best documents for a query, best first, with their scores.

        Source: BM25 (Robertson et al.) with k1 0.9, b 0.4 as in Lucene 8: ln(1 + (N - df + 0.5) / (df + 0.5))
                tf / (tf + k1 (1 - b + b length / average)), summed over the query's words, repeats included.
        Edge:   equal scores in the order of ids; a query without known words finds nothing.
        """
        scores = np.zeros(len(self.ids))
        for term, times in Counter(terms(query)).items():
            if term in self._postings:
                where, saturation, idf = self._postings[term]
                weight = np.float32(times) * idf
                scores[where] += weight - weight / saturation
        found = np.flatnonzero(scores)
        values = scores[found].astype(np.float32)
        if len(found) > top:
            best = values >= np.partition(values, -top)[-top]
            found, values = found[best], values[best]
        order = np.argsort(-values, kind="stable")[:top]
        return [(self.ids[found[i]], float(values[i])) for i in order]

    def _hits(self, query: str) -> tuple[str, ...]:
        return tuple(name for name, _ in self.search(query))
