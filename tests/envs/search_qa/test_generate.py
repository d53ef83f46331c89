"""The corpus made here: what its splits share, what its questions give away, how short their plans are."""

import re
from collections import Counter
from itertools import product

import pytest

from agentrl_envs.search_qa.generate import Question, generated, shortest
from agentrl_envs.search_qa.options import Options
from agentrl_envs.search_qa.passages import Corpus, Passage

CORPUS, ASKED = generated(Options())


def test_a_seed_makes_one_world_and_another_seed_another() -> None:
    corpus, asked = generated(Options())
    assert asked == ASKED and corpus.passages == CORPUS.passages
    other, questions = generated(Options(world_seed=1))
    assert other.passages != CORPUS.passages and questions != ASKED


def test_no_two_splits_share_a_name() -> None:
    titles = {split: set[str]() for split in ASKED}
    for name, one in CORPUS.passages.items():
        titles[name.partition("-")[0]].add(one.title)  # type: ignore[index]
    assert sum(map(len, titles.values())) == len(set().union(*titles.values())) == len(CORPUS.passages)
    for split, asked in ASKED.items():
        assert {title for one in asked for title in one.titles} <= titles[split]
    words = {split: {word for title in some for word in title.split()} for split, some in titles.items()}
    assert len(words["test"] - words["train"]) < 4, "a small model has seen nearly every word"


def test_questions_of_one_fact_and_of_two_are_as_many() -> None:
    for asked in ASKED.values():
        assert len({one.text for one in asked}) == len(asked)
        kinds = Counter(one.kind for one in asked)
        assert abs(kinds["1 hop"] - kinds["2 hops"]) <= 1
    assert {one.kind for one in generated(Options(hops=1))[1]["train"]} == {"1 hop"}


def test_no_answer_is_worth_guessing() -> None:
    answers = Counter(one.answers[0] for one in ASKED["train"])
    assert answers.most_common(1)[0][1] < 0.03 * len(ASKED["train"])


def test_the_answer_stands_in_the_last_passage_and_not_in_the_question() -> None:
    by_title = {one.title: one for one in CORPUS.passages.values()}
    for one in ASKED["train"]:
        wanted = re.compile(rf"\b{one.answers[0]}\b")
        assert wanted.search(by_title[one.titles[-1]].text) and not wanted.search(one.text)


def best(question: Question, top: int) -> int:
    """Return the fewest searches by trying all queries of names that were read, in any order."""
    titles = [one.title for one in CORPUS.passages.values()]
    for count in (1, 2):
        for queries in product([question.text, *titles], repeat=count):
            read = ""
            seen: set[str] = set()
            for query in queries:
                if query != question.text and query not in question.text and query not in read:
                    break
                found = CORPUS.found(query, top)
                seen |= {one.title for one in found}
                read += " ".join(one.text for one in found)
            else:
                if seen.issuperset(question.titles):
                    return count
            continue
    return 3


@pytest.mark.parametrize("number", range(0, 40, 5))
def test_no_plan_is_shorter_with_any_name_that_was_read(number: int) -> None:
    question = ASKED["dev"][number]
    assert question.plan is not None and best(question, 3) == len(question.plan)


def test_a_plan_by_hand() -> None:
    corpus = Corpus(
        [
            Passage("1", "Ada", "Ada knows Bob"),
            Passage("2", "Bob", "Bob likes tea"),
            Passage("3", "Cy", "tea"),
        ]
    )
    assert shortest("who?", ("Ada", "Bob"), corpus, 1) == ("Ada", "Bob")
    assert shortest("who?", ("Ada", "Bob"), corpus, 2) == ("Bob",) or corpus.found("Ada", 2)
    assert shortest("Ada Bob tea", ("Ada", "Bob", "Cy"), corpus, 3) == ("Ada Bob tea",)
    assert shortest("who?", ("Nobody",), corpus, 3) is None
