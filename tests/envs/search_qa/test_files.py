"""Questions and passages as others publish them, and files that are broken."""

import json
from pathlib import Path
from typing import Any

import pytest

from agentrl.errors import ConfigError, DataError
from agentrl_envs.search_qa import SearchQA, files

HOTPOT = {
    "_id": "5a8b", "type": "comparison",
    "question": "Which magazine was started first?", "answer": "Arthur's Magazine",
    "supporting_facts": [["Arthur's Magazine", 0], ["First for Women", 0], ["First for Women", 1]],
    "context": [
        ["Arthur's Magazine", ["It began in 1844.", " It ended."]],
        ["First for Women", ["It began in 1989."]],
    ],
}  # fmt: skip
BY_NAME = {
    **HOTPOT, "_id": "5a8c",
    "supporting_facts": {"title": ["First for Women"], "sent_id": [0]},
    "context": {"title": ["First for Women"], "sentences": [["It began in 1989."]]},
}  # fmt: skip
OPEN = [{"question": f"who is number {n}", "answer": [f"No. {n}", str(n)]} for n in range(20)]


def write(path: Path, *records: Any, lines: bool = True) -> str:
    path.write_text("\n".join(map(json.dumps, records)) if lines else json.dumps(list(records)))
    return str(path)


def test_hotpots_paragraphs_are_the_corpus_and_its_facts_name_them(tmp_path: Path) -> None:
    write(tmp_path / "hotpot_train_v1.1.json", HOTPOT, BY_NAME, lines=False)
    write(tmp_path / "hotpot_dev_distractor_v1.json", HOTPOT, lines=False)
    asked = files.questions(str(tmp_path))
    assert list(asked) == ["train", "dev"] and [one.id for one in asked["train"]] == ["5a8b", "5a8c"]
    one, other = asked["train"]
    assert (one.kind, one.titles) == ("comparison", ("Arthur's Magazine", "First for Women"))
    assert one.passages[0].text == "It began in 1844. It ended." and other.titles == ("First for Women",)
    env = SearchQA("dev", data=str(tmp_path))
    assert len(env._world.corpus.passages) == 2, "what is there twice is kept once"
    env.reset(seed=0)
    play = env.player("expert", 0)
    for _ in range(3):
        *_, info = env.step(play(""))
    assert info["success"] and info["metrics"]["support"] == 1.0


def test_lines_as_those_of_natural_questions_are_asked_of_another_corpus(tmp_path: Path) -> None:
    corpus = write(
        tmp_path / "wiki.jsonl",
        *({"id": str(n), "title": f"Number {n}", "text": "A number."} for n in range(20)),
    )
    env = SearchQA(data=write(tmp_path / "nq.jsonl", *OPEN), corpus=corpus)
    sizes = {split: len(env.tasks(split)) for split in ("train", "dev", "test")}  # type: ignore[arg-type]
    assert sizes == {"train": 16, "dev": 2, "test": 2} and "held out" in env.tasks("dev").name
    env.reset(seed=3)
    assert env.step(f"Answer: {env.answers[1]}.")[4]["success"]
    named = SearchQA(
        data=write(tmp_path / "x.jsonl", {"question": "q", "golden_answers": ["a"]}), corpus=corpus
    )
    assert named.tasks("train")[0].data == {"question": "q", "answer": ["a"]}


WRONG: list[tuple[str, str]] = [
    ("", "is empty"),
    ("{", "line 1: not JSON, or cut off"),
    ("[1]", "entry 1: expected a JSON object, this is a int"),
    ('{"question": "q", "answer": "a"}\n{"question": ', "line 2: not JSON"),
    ('{"answer": "a"}', "'question' is missing; there are: answer"),
    ('{"question": 3, "answer": "a"}', "'question' is '3', not a text"),
    ('{"question": "q"}', "'answer' is missing"),
    ('{"question": "q", "answer": []}', "not a list of texts"),
    ('{"question": "q", "answer": "a", "context": [["t"]]}', "no pairs of a title and sentences"),
    ('{"question": "q", "answer": "a", "context": [["t", "s"]]}', "no list of sentences for 't'"),
    ('{"question": "q", "answer": "a", "supporting_facts": {"title": ["a"]}}', "no pairs of a title"),
    ('{"question": "q", "answer": "a", "context": "no"}', "no pairs of a title"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), WRONG, ids=lambda part: part[:40])
def test_a_broken_file_is_told_by_line_and_field(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text(text)
    with pytest.raises(DataError, match=message):
        files.questions(str(tmp_path))


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    data = write(tmp_path / "train.jsonl", *OPEN)
    with pytest.raises(ConfigError, match="did you mean"):
        files.questions(str(tmp_path / "trian.jsonl"))
    with pytest.raises(ConfigError, match="no passages come with these questions"):
        SearchQA(data=data)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match="expected files such as"):
        files.questions(str(tmp_path / "empty"))
    twice = write(tmp_path / "twice.jsonl", *[{"id": 1, "text": "a"}] * 2)
    with pytest.raises(DataError, match="id '1' is there twice"):
        SearchQA(data=data, corpus=twice)
    with pytest.raises(DataError, match="two train questions share an id"):
        SearchQA(data=write(tmp_path / "same.jsonl", *[{**HOTPOT}] * 2))
