"""An interpreter for an episode, as an agent meets it."""

import pickle

import pytest

from agentrl.errors import AgentRLError, ConfigError, InvalidAction
from agentrl.sandbox import Limits, choose
from agentrl.tools import call, schema
from agentrl_envs.python_tool import PythonTool, bounded


@pytest.fixture(scope="module")
def working() -> None:
    try:
        choose("auto")
    except AgentRLError as why:
        pytest.skip(str(why))


@pytest.fixture
def interpreter(working: None) -> PythonTool:
    return PythonTool(limits=Limits(wall=2.0), characters=100)


def test_names_live_through_an_episode_and_no_longer(interpreter: PythonTool) -> None:
    assert interpreter.python("x = 20\nprint('set')") == "set"
    assert interpreter.python("x + 1") == "21"
    interpreter.reset()
    assert "NameError" in interpreter.python("x")
    interpreter.close()


def test_silence_is_said(interpreter: PythonTool) -> None:
    assert interpreter.python("x = 1") == "(no output)"


def test_an_error_is_told_by_the_lines_of_the_agents_own_code(interpreter: PythonTool) -> None:
    said = interpreter.python("print('before')\n1 / 0")
    assert said.startswith("before\nTraceback") and "main.py" in said and "ZeroDivisionError" in said
    assert "usr/lib" not in interpreter.python("def f(:") and "SyntaxError" in interpreter.python("def f(:")


def test_a_program_that_does_not_end_is_stopped_and_so_are_its_names(interpreter: PythonTool) -> None:
    interpreter.python("x = 1")
    said = interpreter.python("while True: pass")
    assert "2 seconds" in said and "restarted" in said
    assert "NameError" in interpreter.python("x")


def test_a_program_that_ends_itself_is_told(interpreter: PythonTool) -> None:
    assert "ended the interpreter" in interpreter.python("import os; os._exit(0)")


def test_output_is_bounded(interpreter: PythonTool) -> None:
    said = interpreter.python("print('x' * 5000)")
    assert "4900 characters left out" in said and len(said) < 200


def test_addresses_read_the_same_each_time(interpreter: PythonTool) -> None:
    assert interpreter.python("object()") == "<object object at 0x...>"
    assert interpreter.python("hex(10**9)") == "'0x3b9aca00'"


def test_a_copy_goes_on_where_the_original_was(interpreter: PythonTool) -> None:
    interpreter.python("x = 20")
    copy = pickle.loads(pickle.dumps(interpreter))
    interpreter.python("x = 1")
    assert copy.python("x + 1") == "21"
    copy.load(interpreter.save())
    assert copy.python("x") == "1"


def test_closing_in_the_middle_loses_nothing(interpreter: PythonTool) -> None:
    interpreter.python("x = 20")
    interpreter.close()
    assert interpreter.python("x") == "20"


def test_an_agent_reaches_it_by_name_and_is_told_of_mistakes(interpreter: PythonTool) -> None:
    assert call(interpreter, "python", {"code": "6 * 7"}) == "42"
    with pytest.raises(InvalidAction, match="no 'program'"):
        call(interpreter, "python", {"program": "6 * 7"})
    assert schema(interpreter.python)["function"]["name"] == "python"


def test_an_unknown_sandbox_is_refused_before_any_episode() -> None:
    with pytest.raises(ConfigError, match="did you mean 'docker'"):
        PythonTool("doker")  # type: ignore[arg-type]


def test_a_short_text_is_left_alone() -> None:
    assert bounded("abc", 3) == "abc"
