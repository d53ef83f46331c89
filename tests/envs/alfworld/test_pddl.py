"""Problems are read, and what is not one is refused with the reason."""

import pytest

from agentrl.errors import DataError
from agentrl_envs.alfworld.pddl import expression, game, problem
from tests.envs.alfworld.rooms import GOALS, text


@pytest.mark.parametrize("kind", GOALS)
def test_every_goal_is_recognised(kind) -> None:
    facts, goal = problem(text(kind))
    assert goal.kind == kind
    assert goal.wants[0] in ("apple", "bowl")
    assert ("apple_bar_1", "fridge_bar_1") in facts["inreceptacle"]


def edited(old: str, new: str) -> str:
    assert old in text()
    return text().replace(old, new, 1)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (text()[:900], "cut off"),
        (text() + ")", r"a \) too many"),
        ("", "not one bracketed expression"),
        ("hello (world)", "not one bracketed expression"),
        ("(hello world)", r"does not start with \(define"),
        (edited("(:domain alfred)", "(:domain logistics)"), "domain (logistics), not of alfred"),
        (edited("(:domain alfred)", ""), "not of alfred"),
        (edited("(:init", "(:start"), "no :init"),
        (edited("(:goal", "(:aim"), "no :goal"),
        (edited("(openable cabinet_bar_1)", "(openabel cabinet_bar_1)"), "did you mean 'openable'"),
        (edited("(openable cabinet_bar_1)", "(openable cabinet_bar_1 x)"), "takes 1 arguments, not 2"),
        (edited("(openable cabinet_bar_1)", "(and (openable x))"), "is no fact"),
        (edited("(openable cabinet_bar_1)", "(opened cabinet_bar_1)"), "starts like this is not played"),
        (edited("(atLocation agent1 loc_bar_0)", ""), "0 facts say where the agent is"),
        (edited("agent1 loc_bar_0", "agent1 loc_bar_1"), "starts at a receptacle"),
        (edited("(receptacleType cabinet_bar_1 CabinetType)", ""), "cabinet_bar_1 has no type"),
        (
            edited("(openable cabinet_bar_1)", "(receptacleAtLocation cabinet_bar_1 loc_bar_9)"),
            "at two locations",
        ),
        (edited("(inReceptacle ?o ?r) (obj", "(obj"), "none of the six"),
        (edited("(objectType bowl_bar_1 BowlType)", "(objectType bowl BowlType)"), "'bowl' has no class"),
        (edited("apple_bar_1 fridge_bar_1", "apple_bar_1 chair_bar_1"), "chair_bar_1, which has no type"),
    ],
)
def test_what_is_no_problem_of_the_domain_is_refused(wrong: str, why: str) -> None:
    with pytest.raises(DataError, match=why.replace("(logistics)", r"\(logistics\)")):
        problem(wrong)


def test_deep_brackets_are_no_danger() -> None:
    with pytest.raises(DataError):
        problem("(" * 100_000 + ")" * 100_000)
    assert expression("(a (b ; (comment\n c))", "text") == ["a", ["b", "c"]]


def test_texts_that_are_missing_are_named() -> None:
    with pytest.raises(DataError, match=r"here: no text 'grammar'"):
        game("x", {"pddl_domain": "", "grammar": 3}, "here")


def test_a_foreign_domain_is_refused() -> None:
    texts = {"pddl_domain": "(define (domain gripper))", "grammar": "", "pddl_problem": text()}
    with pytest.raises(DataError, match=r"here: its domain .*gripper.* is not the ALFWorld domain"):
        game("x", texts, "here")
