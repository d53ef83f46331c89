"""Prompts of a file: who is asked what, what is right, and what is said of a broken row."""

import csv
import importlib.util
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from agentrl.check import check_command
from agentrl.config import from_toml, parse, to_toml
from agentrl.env import SPLITS
from agentrl.errors import ConfigError, DataError
from agentrl_envs.prompts import Prompts
from tests.agentrl.installed import install_ourselves

ROWS = [{"question": f"{a} + {b} =", "gold": a + b, "kind": "sum"} for a in range(10) for b in range(10)]
HOW = {"prompt": "question", "answer": "gold", "verifier": "math"}


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_ourselves(tmp_path / "site", monkeypatch)


def file(folder: Path, rows: Sequence[Mapping[str, Any]] = ROWS, name: str = "tasks.jsonl") -> str:
    path = folder / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def test_a_reply_is_judged_by_the_verifier_in_one_turn(tmp_path: Path) -> None:
    env = Prompts("dev", data=file(tmp_path), **HOW)
    prompt, _ = env.reset(seed=0)
    assert env.task is not None and prompt == env.task.data["prompt"] and env.task.data["kind"] == "sum"
    _, reward, terminated, _, info = env.step(f"The answer is {env.task.data['answer']}")
    assert (reward, terminated, info["success"], info["score"]) == (1.0, True, True, 1.0)
    env.reset(seed=0)
    assert env.step("99")[1] == 0.0


def test_a_split_of_a_prompt_depends_on_its_words_alone(tmp_path: Path) -> None:
    env = Prompts(data=file(tmp_path), **HOW)
    found = {split: {task.data["prompt"] for task in env.tasks(split)} for split in SPLITS}
    assert sum(map(len, found.values())) == 100 and all(found.values())
    turned = Prompts(
        data=file(tmp_path, [*ROWS[::-1], {"question": "7 + 70 =", "gold": 77}], "more.jsonl"), **HOW
    )
    for split in SPLITS:
        assert found[split] <= {task.data["prompt"] for task in turned.tasks(split)}


def test_no_prompt_is_in_two_splits(tmp_path: Path) -> None:
    twice = file(tmp_path, [*ROWS, {"question": "3  +  4 =", "gold": 7}])
    env = Prompts(data=twice, **HOW)
    same = [t.split for s in SPLITS for t in env.tasks(s) if t.data["prompt"].split() == ["3", "+", "4", "="]]
    assert len(same) == 2 and len(set(same)) == 1
    said = [{**row, "part": ("train", "valid", "test")[i % 3]} for i, row in enumerate(ROWS)]
    env = Prompts(data=file(tmp_path, said, "said.jsonl"), **HOW, split_by="part")
    assert [len(env.tasks(split)) for split in SPLITS] == [34, 33, 33]
    both = file(tmp_path, [*said, {**ROWS[0], "part": "test"}], "both.jsonl")
    with pytest.raises(
        DataError, match=r"both.jsonl, line 101: this prompt is for test, and for train in .*line 1;"
    ):
        Prompts(data=both, **HOW, split_by="part")


def test_csv_parquet_and_folders_are_read_alike(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    import pyarrow

    with (tmp_path / "tasks.csv").open("w", newline="") as out:
        writer = csv.DictWriter(out, ["question", "gold", "kind"])
        writer.writeheader()
        writer.writerows(ROWS)
    parquet.write_table(pyarrow.Table.from_pylist(ROWS), tmp_path / "tasks.parquet")
    (tmp_path / "tasks.json").write_text(json.dumps(ROWS))
    lines = Prompts(data=file(tmp_path), **HOW)
    for name in ("tasks.csv", "tasks.parquet", "tasks.json"):
        other = Prompts(data=str(tmp_path / name), **HOW)
        assert [other.tasks(split) for split in SPLITS] == [lines.tasks(split) for split in SPLITS], name
    folder = tmp_path / "set" / "data"
    folder.mkdir(parents=True)
    parquet.write_table(pyarrow.Table.from_pylist(ROWS[:60]), folder / "train-00000-of-00001.parquet")
    parquet.write_table(pyarrow.Table.from_pylist(ROWS[60:]), folder / "test-00000-of-00001.parquet")
    env = Prompts(data=str(tmp_path / "set"), **HOW)
    counts = [len(env.tasks(split)) for split in SPLITS]
    assert counts[0] + counts[1] == 60 and counts[1] > 0 and counts[2] == 40


parquet_is_read = pytest.mark.skipif(
    importlib.util.find_spec("pyarrow") is None,
    reason="pyarrow is not installed: it comes with the extra 'parquet'",
)


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("a.jsonl", '{"question": "a", "gold": 1}\n{"quesiton": "b", "gold": 2}\n',
         r"a.jsonl, line 2: no field 'question' \(env.prompt\); did you mean 'quesiton'\? \(it has: q"),
        ("a.jsonl", '{"question": "a"}\n', r"line 1: no field 'gold' \(env.answer\)"),
        ("a.jsonl", '{"question": "a", \n', r"a.jsonl, line 1: not JSON, or cut off"),
        ("a.jsonl", '["a"]\n', r"line 1: expected an object with fields, found"),
        ("a.jsonl", '{"question": 3, "gold": 1}\n', r"line 1: 'question' is '3', not a text"),
        ("a.jsonl", '{"question": "a", "gold": {"x": 1}}\n', r"line 1: the answer is .* neither text nor"),
        ("a.csv", "question,gold\na,1\nb\n", r"a.csv, line 3: no field 'gold'"),
        ("a.csv", "question,gold\na,1,2\n", r"a.csv, line 2: more values than the first line has names"),
        pytest.param("a.parquet", "nonsense", r"a.parquet: not Parquet", marks=parquet_is_read),
        ("a.txt", "a", r"expected a folder, or a file ending in .jsonl"),
        ("a.jsonl", "", r"no prompts there"),
        ("a.jsonl", '{"question": "a", "gold": 1}\n', r"none of its 1 prompts is for .*; where nothing says"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_file_line_and_field(
    name: str, text: str, why: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises((ConfigError, DataError), match=why):
        Prompts(data=str(tmp_path / name), **HOW)


def test_a_verifier_that_needs_an_answer_is_told_where_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"'math' judges by answer, which the rows .* \(they hold .*\); say answer="
    ):
        Prompts(data=file(tmp_path), prompt="question", verifier="math")
    (tmp_path / "short.py").write_text("def short(reply): return 1 / (1 + len(reply))\n")
    env = Prompts(data=file(tmp_path), prompt="question", verifier=f"{tmp_path}/short.py")
    env.reset(seed=0)
    assert env.step("abc")[1] == 0.25


def test_the_words_of_a_run_are_short_and_its_configuration_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file(tmp_path)
    (tmp_path / "score.py").write_text("def score(reply, answer): return float(reply == answer)\n")
    monkeypatch.chdir(tmp_path)
    words = ["data=tasks.jsonl", "prompt=question", "answer=gold", "verifier=./score.py:score", "algo=grpo"]
    got = parse(words)
    assert got.env == "prompts" and got.env_options["verifier"] == f"{tmp_path / 'score.py'}:score"
    assert got.env_options["data"] == str(tmp_path / "tasks.jsonl")
    assert from_toml(to_toml(got)) == got == parse(["env=prompts", *words])
    with pytest.raises(ConfigError, match=r"no setting 'promtp'; did you mean 'prompt'"):
        parse([*words, "promtp=x"])


def test_the_rules_of_environments_hold(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check_command(["env=prompts", f"data={file(tmp_path)}", "prompt=question", "answer=gold"]), (
        capsys.readouterr().out
    )


def test_a_verifier_that_takes_texts_for_numbers_is_told_before_anything_is_played(tmp_path: Path) -> None:
    near = tmp_path / "near.py"
    near.write_text("def near(reply: str, answer: int) -> float:\n    return float(answer - 1 > 0)\n")
    with pytest.raises(
        ConfigError, match=r"'near' fails on the reply '\?' to the first row of .*: TypeError"
    ):
        Prompts(data=file(tmp_path), prompt="question", answer="gold", verifier=str(near))
