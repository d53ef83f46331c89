"""An interpreter that lives through an episode."""

import pytest

from agentrl.sandbox import Backend, Limits, Session
from agentrl.sandbox.plain import decoded, encoded

LIMITS = Limits(wall=20.0)


def test_names_live_from_call_to_call(backend: Backend) -> None:
    with Session(LIMITS, backend) as session:
        assert not session.alive
        assert session.run("x = 20\ndef f(y): return x + y").stdout == ""
        assert session.alive
        assert session.run("print(f(1))\nf(22)").stdout == "1\n42\n".replace("1", "21", 1)


def test_a_last_expression_is_shown_unless_it_is_none_or_not_wanted(bubblewrap: Backend) -> None:
    with Session(LIMITS, bubblewrap) as session:
        assert session.run("'text'").stdout == "'text'\n"
        assert session.run("None").stdout == ""
        assert session.run("'text'", echo=False).stdout == ""


def test_an_exception_leaves_the_session_alive(bubblewrap: Backend) -> None:
    with Session(LIMITS, bubblewrap) as session:
        session.run("x = 1")
        failed = session.run("x = 2\n1 / 0")
        assert failed.verdict == "error" and "ZeroDivisionError" in failed.stderr
        assert session.run("x").stdout == "2\n"
        assert session.run("def (").verdict == "error"
        assert session.run("held = bytearray(8 << 30)").verdict == "memory"
        assert session.run("x").stdout == "2\n"


def test_a_program_that_does_not_listen_cannot_hold_its_supervisor(bubblewrap: Backend) -> None:
    with Session(Limits(wall=1.0), bubblewrap) as session:
        session.run("import os; os.dup2(os.open('/dev/null', os.O_RDONLY), 0)")
        deaf = session.run("import time\nwhile True: time.sleep(1)\n" + "#" * 500_000)
        assert (deaf.verdict, deaf.status) == ("timeout", -9)


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        ("while True: pass", "timeout"),
        ("while True: print('x' * 10000)", "output-limit"),
        ("import os; os._exit(0)", "error"),
        ("exit()", "error"),
        ("import os; os.close(4)", "error"),
        ("import os; os.close(3)", "ok"),
        ("import os; os.write(4, b'\\xff' * 100)", "output-limit"),
        ("import os; os.write(4, b'\\0\\0\\0\\2[]')", "error"),
    ],
)
def test_what_ends_a_session_is_said_and_the_next_call_begins_anew(
    code: str, verdict: str, bubblewrap: Backend
) -> None:
    with Session(Limits(wall=2.0), bubblewrap) as session:
        session.run("x = 1")
        assert session.run(code).verdict == verdict
        again = session.run("'x' in globals()")
        if verdict == "ok":  # no call can reach it any more
            assert again.verdict == "error"
            again = session.run("'x' in globals()")
        assert again.stdout == "False\n"


def test_each_call_has_its_own_output_allowance(bubblewrap: Backend) -> None:
    with Session(Limits(wall=20.0, output=1000), bubblewrap) as session:
        for _ in range(3):
            assert session.run("print('x' * 900)").stdout == "x" * 900 + "\n"


def test_sessions_do_not_see_each_other(bubblewrap: Backend) -> None:
    with Session(LIMITS, bubblewrap) as one, Session(LIMITS, bubblewrap) as two:
        one.run("x = 1; open('file', 'w').write('x')")
        assert two.run("'x' in globals(), __import__('os').listdir('.')").stdout == "(False, [])\n"


def test_files_are_there_from_the_start(bubblewrap: Backend) -> None:
    with Session(LIMITS, bubblewrap, {"table.csv": "a,b\n"}) as session:
        assert session.run("open('table.csv').read()").stdout == "'a,b\\n'\n"


def test_functions_can_be_called_with_plain_values(bubblewrap: Backend) -> None:
    with Session(LIMITS, bubblewrap) as session:
        session.run(
            "def f(x, *, more=()): return {'x': x, 'more': more}\nclass S:\n  def g(self): return S()"
        )
        arguments = [encoded([(1, 2)]), encoded({"more": {3}})]
        _, answer = session.exchange({"call": "f", "arguments": arguments}, 20.0)
        assert decoded(answer["value"]) == {"x": (1, 2), "more": {3}}
        _, answer = session.exchange({"call": "S().g", "arguments": [[], {"dict": []}]}, 20.0)
        assert answer == {"error": "TypeError", "message": "a S is no plain value"}


def test_the_program_may_ask_and_is_answered(bubblewrap: Backend) -> None:
    with Session(LIMITS, bubblewrap) as session:
        session.run("from session import ask")
        request = {"source": "print(ask('double', 21))", "echo": False}
        result, _ = session.exchange(
            request, 20.0, lambda name, arguments: {"value": [name, 2 * arguments[0][0]]}
        )
        assert result.stdout == "{'value': ['double', 42]}\n"
        assert "nobody answers" in session.run("print(ask('double', 21))").stdout
