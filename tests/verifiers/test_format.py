"""The form of a reply, and what it hands on."""

import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentrl.check.hostile import hostile
from agentrl.errors import ConfigError
from agentrl.types import Task
from agentrl.verify import Any as AnyOf
from agentrl.verify import FunctionVerifier, Submission, Verdict, Weighted
from agentrl_verifiers.code import Code
from agentrl_verifiers.exact import exact
from agentrl_verifiers.format import Format

TASK = Task("t", "train", 0, {"answer": "Paris"})
PLAIN = st.text(st.characters(exclude_characters="<>"), max_size=30)
SPACE = st.text(" \n\t", max_size=3)
BROKEN = FunctionVerifier(lambda answer, task: 1 / 0, "broken")
NEVER = FunctionVerifier(lambda answer, task: pytest.fail("asked about nothing"), "never")


def judged(judge: Any, answer: str) -> Verdict:
    found: Verdict = judge.verify(Submission(answer), TASK)
    return found


@given(PLAIN, PLAIN, SPACE, SPACE)
def test_what_is_in_the_answer_tag_is_handed_on(thought: str, answer: str, before: str, between: str) -> None:
    reply = f"{before}<think>{thought}</think>{between}<answer>{answer}</answer>"
    found = judged(Format(), reply)
    assert (found.score, found.status, found.content) == (1.0, "ok", answer.strip())


@given(PLAIN, st.sampled_from(["<think>", "</think>", "<answer>", "</answer>"]), st.integers(0, 5))
def test_a_tag_too_many_or_too_few_is_wrong_wherever_it_stands(text: str, tag: str, place: int) -> None:
    right = ["<think>", text, "</think>", "<answer>", text, "</answer>"]
    for wrong in ([*right[:place], tag, *right[place:]], [piece for piece in right if piece != tag]):
        found = judged(Format(), "".join(wrong))
        assert (found.score, found.status, found.content) == (0.0, "ok", "") and found.reason


@given(st.text(max_size=60))
def test_a_chain_judges_the_content_as_the_judge_alone_would(answer: str) -> None:
    alone = judged(exact, answer).score if answer.strip() else 0.0
    tags = ("<think>", "</think>", "<answer>", "</answer>")
    wrapped = f"<think>so</think><answer>{answer}</answer>"
    if not any(tag in answer for tag in tags):
        assert judged(Format() & exact, wrapped).score == alone
    assert judged(Format() & exact, answer).score == 0.0  # the answer alone has no form


def test_parts_are_named_and_a_wrong_form_is_asked_nothing() -> None:
    chain = Format() & exact
    right = judged(chain, "<think>France</think><answer> paris. </answer>")
    assert (right.score, right.parts) == (1.0, {"format": 1.0, "exact": 1.0})
    wrong = judged(Format() & NEVER, "Paris")
    assert (wrong.score, wrong.parts) == (0.0, {"format": 0.0, "never": 0.0})
    assert wrong.reason == "format: <think> is there 0 times"
    empty = judged(Format() & NEVER, "<think>?</think><answer> </answer>")
    assert (empty.score, empty.parts["format"]) == (0.0, 1.0)


def test_the_form_can_earn_a_share_of_its_own() -> None:
    both = Weighted((Format(), 1), (exact, 9))
    assert judged(both, "<think></think><answer>Paris</answer>").score == 1.0
    assert judged(both, "<think></think><answer>Rome</answer>").score == pytest.approx(0.1)
    assert judged(both, "Paris").score == 0.0


def test_alternatives_each_judge_the_whole_answer() -> None:
    either = AnyOf(Format(), exact)
    assert judged(either, "Paris").score == 1.0
    assert judged(Format() & AnyOf(exact, exact), "<think></think><answer>Paris</answer>").score == 1.0


@given(st.sampled_from(["Paris", "Rome"]), st.booleans())
def test_a_longer_chain_is_the_same_however_it_is_bracketed(answer: str, formed: bool) -> None:
    short = FunctionVerifier(lambda text, task: float(len(text) < 9), "short")
    reply = f"<think>long thought</think><answer>{answer}</answer>" if formed else answer
    one, two = judged((Format() & exact) & short, reply), judged(Format() & (exact & short), reply)
    assert (one.score, one.parts) == (two.score, two.parts) and set(one.parts) == {"format", "exact", "short"}
    assert one.score == float(formed and answer == "Paris")


def test_a_member_that_does_not_know_is_no_silent_zero() -> None:
    found = judged(Format() & BROKEN, "<think></think><answer>1</answer>")
    assert (found.status, found.reason) == ("error", "broken: ZeroDivisionError: division by zero")
    assert found.parts == {"format": 1.0}


def test_verifiers_of_any_make_join_from_either_side() -> None:
    def short(answer: str, task: Task) -> float:
        return float(len(answer) < 9)

    assert (Format() & short).name == "All(format, short)"
    assert (short & Format()).name == "All(short, format)"  # type: ignore[operator]
    assert (Format() & Code() & exact).name == "All(format, code, exact)"
    assert judged(pickle.loads(pickle.dumps(Format() & exact)), "x").parts == {"format": 0.0, "exact": 0.0}


def test_a_pattern_hands_its_group_on() -> None:
    form = Format(pattern=r"(?s).*#### (?P<answer>[^\n]+)\s*")
    assert judged(form, "2 + 2\n#### 4\n").content == "4"
    assert judged(form, "4").content == ""
    assert judged(Format(pattern=r"\d+"), "44").content == "44"


def test_a_pattern_that_would_take_for_ever_is_given_up_and_says_so() -> None:
    found = judged(Format(pattern=r"(a|aa)+(b|c)", patience=0.05), "a" * 5000 + "!")
    assert (found.status, found.reason) == ("timeout", "the pattern took longer than 0.05 s")


def test_long_and_hostile_replies_get_a_verdict() -> None:
    assert judged(Format(limit=10), "x" * 11).reason == "longer than 10 characters"
    assert judged(Format(limit=10**7), "<think>" * 10**6).reason == "<think> is there 1000000 times"
    for reply in hostile(1, 200, ["<think>a</think><answer>b</answer>"]):
        for form in (Format(), Format(pattern=r"(?s).*?(?P<answer>\d+).*")):
            assert judged(form, reply).known


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tags": ("think", "think")}, "each once"),
        ({"tags": ("<think>", "answer")}, "names such as"),
        ({"tags": ()}, "each once"),
        ({"tags": ("think", "reply"), "content": "repl"}, "did you mean 'reply'"),
        ({"pattern": "(a"}, "missing"),
    ],
)
def test_a_form_that_cannot_be_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Format(**options)
