"""Files of problems: what each format becomes, and what is said of broken ones."""

import base64
import gzip
import json
import pickle
import zlib
from pathlib import Path
from typing import Any

import pytest

from agentrl.errors import ConfigError, DataError
from agentrl_envs.code.records import read

HUMANEVAL = {
    "task_id": "HumanEval/900",
    "prompt": 'import math\n\ndef root(n):\n    """Whole root.\n    >>> root(9)\n    3\n    """\n',
    "entry_point": "root",
    "canonical_solution": "    return math.isqrt(n)\n",
    "test": "def check(candidate):\n    assert candidate(16) == 4\n    assert candidate(17) == 4\n",
}
MBPP = {
    "task_id": 901,
    "text": "Write a function to add two numbers.",
    "code": "def add(a, b):\n    return a + b\n",
    "test_list": ["assert add(ONE, 2) == 3", "assert add(2, 2) == 4"],
    "test_setup_code": "ONE = 1",
    "challenge_test_list": ["assert add(-1, 1) == 0"],
}
LIVE: dict[str, Any] = {
    "question_id": "902_a",
    "question_content": "Print the double.",
    "starter_code": "",
    "public_test_cases": json.dumps([{"input": "2\n", "output": "4\n", "testtype": "stdin"}]),
    "private_test_cases": json.dumps([{"input": "3\n", "output": "6\n", "testtype": "stdin"}]),
    "metadata": "{}",
}
CALLED = {
    **LIVE,
    "starter_code": "class Solution:\n    def twice(self, x: int) -> int:\n        ",
    "public_test_cases": json.dumps([{"input": "2", "output": "4", "testtype": "functional"}]),
    "private_test_cases": [{"input": "[3]\n1", "output": "[6]", "testtype": "functional"}],
    "metadata": json.dumps({"func_name": "twice"}),
}


def written(folder: Path, *rows: Any, name: str = "test.jsonl") -> str:
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    (folder / name).write_text("\n".join(lines) + "\n")
    return str(folder)


def test_humaneval_shows_the_examples_of_its_docstring(tmp_path: Path) -> None:
    (problem,) = read(written(tmp_path, HUMANEVAL), "test")
    assert (problem.id, problem.kind, problem.entry) == ("HumanEval/900", "humaneval", "root")
    assert problem.public == ["assert root(9) == 3"]
    assert problem.hidden == HUMANEVAL["test"] and problem.preamble == "import math\n\n"
    assert problem.reference.endswith("math.isqrt(n)\n")


def test_mbpp_shows_one_assertion_and_hides_the_others(tmp_path: Path) -> None:
    (problem,) = read(written(tmp_path, MBPP), "test")
    assert (problem.id, problem.entry, problem.setup) == ("901", "add", "ONE = 1")
    assert problem.public == MBPP["test_list"][:1]  # type: ignore[index]
    assert str(problem.hidden).splitlines() == ["ONE = 1", *MBPP["test_list"], "assert add(-1, 1) == 0"]  # type: ignore[misc]


def test_livecodebench_reads_both_kinds_of_test(tmp_path: Path) -> None:
    stdin, called = read(written(tmp_path, LIVE, {**CALLED, "question_id": "903"}), "test")
    assert stdin.stdin and stdin.hidden == [{"stdin": "3\n", "stdout": "6\n"}]
    assert called.entry == "Solution().twice" and called.hidden == [{"args": [[3], 1], "returns": [6]}]
    assert called.signature.startswith("class Solution")


def test_packed_private_tests_are_never_opened(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return (tmp_path / "opened").touch, ()

    packed = base64.b64encode(zlib.compress(pickle.dumps(Bomb()))).decode()
    with pytest.raises(DataError, match=r"test\.jsonl, line 1: .*never opened here.*offline"):
        read(written(tmp_path, {**LIVE, "private_test_cases": packed}), "test")
    assert not (tmp_path / "opened").exists()


def test_one_file_is_divided_without_overlap(tmp_path: Path) -> None:
    folder = written(tmp_path, *({**MBPP, "task_id": i} for i in range(40)), name="all.jsonl")
    file = f"{folder}/all.jsonl"
    parts = {split: {p.id for p in read(file, split)} for split in ("train", "dev", "test")}  # type: ignore[arg-type]
    assert [len(part) for part in parts.values()] == [32, 4, 4]
    assert len(set.union(*parts.values())) == 40


def test_a_folder_without_dev_lends_problems_of_train(tmp_path: Path) -> None:
    written(tmp_path, *({**MBPP, "task_id": i} for i in range(20)), name="train.jsonl")
    written(tmp_path, {**MBPP, "task_id": 99})
    assert [p.id for p in read(str(tmp_path), "dev")] == ["9", "19"]
    assert len(read(str(tmp_path), "train")) == 18 and len(read(str(tmp_path), "test")) == 1


def test_a_packed_file_is_read(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "test.jsonl.gz", "wt") as file:
        file.write(json.dumps(HUMANEVAL) + "\n\n")
    assert len(read(str(tmp_path), "test")) == 1


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[1]", "a list, not an object"),
        ('{"a": 1}', "no known format; it has a"),
        ({**HUMANEVAL, "prompt": 3}, "'prompt' is 3, not a text"),
        ({**HUMANEVAL, "entry_point": "cube"}, "does not define entry_point 'cube'"),
        ({**HUMANEVAL, "test": "assert True"}, "does not define check"),
        ({**HUMANEVAL, "task_id": None}, "'task_id' is not there"),
        ({**MBPP, "test_list": ["assert add("]}, "'test_list' is no Python"),
        ({**MBPP, "test_list": ["assert True"]}, "calls none of the functions"),
        ({**MBPP, "test_list": [3]}, "not a list of texts"),
        ({**MBPP, "test_list": []}, "is empty"),
        ({**MBPP, "code": "def ("}, "'code' is no Python"),
        ({**LIVE, "public_test_cases": "[{}]"}, "test 1: needs texts input and output"),
        ({**LIVE, "public_test_cases": "nothing"}, "is not JSON"),
        ({**LIVE, "private_test_cases": None}, "no list of tests"),
        ({**LIVE, "private_test_cases": CALLED["private_test_cases"]}, "more than one testtype"),
        ({**CALLED, "metadata": "{}"}, "names no func_name"),
        (
            {**CALLED, "private_test_cases": [{"input": "x", "output": "1", "testtype": "functional"}]},
            "argument",
        ),
    ],
)
def test_a_broken_line_is_told_with_file_and_line(tmp_path: Path, row: Any, why: str) -> None:
    folder = written(tmp_path, {**HUMANEVAL, "task_id": "first"}, row)
    with pytest.raises(DataError, match=r"test\.jsonl, line 2: ") as told:
        read(folder, "test")
    assert why in str(told.value) and "\n" not in str(told.value)


def test_an_id_may_be_there_once(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="line 2: id 'HumanEval/900' was there before"):
        read(written(tmp_path, HUMANEVAL, HUMANEVAL), "test")


def test_what_is_no_file_of_problems_is_told(tmp_path: Path) -> None:
    written(tmp_path, HUMANEVAL)
    with pytest.raises(ConfigError, match=r"no such file or folder; did you mean '.*test\.jsonl'"):
        read(str(tmp_path / "tset.jsonl"), "test")
    with pytest.raises(ConfigError, match=r"no train\.jsonl"):
        read(str(tmp_path), "train")
    with pytest.raises(DataError, match="1 problems cannot be divided"):
        read(str(tmp_path / "test.jsonl"), "test")
    (tmp_path / "bytes.jsonl").write_bytes(b"\xff\xfe\n")
    with pytest.raises(DataError, match="line 1: not JSON"):
        read(str(tmp_path / "bytes.jsonl"), "test")
    (tmp_path / "problems.csv").write_text("a,b")
    with pytest.raises(ConfigError, match=r"not one of \.jsonl"):
        read(str(tmp_path / "problems.csv"), "test")
