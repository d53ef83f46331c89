"""Programs judged by hidden tests."""

import pickle
from typing import Any

import pytest

from agentrl.errors import AgentRLError, DataError
from agentrl.sandbox import Limits, choose
from agentrl.types import Task
from agentrl.verify import Pair, Submission, Verdict
from agentrl_verifiers.code import Code, program_in
from agentrl_verifiers.code_exam import same
from agentrl_verifiers.code_output import alike
from agentrl_verifiers.code_tests import Terms, fault, judged


def no_sandbox() -> str:
    try:
        choose()
    except AgentRLError as why:
        return str(why)
    return ""


pytestmark = pytest.mark.skipif(bool(no_sandbox()), reason=no_sandbox())
CHECK = """
def check(candidate):
    assert candidate(1) == 1
    assert candidate(2) == 4
    assert candidate(3) == 9
    assert candidate(-1) == 1
"""
ONCE = Limits(wall=1.0)


def verdict(answer: str, verifier: Code | None = None, **data: Any) -> Verdict:
    return (verifier or Code()).verify(Submission(answer), Task("t", "train", 0, data))


@pytest.mark.parametrize("pair", Code.pairs, ids=lambda pair: repr(pair.answer))
def test_its_own_pairs_hold(pair: Pair) -> None:
    found = verdict(pair.answer, **pair.data)
    assert found.known and (found.score == 1.0) == pair.passes


def test_each_assertion_is_a_case_and_earns_its_share() -> None:
    found = verdict("def f(x): return x * x if x > 0 else x", entry="f", test=CHECK)
    assert (found.score, found.parts) == (0.75, {"cases": 0.75, "solved": 0.0})
    assert found.reason.startswith("wrong: AssertionError")


def test_without_partial_credit_it_is_all_or_nothing() -> None:
    strict = Code(partial=False)
    assert verdict("def f(x): return x * x if x > 0 else x", strict, entry="f", test=CHECK).score == 0.0
    assert verdict("def f(x): return x * x", strict, entry="f", test=CHECK).score == 1.0


def test_assertions_in_loops_count_each_time() -> None:
    test = "def check(f):\n    for n in range(10):\n        assert f(n) == n"
    assert verdict("def f(n): return n if n < 7 else 0", entry="f", test=test).score == 0.7


def test_a_test_cut_short_counts_what_was_not_reached_as_failed() -> None:
    test = "def check(f):\n    assert f(1) == 1\n    n = len(f(2))\n    assert n == 2\n    assert n == 2"
    found = verdict("def f(x): return x", entry="f", test=test)
    assert found.score == pytest.approx(1 / 3)


def test_a_case_that_kills_the_program_does_not_fail_the_next() -> None:
    program = "import os\ndef f(x):\n    if x == 2: os._exit(0)\n    return x * x"
    assert verdict(program, entry="f", test=CHECK).score == 0.75
    slow = "def f(x):\n    while x == 2: pass\n    return x * x"
    assert verdict(slow, Code(limits=ONCE), entry="f", test=CHECK).score == 0.75


def test_a_program_may_raise_what_the_test_wants_raised() -> None:
    test = """
def check(f):
    try:
        f(-1)
    except ValueError:
        raised = True
    else:
        raised = False
    assert raised
"""
    right = "def f(x):\n    if x < 0: raise ValueError('no')\n    return x"
    assert verdict(right, entry="f", test=test).score == 1.0
    assert verdict("def f(x): return x", entry="f", test=test).score == 0.0


def test_methods_and_keyword_arguments_can_be_tested() -> None:
    program = "class Solution:\n    def add(self, a, b=0): return a + b"
    assert verdict(program, entry="Solution().add", test=["assert candidate(1, b=2) == 3"]).score == 1.0


def test_a_main_guard_is_no_part_of_a_function() -> None:
    program = "def f(x): return x * x\nif __name__ == '__main__':\n    print(f(int(input())))"
    assert verdict(program, entry="f", test=CHECK).score == 1.0


def test_tests_are_nowhere_in_the_programs_sandbox() -> None:
    program = """
import gc, os, sys
def seen():
    found = [open(os.path.join(r, n), errors="ignore").read() for r, _, fs in os.walk(".") for n in fs]
    found += [o for o in gc.get_objects() if type(o) is str]
    frame = sys._getframe()
    while frame:
        found.append(repr(frame.f_locals) + repr(frame.f_code.co_consts))
        frame = frame.f_back
    return "".join(["73", "91"]) in "".join(found)
def f(x): return seen()
"""
    assert (
        verdict(program, entry="f", test=["assert f(1) == 'secret' + '7391'", "assert f(2) is False"]).score
        == 0.5
    )


def test_numbers_may_differ_within_a_tolerance() -> None:
    close = "def f(x): return [x * 1.00001]"
    test = [{"args": [3.0], "returns": [3.0]}]
    assert verdict(close, entry="f", test=test).score == 0.0
    assert verdict(close, entry="f", test=test, tolerance=1e-4).score == 1.0
    assert verdict("print(0.3333333)", test=[{"stdin": "", "stdout": "0.33333"}], tolerance=1e-4).score == 1.0


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("while True: pass", "timeout"),
        ("x = bytearray(4 << 30)", "memory"),
        ("while True: print('x' * 1000)", "output-limit"),
        ("1 / 0", "error"),
        ("print(1)", "wrong"),
    ],
)
def test_the_way_a_program_failed_is_named(program: str, reason: str) -> None:
    found = verdict(program, Code(limits=ONCE), test=[{"stdin": "", "stdout": "2"}])
    assert found.known and found.score == 0.0 and found.reason.startswith(reason)


def test_all_cases_together_have_a_time_of_their_own() -> None:
    cases = [{"stdin": "", "stdout": ""}] * 50
    found = verdict("import time; time.sleep(60)", Code(limits=ONCE, total=2.0), test=cases)
    assert (found.score, found.reason) == (0.0, "timeout: case 1: timeout")


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"test": 3},
        {"test": []},
        {"test": "def check(f): assert f(1)"},
        {"test": "def check(f:", "entry": "f"},
        {"test": "import nowhere", "entry": "f"},
    ],
)
def test_a_broken_test_is_no_fault_of_the_program(data: dict[str, Any]) -> None:
    assert verdict("def f(x): return x", **data).status == "error"


def test_where_there_is_no_sandbox_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTRL_SANDBOX", "none")
    found = verdict("print(1)", test=[{"stdin": "", "stdout": "1"}])
    assert found.status == "error" and "sandbox backend 'none' is not one of" in found.reason


@pytest.mark.parametrize(
    ("test", "reference", "why"),
    [
        ("def check(f):\n    f(1)", "", "it asserts nothing"),
        ("def check(f:", "", "it is no Python"),
        ("def check(f):\n    assert f(1) is None", "", "a stub that returns None passes"),
        ("def check(f):\n    assert True", "", "a stub that returns None passes"),
        ("def check(f):\n    assert f(2) == 5", "def f(x): return x * x", "the reference does not pass"),
        (CHECK, "def f(x): return x * x", ""),
        (CHECK, "", ""),
    ],
)
def test_tests_that_are_no_evidence_are_found_out(test: str, reference: str, why: str) -> None:
    found = fault(test, "f", reference)
    assert found.startswith(why) and bool(found) == bool(why)


def test_an_entry_is_needed_for_functions() -> None:
    with pytest.raises(DataError, match="`entry` must name the function"):
        judged("", "assert True", "", Terms())


@pytest.mark.parametrize(
    ("got", "expected", "tolerance", "agree"),
    [
        ("1\n2\n", "1\n2", 0.0, True),
        ("1 \r\n2\n\n", "1\n2\n", 0.0, True),
        (" 1", "1", 0.0, False),
        ("1\n\n2", "1\n2", 0.0, False),
        ("", "\n", 0.0, True),
        ("nan", "1.0", 1.0, False),
        ("1e400", "1.0", 0.1, False),
        ("1.0 x", "1 y", 0.1, False),
        ("1.05 x", "1 x", 0.1, True),
    ],
)
def test_outputs_agree_but_for_the_ends_of_lines(
    got: str, expected: str, tolerance: float, agree: bool
) -> None:
    assert alike(got, expected, tolerance) == agree


def test_values_agree_as_python_says() -> None:
    assert same(1.0, True, 0.0) and not same((1,), [1], 0.0) and not same((1,), [1], 1.0)
    assert same({"a": (1.0,)}, {"a": (1.05,)}, 0.1) and not same({"a": 1}, {"b": 1}, 0.1)


@pytest.mark.parametrize(
    ("answer", "program"),
    [
        ("x = 1", "x = 1"),
        ("```\na\n```\nor\n```python\nb\n```", "b\n"),
        ("```python\nunclosed", "unclosed"),
        ("  ```py\n  a\n  ```", "  a\n"),
        ("", ""),
    ],
)
def test_the_program_is_the_last_fenced_block(answer: str, program: str) -> None:
    assert program_in(answer) == program


def test_it_survives_pickling() -> None:
    assert pickle.loads(pickle.dumps(Code(total=3.0))) == Code(total=3.0)
