"""An episode of mathematics: what is shown, what is paid, what ends it."""

import pickle
from pathlib import Path

import pytest

from agentrl.env import TextEnv
from agentrl.errors import AgentRLError, ConfigError, DeadlineError, RunError
from agentrl.sandbox import choose
from agentrl.types import Task
from agentrl_envs.math import Math
from agentrl_envs.math.programs import block

TASK = Task("t", "train", 0, {"question": "What is 6 * 7?", "answer": "42", "kind": "1 steps"})
JUDGES = """
from agentrl.verify import Verdict
def late(answer, task):
    return Verdict(0.0, "timeout", "took too long")
def broken(answer, task):
    raise ValueError("oh")
def half(answer, task):
    return Verdict(0.5, parts={"form": 0.25})
"""


def begun(**options: object) -> Math:
    env = Math(**options)  # type: ignore[arg-type]
    env.reset(options={"task": TASK})
    return env


@pytest.fixture
def judges(tmp_path: Path) -> str:
    (tmp_path / "judges.py").write_text(JUDGES)
    return str(tmp_path / "judges.py")


@pytest.mark.parametrize(
    ("solution", "paid"),
    [
        ("6 * 7 = 42 #### 42", 1.0),
        ("so \\boxed{42}", 1.0),
        ("#### 41", 0.0),
        ("", 0.0),
        ("\\boxed{41,42}", 0.0),
    ],
)
def test_one_answer_ends_the_episode_and_is_paid_by_the_verifier(solution: str, paid: float) -> None:
    observation, reward, terminated, truncated, info = begun().step(solution)
    assert (reward, terminated, truncated, info["success"], info["score"]) == (
        paid,
        True,
        False,
        paid == 1,
        paid,
    )
    assert observation == ("Right." if paid else "Wrong.")


def test_any_verifier_can_be_asked_and_its_parts_are_metrics(judges: str) -> None:
    assert begun(verifier="exact").step(" 42. ")[1] == 1.0
    _, reward, terminated, _, info = begun(verifier=f"{judges}:half").step("42")
    assert (reward, terminated, info["success"], info["metrics"]) == (0.5, True, False, {"form": 0.25})
    with pytest.raises(ConfigError, match="did you mean 'exact'"):
        Math(verifier="exakt")


def test_a_verdict_that_says_nothing_is_an_error_of_the_episode(judges: str) -> None:
    with pytest.raises(DeadlineError, match="verifier late: took too long"):
        begun(verifier=f"{judges}:late").step("42")
    with pytest.raises(RunError, match="verifier broken: ValueError: oh"):
        begun(verifier=f"{judges}:broken").step("42")


def test_a_long_solution_is_read_and_an_endless_one_refused() -> None:
    env = begun()
    assert env.step("x" * 20_001)[4]["valid"] is False
    assert env.step("because " * 1000 + "\\boxed{42}")[1] == 1.0


def test_the_expert_is_right_and_a_pupil_with_habits_often_is_not() -> None:
    def rate(kind: str, **options: object) -> float:
        env = Math(problems=100, form="arithmetic", min_steps=2, max_steps=3, largest=50, **options)  # type: ignore[arg-type]
        paid = []
        for seed in range(100):
            env.reset(seed=seed)
            paid.append(env.step(env.player(kind, seed)(""))[1])  # type: ignore[arg-type]
        return sum(paid) / len(paid)

    assert rate("expert") == rate("demonstrator") == 1.0
    assert 0.2 < rate("demonstrator", noise=1.0) < 0.6


def test_the_expert_solves_stories_from_every_split() -> None:
    for split in ("train", "dev", "test"):
        env = Math(split, problems=20)
        for seed in range(20):
            env.reset(seed=seed)
            assert env.step(env.player("expert", 0)(""))[1] == 1.0


@pytest.fixture
def tooled() -> TextEnv:
    try:
        choose("auto")
    except AgentRLError as why:
        pytest.skip(str(why))
    return begun(tool="python")


def test_a_program_is_run_and_the_episode_goes_on_with_what_it_left(tooled: TextEnv) -> None:
    observation, reward, terminated, _, info = tooled.step("I try.\n" + block("x = 6 * 7\nprint(x)"))
    assert (observation, reward, terminated) == ("42", 0.0, False)
    assert info["calls"] == ({"name": "python", "arguments": {"code": "x = 6 * 7\nprint(x)\n"}},)
    call = '<tool_call>{"name": "python", "arguments": {"code": "x - 1"}}</tool_call>'
    assert tooled.step(call)[0] == "41"
    _, reward, terminated, _, info = tooled.step("\\boxed{42}")
    assert (reward, terminated, info["metrics"]["programs"]) == (1.0, True, 2.0)
    tooled.close()


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("<tool_call>{</tool_call>", "A tool call is JSON"),
        ('<tool_call>{"name": "python"}</tool_call>', "A tool call is JSON"),
        ('<tool_call>{"name": "bash", "arguments": {}}</tool_call>', "no tool 'bash'"),
        ('<tool_call>{"name": "python", "arguments": {"code": 3}}</tool_call>', "Expected `str`"),
        (block("1 / 0"), "ZeroDivisionError"),
    ],
)
def test_a_call_that_fails_is_told_and_costs_a_turn(call: str, said: str, tooled: TextEnv) -> None:
    observation, reward, terminated, truncated, _ = tooled.step(call)
    assert said in observation and (reward, terminated, truncated) == (0.0, False, False)
    tooled.close()


def test_a_copy_of_an_episode_remembers_what_was_run(tooled: TextEnv) -> None:
    tooled.step(block("x = 40"))
    for copy in (pickle.loads(pickle.dumps(tooled)), Math(tool="python")):
        copy.restore(tooled.snapshot())
        assert copy.step(block("x + 2"))[0] == "42"
        assert copy.step("#### 42")[4]["metrics"]["programs"] == 2.0
        copy.close()
    tooled.close()


def test_programs_without_an_answer_end_at_the_turn_limit(tooled: TextEnv) -> None:
    ends = [tooled.step(block("1"))[2:4] for _ in range(tooled.max_turns)]
    assert ends == [(False, False)] * (tooled.max_turns - 1) + [(False, True)]
    tooled.close()
