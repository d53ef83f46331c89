"""A function in a file is a verifier: what it is given, and what is said where it cannot work."""

import pickle
from pathlib import Path

import pytest

import agentrl
from agentrl.check import check_command
from agentrl.errors import ConfigError
from agentrl.registry import find
from agentrl.submissions import unmet
from agentrl.types import Task
from agentrl.verify import Submission, Verdict, as_verifier, verdict_of

TASK = Task("t", "train", 0, {"answer": "4", "tolerance": 0.5, "unit": "m"})


def by_fields(reply: str, answer: str, tolerance: float = 0.0) -> float:
    return float(abs(float(reply) - float(answer)) <= tolerance)


def by_task(reply: str, case: Task) -> float:
    return float(reply == case.data["answer"])


def by_rest(reply: str, *, answer: str, **rest: object) -> Verdict:
    return Verdict(float(reply == answer), reason=",".join(sorted(rest)))


def alone(reply: str) -> bool:
    return reply.islower()


@pytest.mark.parametrize(
    ("judge", "reply", "score"),
    [(by_fields, "4.4", 1), (by_fields, "5", 0), (by_task, "4", 1), (by_rest, "4", 1), (alone, "a", 1)],
)
def test_a_function_is_given_what_its_parameters_name(judge: object, reply: str, score: float) -> None:
    assert as_verifier(judge).verify(Submission(reply), TASK).score == score  # type: ignore[arg-type]


def test_the_fields_that_are_left_go_to_the_rest() -> None:
    assert as_verifier(by_rest).verify(Submission("4"), TASK).reason == "tolerance,unit"


def test_a_default_stands_in_for_a_field_that_is_not_there_and_nothing_else_does() -> None:
    bare = Task("t", "train", 0, {"answer": "4"})
    assert as_verifier(by_fields).verify(Submission("4.4"), bare).score == 0
    lost = as_verifier(by_fields).verify(Submission("4"), Task("t", "train", 0, {"anwser": "4"}))
    assert lost.status == "error" and "did you mean 'anwser'?" in lost.reason
    assert unmet(as_verifier(by_fields), Task("t", "train", 0, {"gold": "4"})) == ["answer"]
    assert unmet(as_verifier(by_task), Task("t", "train", 0)) == []


def test_a_function_that_forgets_to_return_gives_no_verdict() -> None:
    found = as_verifier(lambda reply: None).verify(Submission("x"), TASK)  # type: ignore[arg-type,return-value]
    assert found.status == "error" and "returned nothing" in found.reason


def test_a_function_of_a_file_judges_wherever_a_name_does(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "score.py"
    file.write_text(
        "from agentrl import verifier\nfrom agentrl.verify import Pair\n"
        "@verifier('same', pairs=[Pair('4', {'answer': '4'}, True), Pair('', {'answer': '4'}, False)])\n"
        "def score(reply: str, answer: str) -> float:\n    return float(reply == answer)\n"
        "class Whole:\n    name, low, high, pairs = 'whole', 0.0, 1.0, ()\n"
        "    def verify(self, submission, task):\n"
        "        from agentrl import Verdict\n        return Verdict(float(submission.answer == '4'))\n"
    )
    assert check_command([f"verifier={file}:score"])
    capsys.readouterr()
    assert agentrl.reward_function(f"{file}:score")(["?"] * 2, ["4", "5"], answer=["4", "4"]) == [1.0, 0.0]
    assert agentrl.reward_function(f"{file}:Whole")(["?"], ["4"]) == [1.0]
    judge = pickle.loads(pickle.dumps(as_verifier(find("verifiers", f"{file}:score"))))
    assert judge.verify(Submission("4"), TASK).score == 1
    with pytest.raises(ConfigError, match=r"judges by the column answer, and the data set has gold"):
        agentrl.reward_function(f"{file}:score")(["?"], ["4"], gold=["4"])


@pytest.mark.parametrize(
    ("text", "attribute", "why"),
    [
        ("def score(reply): return 1.0\n", "scroe", r"score.py has no 'scroe'; did you mean 'score'\?"),
        ("def score(): return 1.0\n", "score", r"verifier 'score' takes no reply to judge; write it as def"),
        ("def score(*, reply): return 1.0\n", "score", r"takes no reply to judge"),
        ("x = 1\n\nimport json\njson.loads('{')\n", "", r"loaded: JSONDecodeError: .*\(score.py, line 4\)"),
        ("score = 3\n", "score", r"score is int, not a function of \(reply, answer\) or \(reply, task\)"),
        ("class J:\n    def __init__(self, k): pass\n    def verify(self, s, t): pass\n", "J",
         r"verifier J cannot be made without arguments"),
        ("class J:\n    def verify(self, s, t): pass\n", "J", r"J does not declare name, low, high, pairs"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_one_line(text: str, attribute: str, why: str, tmp_path: Path) -> None:
    file = tmp_path / "score.py"
    file.write_text(text)
    with pytest.raises(ConfigError, match=why) as told:
        agentrl.reward_function(f"{file}:{attribute}" if attribute else str(file))
    assert "\n" not in str(told.value)


def test_a_file_that_is_not_there_is_named_with_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "score.py").write_text("def score(reply): return 1.0\n")
    with pytest.raises(ConfigError, match=r"there is no file .*scor.py; did you mean '.*score.py'\?"):
        agentrl.reward_function(f"{tmp_path}/scor.py:score")


def test_a_function_that_ends_the_program_is_at_fault_and_ends_nothing() -> None:
    def leaving(reply: str) -> float:
        raise SystemExit(3)

    verdict = verdict_of(as_verifier(leaving), Submission("x"), TASK)
    assert (verdict.status, verdict.reason) == ("error", "SystemExit: 3")


def test_a_file_that_ends_the_program_is_said_in_a_line(tmp_path: Path) -> None:
    file = tmp_path / "quits.py"
    file.write_text("import sys\n\nsys.exit(4)\n")
    with pytest.raises(ConfigError, match=r"quits.py cannot be loaded: SystemExit: 4 \(quits.py, line 3\)"):
        find("verifiers", str(file))
