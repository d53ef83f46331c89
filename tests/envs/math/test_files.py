"""GSM8K's and MATH's files, whole and broken."""

import json
from pathlib import Path
from typing import Any

import pytest

import agentrl
from agentrl.errors import AgentRLError, ConfigError, DataError
from agentrl_envs.math.files import opened
from agentrl_envs.math.options import Options
from agentrl_envs.math.world import VARIABLE, world

EGGS = {
    "question": "Ann packs 1,200 eggs in boxes of 6. How many dollars for the boxes at $2 each?",
    "answer": "She needs 1200/6=<<1200/6=200>>200 boxes.\nThat is <<200*2=400>>400 dollars.\n#### $1,400",
}
ROOT = {
    "problem": "What is $x$ if $x^2 = \\frac{1}{4}$ and $x > 0$?",
    "level": "Level 2",
    "type": "Algebra",
    "solution": "First \\boxed{3}? No: it is $\\boxed{\\frac{1}{2}}$.",
}


def lines(path: Path, *records: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{json.dumps(record)}\n" for record in records))
    return path


def tree(root: Path, split: str, count: int) -> Path:
    for number in range(count):
        file = root / split / ("algebra" if number % 2 else "geometry") / f"{number}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({**ROOT, "problem": f"{split} {number}"}))
    return root


def test_a_line_of_gsm8k_is_question_answer_and_steps(tmp_path: Path) -> None:
    lines(tmp_path / "train.jsonl", EGGS)
    (one,) = opened(str(tmp_path)).problems("train")
    assert (one.question, one.answer) == (EGGS["question"], "1400")
    assert one.steps == ("1200/6=200", "200*2=400") and one.kind == "2 steps"


def test_a_file_of_math_is_question_last_box_and_subject(tmp_path: Path) -> None:
    tree(tmp_path / "MATH", "test", 3)
    (tmp_path / "MATH" / "test" / "algebra" / "1.json").write_text(json.dumps(ROOT))
    found = {one.id: one for one in opened(str(tmp_path)).problems("test")}
    assert set(found) == {"test/geometry/0", "test/algebra/1", "test/geometry/2"}
    assert found["test/algebra/1"].answer == "\\frac{1}{2}" and found["test/algebra/1"].kind == "Algebra"


def test_lines_of_math_give_their_answer_themselves_and_a_box_may_lack_braces(tmp_path: Path) -> None:
    bare = {**ROOT, "solution": "It is \\boxed 7."}
    file = lines(
        tmp_path / "test.jsonl",
        {**ROOT, "answer": "\\pi", "subject": "X"},
        {"problem": "p", "answer": 12},
        bare,
    )
    found = {one.id: one.answer for one in opened(str(file)).problems("test")}
    assert found == {"test-1": "\\pi", "test-2": "12", "test-3": "7"}


def test_splits_are_as_the_files_say(tmp_path: Path) -> None:
    for name in ("train", "validation", "gsm8k_test", "train_socratic"):
        lines(tmp_path / f"{name}.jsonl", {**EGGS, "question": name})
    files = opened(str(tmp_path))
    assert {split: files.problems(split)[0].question for split in files.splits} == {
        "train": "train",
        "dev": "validation",
        "test": "gsm8k_test",
    }


def test_what_the_files_lack_is_held_out_of_the_training_problems(tmp_path: Path) -> None:
    tree(tmp_path, "train", 40)
    tree(tmp_path, "test", 4)
    panels = {split: world(Options(data=str(tmp_path))).panel(split) for split in ("train", "dev", "test")}
    questions = {split: {task.data["question"] for task in panel} for split, panel in panels.items()}
    assert {split: len(found) for split, found in questions.items()} == {"train": 36, "dev": 4, "test": 4}
    assert not questions["train"] & questions["dev"]
    assert {task.data["kind"] for task in panels["dev"]} == {"Algebra"}


def test_a_file_to_measure_on_is_never_learnt_from(tmp_path: Path) -> None:
    file = lines(tmp_path / "math500_test.jsonl", *({**ROOT, "problem": str(n)} for n in range(30)))
    made = world(Options(data=str(file)))
    assert [len(made.panel(split)) for split in ("train", "dev", "test")] == [0, 0, 30]
    assert len({task.data["question"] for task in made.panel("test")}) == 30


def test_the_variable_names_the_data_unless_told_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree(tmp_path, "train", 20)
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    assert world(Options()).panel("train")[0].data["kind"] == "Algebra"
    assert world(Options(data="generated")).panel("train")[0].data["kind"].endswith("steps")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"question": "a", "answer": "b ####', "line 3: not JSON, or cut off"),
        ('{"question": "a"}', "line 3: 'answer' is missing"),
        ('{"question": "a", "answer": "five"}', "line 3: 'answer' does not end in '#### N'"),
        ('{"question": "a", "answer": "#### "}', "line 3: 'answer' does not end in '#### N'"),
        ('{"answer": "#### 5"}', "line 3: has neither 'question' .* it has 'answer'"),
        ('{"problem": "a", "solution": "five"}', r"line 3: 'solution' has no complete \\boxed"),
        ('{"problem": "a", "solution": "\\\\boxed{5"}', r"line 3: 'solution' has no complete \\boxed"),
        ('{"problem": "a"}', "line 3: 'solution' is missing"),
        ('{"problem": null, "answer": "1"}', "line 3: 'problem' is 'None', not a text"),
        ("[1, 2]", "line 3: a problem is a JSON object, this is a list"),
        ("[" * 100_000, "line 3: (cannot be read as JSON|not JSON)"),
        ('{"question": ' + "9" * 5000 + "}", "line 3: cannot be read as JSON"),
    ],
)
def test_a_broken_line_is_named(text: str, said: str, tmp_path: Path) -> None:
    file = lines(tmp_path / "train.jsonl", EGGS)
    file.write_text(f"{file.read_text()}\n{text}\n")
    with pytest.raises(DataError, match=f"train.jsonl, {said}") as caught:
        opened(str(tmp_path)).problems("train")
    assert "\n" not in str(caught.value)


def test_a_truncated_file_of_math_is_named_with_its_line(tmp_path: Path) -> None:
    tree(tmp_path, "train", 2)
    file = tmp_path / "train" / "algebra" / "1.json"
    file.write_text(json.dumps(ROOT, indent=1)[:90])
    with pytest.raises(DataError, match=r"1\.json, line 4: not JSON, or cut off"):
        opened(str(tmp_path)).problems("train")
    file.write_bytes(b'{"problem": "\xff"}')
    with pytest.raises(DataError, match=r"1\.json: not UTF-8"):
        opened(str(tmp_path)).problems("train")


def test_a_place_without_problems_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty" / "train").mkdir(parents=True)
    (tmp_path / "none").mkdir()
    (tmp_path / "notes.txt").write_text("")
    for place, said in (
        ("nowhere", "no such file or folder"),
        ("non", "did you mean .*none"),
        ("none", "no problems there. It should hold train.jsonl"),
        ("notes.txt", "ending in .jsonl"),
    ):
        with pytest.raises(ConfigError, match=said):
            opened(str(tmp_path / place))
    with pytest.raises(DataError, match=r"empty/train: holds no \.json"):
        opened(str(tmp_path / "empty")).problems("train")
    with pytest.raises(DataError, match="holds no problem"):
        opened(str(lines(tmp_path / "test.jsonl"))).problems("test")
    few = tree(tmp_path / "few", "train", 3)
    with pytest.raises(AgentRLError, match=r"has 3 training problems .* at least 10"):
        agentrl.make("math", split="dev", data=str(few)).reset(seed=0)
