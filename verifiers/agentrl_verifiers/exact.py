"""Accept an answer that reads like the reference, letter case, spacing and edge punctuation put aside.

| what | value |
|---|---|
| task.data | `answer`: a text, or a list of texts any of which is right |
| score | 1.0 where they agree, else 0.0 |
"""

import unicodedata

from agentrl.registry import verifier
from agentrl.types import Task
from agentrl.verify import Pair

EDGES = " .,;:!?\"'`"
"""put aside at either end"""


def normalised(text: str) -> str:
    """Return text in one letter case, width and spacing, without quotes and punctuation at its ends.

    >>> normalised('  "The Tower\\u00a0of  LONDON." ')
    'the tower of london'
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return " ".join(folded.split()).strip(EDGES)


@verifier(
    "exact",
    pairs=(
        Pair("Paris", {"answer": "Paris"}, True),
        Pair("  paris. ", {"answer": "Paris"}, True),
        Pair("ｐａｒｉｓ", {"answer": "paris"}, True),
        Pair("no", {"answer": ["yes", "No."]}, True),
        Pair("3.5", {"answer": "3.5"}, True),
        Pair("Paris, Texas", {"answer": "Paris"}, False),
        Pair("35", {"answer": "3.5"}, False),
        Pair("", {"answer": "Paris"}, False),
        Pair("...", {"answer": "..."}, False),
        Pair("Lyon", {"answer": ["Paris", "Nice"]}, False),
    ),
)
def exact(answer: str, task: Task) -> float:
    """Return 1.0 where the answer reads like one of `task.data["answer"]`, else 0.0.

    Edge: an answer that is empty after normalisation never agrees.
    """
    reference = task.data["answer"]
    accepted = [reference] if isinstance(reference, str) else reference
    given = normalised(answer)
    return float(given != "" and given in {normalised(text) for text in accepted})
