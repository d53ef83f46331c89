"""Judge a short answer to a question as SQuAD does: the same words, or how many are shared.

| what | value |
|---|---|
| task.data | `answer`: a text, or a list of texts any of which is right |
| em | 1.0 where the answer is one of them once both are normalised, else 0.0 |
| f1 | harmonic mean of precision and recall over words, of the best of them |
"""

import re
import string
from collections import Counter
from collections.abc import Callable

from agentrl.registry import verifier
from agentrl.types import Task
from agentrl.verify import Pair
from agentrl_verifiers.exact import normalised

_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLE = re.compile(r"\b(?:a|an|the)\b")


def squad_words(text: str) -> str:
    """Return text in lower case, without ASCII punctuation, articles and needless spaces.

    Source: normalisation of SQuAD 1.1 (arXiv:1606.05250).

    >>> squad_words(" The U.S.A., again ")
    'usa again'
    """
    return " ".join(_ARTICLE.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def exact_match(answer: str, reference: str) -> bool:
    """Return whether an answer is the reference, both normalised.

    Edge: of a reference such as "A" normalising leaves nothing; then articles and punctuation inside count.
    """
    wanted = squad_words(reference)
    if not wanted:
        return normalised(reference) == normalised(answer) != ""
    return squad_words(answer) == wanted


def contains_match(answer: str, reference: str) -> bool:
    """Return whether the reference stands somewhere in the answer, both normalised."""
    wanted = squad_words(reference)
    return bool(wanted) and wanted in squad_words(answer)


def shared_words(answer: str, reference: str) -> float:
    """Return the F1 score of an answer's words, 0 to 1.

    Source: SQuAD 1.1 (arXiv:1606.05250).
    Edge:   where nothing is left of the reference, it is 1.0 or 0.0 as `exact_match`.
    """
    given, wanted = squad_words(answer).split(), squad_words(reference).split()
    if not wanted:
        return float(exact_match(answer, reference))
    same = (Counter(given) & Counter(wanted)).total()
    return 2.0 * same / (len(given) + len(wanted))


def _best(judge: Callable[[str, str], float], answer: str, task: Task) -> float:
    reference = task.data["answer"]
    accepted = [reference] if isinstance(reference, str) else reference
    return max(float(judge(answer, text)) for text in accepted)


_PAIRS = (
    Pair("The Eiffel Tower!", {"answer": "eiffel tower"}, True),
    Pair("an apple a day", {"answer": ["pear", "apple day"]}, True),
    Pair("  U.S.A ", {"answer": "usa"}, True),
    Pair("1,000", {"answer": "1000"}, True),
    Pair("a", {"answer": "A"}, True),
    Pair("Paris, France", {"answer": "Paris"}, False),
    Pair("35", {"answer": "36"}, False),
    Pair("The", {"answer": "A"}, False),
    Pair("", {"answer": "the"}, False),
    Pair("", {"answer": "Paris"}, False),
)


@verifier("em", pairs=_PAIRS)
def em(answer: str, task: Task) -> float:
    """Return 1.0 where the answer is one of `task.data["answer"]`, both normalised, else 0.0."""
    return _best(exact_match, answer, task)


@verifier("f1", pairs=(*_PAIRS, Pair("day apple", {"answer": "an apple day"}, True)))
def f1(answer: str, task: Task) -> float:
    """Return the best F1 score over words among `task.data["answer"]`."""
    return _best(shared_words, answer, task)
