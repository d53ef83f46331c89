"""Programs and tests by one author: the sandbox judges, and no test is believed for its word."""

from pathlib import Path

import pytest

from agentrl.errors import ConfigError
from agentrl_envs.code import Coding
from agentrl_envs.code.options import Options
from tests.envs.code.test_env import begun
from tests.envs.code.test_records import LIVE, MBPP, written

pytestmark = pytest.mark.usefixtures("sandbox")
DOUBLE = "def solve(xs):\n    return xs[0]\n"


def judged(program: str, test: str) -> tuple[bool, float]:
    """Return whether the program passes, and whether the test is evidence."""
    env = begun(asks="tests", seconds=2.0, total=2.0)
    env.step(program)
    _, reward, terminated, _, info = env.step(test)
    assert terminated and reward == info["success"]
    return info["success"], info["metrics"]["sound"]


@pytest.mark.parametrize(
    ("test", "passes", "sound"),
    [
        ("assert solve([3, 4]) == 3", True, 1.0),
        ("Here:\n```python\nassert solve([3, 4]) == 3\n```", True, 1.0),
        ("def check(candidate):\n    assert candidate([3]) == 3", True, 1.0),
        ("assert solve([3, 4]) == 4", False, 1.0),
        ("solve([3, 4])", False, 0.0),
        ("assert True", False, 0.0),
        ("assert solve([3]) is None or True", False, 0.0),
        ("assert undefined == 3", False, 1.0),
        ("raise SystemExit", False, 0.0),
        ("no python", False, 0.0),
        ("import session\nfor _ in range(9): session.ask('case', True, '')\nassert True", False, 0.0),
        ("while True: pass\nassert solve([3]) == 3", False, 0.0),
    ],
)  # fmt: skip
def test_a_program_wins_by_passing_a_test_that_says_something(test: str, passes: bool, sound: float) -> None:
    assert judged(DOUBLE, test) == (passes, sound)


def test_a_program_cannot_pass_by_ending_the_judge() -> None:
    assert judged("import os\ndef solve(xs):\n    os._exit(0)\n", "assert solve([3]) == 3") == (False, 1.0)


def test_what_is_asked_before_the_test_tells_nothing_of_the_program() -> None:
    env = begun(asks="tests")
    first, *_ = env.step("def solve(xs): return 1")
    env.reset(options={"task": env.task})
    assert env.step("def solve(xs): return 2")[0] == first and env.problem.text in first


def test_the_known_program_passes_the_known_tests() -> None:
    env = begun(asks="tests")
    expert = env.player("expert", 0)
    env.step(expert(""))
    info = env.step(expert(""))[4]
    assert info["success"] and info["metrics"] == {"sound": 1.0}


def test_an_empty_program_leaves_nothing_to_be_tested() -> None:
    env = begun(asks="tests")
    assert not env.step("```python\n```")[4]["valid"]
    _, reward, terminated, _, info = env.step("assert solve([3]) == 3")
    assert (reward, terminated, info["success"]) == (0.0, True, False)


def test_functions_alone_are_tested(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"env\.asks needs env\.view=program"):
        Options(view="holes", asks="tests")
    with pytest.raises(ConfigError, match=r"leave out env\.tool"):
        Options(asks="tests", tool=True)
    problems = Coding(asks="tests", data=written(tmp_path, LIVE, MBPP)).tasks("test")
    assert [task.data["problem"] for task in problems] == ["901"]
    (alone := tmp_path / "alone").mkdir()
    with pytest.raises(ConfigError, match="every problem is of standard input"):
        Coding(asks="tests", data=written(alone, LIVE)).tasks("test")
