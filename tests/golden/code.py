"""Cases of the hostile programs: each judged in sandboxes, its test examined first."""

from collections.abc import Callable
from functools import partial
from typing import Any

from agentrl.errors import AgentRLError
from agentrl.sandbox import Limits, choose
from agentrl_verifiers.code_tests import Terms, fault, judged
from tests.golden.case import Case, NotHereError
from tests.golden.public import Public

FUNCTIONS: list[Callable[..., Any]] = [judged, fault]
WALL = 1.5
"""seconds a case: the file suggests 5, which would only make the waiting ones wait longer"""


def cases(content: dict[str, Any]) -> list[Case]:
    """Return a case a program: pass, fail or reject-test and, where the file says it, the share of cases.

    Errors: NotHereError where no sandbox works here.
    """
    try:
        choose()
    except AgentRLError as why:
        raise NotHereError(str(why)) from None
    most = content["meta"]["limits_suggested"]
    limits = Limits(WALL, memory=most["memory_mb"] << 20, processes=most["processes"])
    terms = Terms(limits, total=2 * WALL)
    honest = next(c["program"] for c in content["cases"] if c["expected"] == "pass" and "entry" in c)
    return [
        Case(
            case["name"],
            {"verdict": case["expected"]} | ({"fraction": case["fraction"]} if "fraction" in case else {}),
            0.0,
            partial(_judge, case, honest, terms),
        )
        for case in content["cases"]
    ]


def _judge(case: dict[str, Any], honest: str, terms: Terms, public: Public) -> dict[str, Any]:
    entry = case.get("entry", "")
    if entry and public.fault(case["test"], entry, honest, terms):
        return {"verdict": "reject-test"}
    marks = public.judged(case["program"], case["test"], entry, terms)
    if marks.fate == "judge-error":
        return {"verdict": marks.why}
    return {"verdict": "pass" if marks.fate == "pass" else "fail", "fraction": marks.fraction}
