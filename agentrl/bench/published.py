"""Figures that papers print, to be seen beside one's own: other questions, tools and models than these."""

from dataclasses import dataclass
from typing import Literal

Unit = Literal["share", "percent"]


@dataclass(frozen=True, slots=True)
class PublishedRow:
    """One method on one set of questions, as printed."""

    method: str
    em: float
    tc: float | None = None
    tp: float | None = None
    """None: not printed"""


@dataclass(frozen=True, slots=True)
class PublishedTable:
    """One set of questions of a paper."""

    source: str
    questions: str
    unit: Unit
    """of EM, and so of TP"""
    rows: tuple[PublishedRow, ...]
    note: str = ""


OTC = "OTC-PO, arXiv:2504.14870 version 2"
_SEARCH = {
    "NQ, 3B": """
        R1-Base .226 | SFT .249 | RAG .348 1 | IRCoT .111 10.0
        Search-R1-PPO .403 1.738 .232 | Search-R1-GRPO .404 1.426 .283
        OTC-PPO .355 1.010 .351 | OTC-GRPO .444 1.008 .440""",
    "HotpotQA, 3B": """
        R1-Base .201 | SFT .186 | RAG .255 1
        Search-R1-PPO .279 1.716 .163 | Search-R1-GRPO .312 1.802 .173
        OTC-PPO .260 1.026 .253 | OTC-GRPO .365 1.387 .263""",
    "NQ, 7B": """
        R1-Base .270 | SFT .318 | RAG .349 1 | IRCoT .224 10.0
        Search-R1-PPO .449 3.282 .136 | Search-R1-GRPO .399 1.697 .235
        OTC-PPO .446 1.040 .429 | OTC-GRPO .444 .990 .448""",
    "HotpotQA, 7B": """
        R1-Base .242 | SFT .217 | RAG .299 1
        Search-R1-PPO .380 3.741 .102 | Search-R1-GRPO .341 2.109 .162
        OTC-PPO .383 1.464 .262 | OTC-GRPO .366 1.005 .364""",
}
_ELSEWHERE = {
    "TriviaQA, PopQA, 2Wiki, Musique, Bamboogle; 3B": """
        Search-R1-PPO .566 1.580 .425 1.631 .258 1.675 .051 1.922 .063 1.766
        Search-R1-GRPO .587 1.455 .345 1.542 .257 1.991 .084 2.263 .203 1.859
        OTC-PPO .551 1.008 .409 1.009 .235 1.050 .045 1.051 .063 1.016
        OTC-GRPO .608 1.046 .441 1.030 .341 1.561 .124 1.734 .266 1.547""",
    "TriviaQA, PopQA, 2Wiki, Musique, Bamboogle; 7B": """
        Search-R1-PPO .596 3.353 .420 3.315 .326 4.116 .135 4.294 .375 3.641
        Search-R1-GRPO .578 1.704 .411 1.754 .340 2.521 .130 2.616 .203 1.859
        OTC-PPO .623 1.066 .425 1.083 .363 1.868 .152 1.942 .391 1.828
        OTC-GRPO .597 .430 .431 .739 .311 .938 .130 1.224 .250 .781""",
}
_CODE = {
    "AIME24, 1.5B": "Instruct with tool 13.3 1.1 12.1 | ToRL-GRPO 23.3 2.2 10.6 | OTC-GRPO 20.0 1.1 18.2",
    "AIME25, 1.5B": "Instruct with tool 13.3 1.4 9.5 | ToRL-GRPO 23.3 2.3 10.1 | OTC-GRPO 20.0 1.1 18.2",
    "AIME24, 7B": "Instruct with tool 26.7 1.6 16.4 | ToRL-GRPO 36.7 2.1 17.5 | OTC-GRPO 36.7 0.7 52.4",
    "AIME25, 7B": "Instruct with tool 16.7 1.4 12.2 | ToRL-GRPO 26.7 2.1 12.7 | OTC-GRPO 23.3 0.8 29.1",
    "MATH, 1.5B": "ToRL-GRPO 52.2 1.8 29.0 | OTC-GRPO 53.7 1.1 48.8",
    "MATH, 7B": "ToRL-GRPO 59.7 1.49 40.07 | OTC-GRPO 61.9 0.68 91.03",
}
SAME = "The 3B and 7B figures of Search-R1-GRPO on Bamboogle are equal in the paper."


def published(name: Literal["none", "otc"]) -> tuple[PublishedTable, ...]:
    """Return the tables of a paper, by the name of the setting `published`; nothing for `none`."""
    if name == "none":
        return ()
    tables = [PublishedTable(OTC, questions, "share", _rows(text)) for questions, text in _SEARCH.items()]
    for title, text in _ELSEWHERE.items():
        names, _, size = title.partition("; ")
        for place, questions in enumerate(names.split(", ")):
            note = SAME if questions == "Bamboogle" else ""
            rows = tuple(_pick(words, place) for words in text.strip().splitlines())
            tables.append(PublishedTable(OTC, f"{questions}, {size}", "share", rows, note))
    tables += [PublishedTable(OTC, questions, "percent", _rows(text)) for questions, text in _CODE.items()]
    return tuple(tables)


def _rows(text: str) -> tuple[PublishedRow, ...]:
    return tuple(_row(entry) for line in text.strip().splitlines() for entry in line.split("|"))


def _row(entry: str) -> PublishedRow:
    """Return the row of "method EM [TC [TP]]"."""
    words = entry.split()
    numbers = [float(word) for word in words if _is_number(word)]
    method = " ".join(word for word in words if not _is_number(word))
    return PublishedRow(method, *numbers)


def _pick(line: str, place: int) -> PublishedRow:
    """Return the row of one of several sets of questions, whose EM and TC stand in pairs."""
    method, *numbers = line.split()
    return PublishedRow(method, float(numbers[2 * place]), float(numbers[2 * place + 1]))


def _is_number(word: str) -> bool:
    return word.replace(".", "", 1).isdigit()
