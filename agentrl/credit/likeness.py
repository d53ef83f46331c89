"""Comparison with turns from like states, not only from the same one."""

import re
from collections import Counter
from collections.abc import Sequence

import torch
from torch import Tensor

from agentrl.shapes import expect

WORD = re.compile(r"\w\w+")


def text_vectors(texts: Sequence[str], times: Sequence[int] | None = None, *, features: int = 1024) -> Tensor:
    """Return a vector of length 1 for each text: its words' counts, rare words weighing more.

    Counts times log((1 + n) / (1 + df)) + 1, n texts of which df hold the word; the most frequent words only.
    With `times` each text stands for that many equal ones.

    Source: TF-IDF with smoothed inverse document frequencies, words of two letters and more, in lower case.
    Shapes: returns [len(texts), at most `features`] float64.
    Edge:   a text without a known word is all 0.
    """
    counts = [Counter(WORD.findall(text.lower())) for text in texts]
    total: Counter[str] = Counter()
    spread: Counter[str] = Counter()
    times = times or [1] * len(texts)
    for count, often in zip(counts, times, strict=True):
        total.update({word: often * n for word, n in count.items()})
        spread.update(dict.fromkeys(count, often))
    known = sorted(total, key=lambda word: (-total[word], word))[:features]
    place = {word: i for i, word in enumerate(known)}
    table = torch.zeros(len(texts), max(len(known), 1), dtype=torch.float64)
    for row, count in enumerate(counts):
        for word, n in count.items():
            if word in place:
                table[row, place[word]] = n
    document = torch.tensor([spread[word] for word in known] or [0], dtype=torch.float64)
    table = table * (((1.0 + sum(times)) / (1.0 + document)).log() + 1.0)
    return torch.nn.functional.normalize(table, dim=1)


def like_mean(returns: Tensor, texts: Sequence[str], group: Tensor, *, temperature: float = 0.1) -> Tensor:
    """Return for each turn the mean return of its task's turns, those of like texts counting more.

    Weights are the softmax over the task's turns, itself included, of the cosine of their text vectors over
    `temperature`. Turns of equal texts are taken together, so the work grows with the square of a task's
    different texts, and otherwise with the turns.

    Source: proximity-based soft aggregation of ProxMO (arXiv:2602.19225).
    Shapes: returns [S] float, texts: S of them, group [S] int; returns [S].
    """
    expect("S", returns=returns, group=group)
    known: dict[tuple[int, str], int] = {}
    pairs = zip(group.tolist(), texts, strict=True)
    node = torch.tensor([known.setdefault(key, len(known)) for key in pairs], dtype=torch.long)
    distinct = list(dict.fromkeys(texts))
    number = {text: i for i, text in enumerate(distinct)}
    seen = Counter(texts)
    vectors = text_vectors(distinct, [seen[text] for text in distinct])
    count = torch.bincount(node, minlength=len(known)).double()
    mean = torch.zeros(len(known), dtype=torch.float64).index_add(0, node, returns.double()) / count
    value = torch.zeros(len(known), dtype=torch.float64)
    members: dict[int, list[tuple[int, int]]] = {}
    for (task, text), place in known.items():
        members.setdefault(task, []).append((place, number[text]))
    for own in members.values():
        places, rows = (torch.tensor(column) for column in zip(*own, strict=True))
        alike = vectors[rows] @ vectors[rows].T / temperature
        weight = (alike + count[places].log()).softmax(1)
        value[places] = weight @ mean[places]
    return value[node].to(returns.dtype)
