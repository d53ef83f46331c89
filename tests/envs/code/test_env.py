"""Programming, as an agent meets it: attempts, public tests, hidden tests."""

from pathlib import Path
from typing import Any

import pytest

from agentrl.errors import ConfigError, DataError, RunError
from agentrl.sandbox import Limits
from agentrl.types import Task
from agentrl_envs.code import Coding
from agentrl_envs.code.judging import publicly, secretly
from agentrl_envs.code.problem import Problem
from agentrl_verifiers.code_tests import Terms
from tests.envs.code.test_records import CALLED, HUMANEVAL, LIVE, MBPP, written

TERMS = Terms(Limits(wall=2.0, memory=512 << 20), 10.0)
WRONG = "def solve(*anything):\n    return None\n"


def begun(kind: str = "lists", **options: Any) -> Coding:
    env = Coding(**{"problems": 40, **options})
    task = next(task for task in env.tasks("train") if task.data["kind"] == kind)
    env.reset(options={"task": task})
    return env


def expert(env: Coding) -> str:
    return env.player("expert", 0)("")


@pytest.fixture
def holes() -> Coding:
    return begun(view="holes")


def test_the_right_expression_is_judged_at_once(holes: Coding) -> None:
    _, reward, terminated, _, info = holes.step(expert(holes))
    assert (reward, terminated, info["success"], info["score"]) == (1.0, True, True, 1.0)


def test_a_wrong_expression_is_told_which_public_test_it_fails(holes: Coding) -> None:
    text, reward, terminated, _, info = holes.step("a wrong one")
    assert (reward, terminated, info["valid"]) == (0.0, False, True) and "not an expression" in text
    text, *_ = holes.step("xs + xs")
    assert text.startswith("not return xs + xs : xs =") and " not " in text
    assert holes.step(expert(holes))[4]["success"]


def test_a_reply_that_is_no_expression_is_not_read_back_at_length(holes: Coding) -> None:
    holes.reset(seed=0)
    observation, *_ = holes.step("x" * 19_000)
    assert "too long" in observation and len(observation) < 600


def test_the_last_attempt_is_judged_by_the_hidden_tests(holes: Coding) -> None:
    for _ in range(holes.max_turns):
        _, reward, terminated, truncated, info = holes.step("xs + xs")
    assert (reward, terminated, truncated, info["success"]) == (0.0, True, False, False)
    assert info["metrics"] == {"attempts": 3.0, "public": 0.0}


def test_fractions_are_paid_where_asked_for() -> None:
    for reward in ("success", "fraction"):
        env = begun("numbers", view="holes", max_turns=1, reward=reward)
        case = env.problem.hidden[0]
        guess = f"{case['returns']} if [ a , b ] == {case['args']} else 0 - 999"  # type: ignore[index]
        _, paid, _, _, info = env.step(guess)
        assert not info["success"] and info["score"] == pytest.approx(1 / 8)
        assert paid == (info["score"] if reward == "fraction" else 0.0)


def test_the_demonstrator_is_wrong_more_often_than_not_and_without_noise_never() -> None:
    won = {0.0: 0, 0.6: 0}
    for noise in won:
        env = Coding(view="holes", problems=40, max_turns=1, noise=noise)
        for seed in range(40):
            env.reset(seed=seed)
            won[noise] += env.step(env.player("demonstrator", seed)(""))[4]["success"]
    assert won[0.0] == 40 and 0 < won[0.6] < 20


def test_a_task_of_another_panel_is_refused(holes: Coding) -> None:
    with pytest.raises(DataError, match="no problem 'train-999'"):
        holes.reset(options={"task": Task("x", "train", 0, {"problem": "train-999"})})


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"view": "hole"}, "did you mean 'holes'"),
        ({"view": "holes", "data": "x.jsonl"}, "env.data needs env.view=program"),
        ({"view": "holes", "tool": True}, "env.tool needs env.view=program"),
        ({"noise": 1.5}, "from 0 to 1"),
        ({"difficulty": 0}, "at least 1"),
        ({"seconds": float("nan")}, "above 0"),
    ],
)
def test_settings_that_cannot_be_are_refused(options: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        Coding(**options)


def test_a_program_is_run_shown_its_failure_and_repaired(sandbox: None) -> None:
    env = begun()
    assert "Tests:\n- solve(" in env.render() and "It begins: def solve(xs):" in env.render()
    text, reward, terminated, _, _ = env.step(WRONG)
    assert (
        not terminated and reward == 0.0 and "0 of 2 public tests pass" in text and "gave None, not" in text
    )
    _, reward, _, _, info = env.step(f"Better:\n```python\n{expert(env)}```")
    assert reward == 1.0 and info["success"] and info["metrics"] == {"attempts": 2.0, "public": 1.0}


def test_a_program_that_knows_the_public_tests_only_fails(sandbox: None) -> None:
    env = begun()
    known = {repr(case["args"]): case["returns"] for case in env.problem.public}
    _, reward, terminated, _, info = env.step(f"def solve(*a): return {known!r}.get(repr(list(a)))")
    assert terminated and reward == 0.0 and not info["success"]


@pytest.mark.parametrize(
    "program", ["while True: pass", "import os; os._exit(0)", "def solve(", "raise KeyError"]
)
def test_a_program_that_breaks_costs_a_turn_and_nothing_else(program: str, sandbox: None) -> None:
    env = begun(seconds=1.0)
    text, reward, terminated, _, info = env.step(program)
    assert (reward, terminated, info["valid"]) == (0.0, False, True) and "The first failure: " in text


def test_nothing_in_a_fence_is_no_attempt(sandbox: None) -> None:
    env = begun()
    assert not env.step("```python\n```")[4]["valid"]


def test_the_interpreter_lives_through_an_episode_and_its_calls_are_recorded(sandbox: None) -> None:
    env = begun(tool=True, max_turns=4)
    assert "run:" in env.instructions()
    env.step("run:\nx = 20")
    text, *_, info = env.step("run:\n```python\nx + 1\n```")
    assert text == "It printed:\n21" and info["calls"][0]["name"] == "python"
    saved = env.snapshot()
    assert env.step("run:\nx")[0] == "It printed:\n20"
    env.restore(saved)
    assert env.step("run:\nx + 2")[0] == "It printed:\n22"
    env.close()


def test_a_sandbox_that_breaks_is_no_failure_of_the_program(sandbox: None) -> None:
    class Broken:
        name = "broken"

        def start(self, limits: Limits) -> Any:
            raise RunError("out of order")

    env = begun()
    with pytest.raises(RunError):
        publicly("x = 1", env.problem, Terms(backend=Broken()))


def only(folder: Path, row: Any) -> Problem:
    env = Coding("test", data=written(folder, row))
    env.reset(seed=0)
    return env.problem


def test_references_of_files_pass_and_stubs_do_not(tmp_path: Path, sandbox: None) -> None:
    for name, row in (("humaneval", HUMANEVAL), ("mbpp", MBPP)):
        (tmp_path / name).mkdir()
        problem = only(tmp_path / name, row)
        assert publicly(problem.reference, problem, TERMS).passed
        assert secretly(problem.reference, problem, TERMS).passed
        stub = f"def {problem.entry}(*a): return 0"
        assert " gave 0, not 3" in publicly(stub, problem, TERMS).why
        assert not secretly(stub, problem, TERMS).passed


def test_a_bare_body_continues_the_prompt(tmp_path: Path, sandbox: None) -> None:
    problem = only(tmp_path, HUMANEVAL)
    assert secretly("    return math.isqrt(n)\n", problem, TERMS).passed
    assert secretly("def root(n):\n    return math.isqrt(n)\n", problem, TERMS).passed  # its import is given


def test_programs_that_print_and_methods_are_judged(tmp_path: Path, sandbox: None) -> None:
    printing = only(tmp_path, LIVE)
    assert secretly("print(2 * int(input()))", printing, TERMS).passed
    assert publicly("print(5)", printing, TERMS).why == "input '2\\n' prints '4\\n': wrong output"
    (tmp_path / "other").mkdir()
    method = only(tmp_path / "other", CALLED)
    program = "class Solution:\n    def twice(self, x, k=0): return x * 2 if k == 0 else [6]\n"
    assert publicly(program, method, TERMS).passed and secretly(program, method, TERMS).passed
    assert "Solution().twice(2) gave 5" in publicly(program.replace("x * 2", "5"), method, TERMS).why
