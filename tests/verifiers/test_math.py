"""Answers to problems of mathematics: the verifier as a whole."""

import json
import pickle
import subprocess
import sys
import threading
from typing import Any

import pytest

from agentrl.killable import Killable
from agentrl.types import Task
from agentrl.verify import Pair, Submission, Verdict
from agentrl_verifiers import math_second
from agentrl_verifiers.math import Math

SLOW = "\\sqrt{3+2\\sqrt2}", "1+\\sqrt2"
"""equal, and only the second stage can tell"""


def verdict(answer: str, gold: Any, **settings: Any) -> Verdict:
    return Math(**settings).verify(Submission(answer), Task("t", "train", 0, {"answer": gold}))


@pytest.mark.parametrize("pair", Math.pairs, ids=lambda pair: repr(pair.answer))
def test_its_own_pairs_hold(pair: Pair) -> None:
    found = Math().verify(Submission(pair.answer), Task("t", "train", 0, pair.data))
    assert found.known and (found.score == 1.0) == pair.passes


@pytest.mark.parametrize(
    "hedge",
    ["42 or 43", "42; 43", "42\\text{ or }43", "x=42,43", "[42,43]", "\\pm 42", "42,42,43",
     "\\text{42 or 43}", "43=42", "42/43", "5 bananas and 42", "42\\text{ or 43}",
     "42\\text{ (maybe 43)}", "42\\text{, not}", "42 43"],
)  # fmt: skip
def test_a_hedge_in_a_box_does_not_pay(hedge: str) -> None:
    assert verdict(f"\\boxed{{{hedge}}}", "42").score == 0.0


@pytest.mark.parametrize("letters", ["A, C", "C, A", "(C) or (A)", "ABCD", "C D", "not A but C"])
def test_several_letters_do_not_pay(letters: str) -> None:
    assert verdict(f"\\boxed{{{letters}}}", "C").score == 0.0


@pytest.mark.parametrize("letter", ["C", "(C)", "c", "\\text{C}", "\\textbf{(C)}\\ 42", "C."])
def test_a_letter_may_be_dressed(letter: str) -> None:
    assert verdict(f"\\boxed{{{letter}}}", "\\text{(C)}").score == 1.0


@pytest.mark.parametrize(
    ("gold", "given"),
    [
        ("\\tan x", "\\frac{\\sin x}{\\cos x}"),
        ("2^{n+1}", "2 \\cdot 2^n"),
        ("|x|", "\\sqrt{x^2}"),
        ("\\cos 2x", "1-2\\sin^2 x"),
        SLOW,
    ],
)
def test_the_second_stage_finds_what_exact_arithmetic_cannot(gold: str, given: str) -> None:
    assert verdict(f"\\boxed{{{given}}}", gold).score == 1.0


@pytest.mark.parametrize(
    ("gold", "given"),
    [("x", "\\sqrt{x^2}"), ("e^{\\pi\\sqrt{163}}", "262537412640768744"), ("\\cos 2x", "1-2\\sin^2 y")],
)
def test_what_is_almost_equal_is_not_equal(gold: str, given: str) -> None:
    found = verdict(f"\\boxed{{{given}}}", gold)
    assert (found.status, found.score) == ("ok", 0.0)


def test_any_of_several_gold_answers_is_right() -> None:
    assert verdict("\\boxed{3}", ["2", "3"]).score == 1.0
    assert verdict("\\boxed{4}", ["2", "3"]).score == 0.0


def test_a_number_may_be_the_gold_answer() -> None:
    assert verdict("#### 7.0", 7).score == 1.0


@pytest.mark.parametrize("gold", [None, "", []])
def test_a_task_without_an_answer_is_an_error_and_no_zero(gold: Any) -> None:
    assert verdict("\\boxed{1}", gold).status == "error"


def test_the_reason_says_what_was_found_and_what_was_wanted() -> None:
    assert verdict("\\boxed{41}", "so \\boxed{42}").reason == "'41' is not '42'"
    assert verdict("Hm.\nI see.", "42").reason == "no answer found"
    assert verdict("Hm.\nI see.", "42").parts == {"answered": 0.0}


def test_running_out_of_time_is_a_status_and_the_next_answer_is_judged() -> None:
    late = verdict(f"\\boxed{{{SLOW[0]}}}", SLOW[1], deadline=1e-6)
    assert late.status == "timeout" and "not decided in time" in late.reason
    assert verdict(f"\\boxed{{{SLOW[0]}}}", SLOW[1], deadline=60.0).score == 1.0


def test_threads_get_the_verdict_of_the_main_thread() -> None:
    found: list[float] = []
    threads = [
        threading.Thread(
            target=lambda: found.append(verdict(f"\\boxed{{{SLOW[0]}}}", SLOW[1], deadline=60).score)
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [1.0] * 4


def test_it_works_inside_a_process_of_its_own() -> None:
    inside = Killable(Math(deadline=60.0), deadline=120.0)
    found = inside.verify(Submission(f"\\boxed{{{SLOW[0]}}}"), Task("t", "train", 0, {"answer": SLOW[1]}))
    inside.close()
    assert (found.status, found.score) == ("ok", 1.0)


def test_a_pickled_verifier_keeps_its_settings() -> None:
    assert pickle.loads(pickle.dumps(Math(digits=2, unmarked="number"))) == Math(digits=2, unmarked="number")


def test_a_process_that_is_gone_is_replaced() -> None:
    verdict(f"\\boxed{{{SLOW[0]}}}", SLOW[1], deadline=60.0)
    before = {key: child.pid for key, child in math_second._children.items()}
    for child in math_second._children.values():
        child.close()
    assert verdict(f"\\boxed{{{SLOW[0]}}}", SLOW[1], deadline=60.0).score == 1.0
    after = {key: child.pid for key, child in math_second._children.items()}
    assert all(after[key] != pid for key, pid in before.items() if key[1] == "sympy")


def test_judging_an_ordinary_answer_imports_no_sympy() -> None:
    program = """
import json, sys
from agentrl.types import Task
from agentrl.verify import Submission
from agentrl_verifiers.math import Math
found = Math().verify(Submission("\\\\boxed{\\\\sqrt{12}}"), Task("t", "train", 0, {"answer": "2\\\\sqrt3"}))
print(json.dumps([found.score, "sympy" in sys.modules]))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [1.0, False]


def test_a_second_opinion_is_asked_about_what_was_found_wrong() -> None:
    pytest.importorskip("math_verify")
    gold, given = "\\sum_{k=1}^{3} k", "\\boxed{6}"
    assert verdict(given, gold).score == 0.0
    asked = verdict(given, gold, opinion="math_verify", deadline=60.0)
    assert (asked.status, asked.score) == ("ok", 1.0)
    assert verdict("\\boxed{7}", gold, opinion="math_verify", deadline=60.0).score == 0.0
