"""Cases of answers to problems of mathematics: pairs that are the same or not, and texts that do harm."""

import re
import resource
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from agentrl.types import Task
from agentrl.verify import Submission
from agentrl_verifiers.math import Math
from tests.golden.case import Case
from tests.golden.public import Public

DISPUTED = {
    # A table of another library has it; 1 - 1/e is about 0.63, 1 + 1/e about 1.37.
    ("$1 - \\frac{1}{\\mathrm{e}}$", "$1 + \\frac{1}{\\mathrm{e}}$"): False,
}
"""pairs whose verdict in the file contradicts arithmetic, and the right one"""
SLACK = 5
"""times the seconds on file that a machine may take which does other work beside: nothing may run away"""
GROWTH = 300 << 10
"""KiB that the caller may grow by"""


FUNCTIONS: list[Callable[..., Any]] = [Math.verify]


def settings(case: dict[str, Any]) -> Math:
    """Return the verifier as a case wants it: own cases the default one, others what their test used."""
    if "extraction" not in case:
        return Math()
    return Math(
        unmarked="formula" if case["extraction"] == ["latex"] else "number",
        digits=case.get("float_rounding", 6),
        any_names=case.get("strict") is False,
        relation_for_set=case.get("allow_set_relation_comp", False),
    )


def equivalence(content: dict[str, Any]) -> list[Case]:
    """Return a case a pair."""
    cases = []
    for number, case in enumerate(content["cases"]):
        gold, response = case["gold"], case["prediction"]
        expected = DISPUTED.get((gold, response), case["expected"])
        name = f"{number} {case['category']}"
        run = partial(_pair, gold=gold, response=response, verifier=settings(case))
        cases.append(Case(name, {"same": expected, "status": "ok"}, 0.0, run))
    return cases


def _pair(public: Public, gold: str, response: str, verifier: Math) -> dict[str, Any]:
    found = public.Math_verify(verifier, Submission(response), Task("golden", "test", 0, {"answer": gold}))
    return {"same": found.score == 1.0, "status": found.status}


def hostile(content: dict[str, Any]) -> list[Case]:
    """Return a case a text: judged in the main thread and in another, in time, without growth and traces."""
    marker = re.search(r"/\S+_owned", content["meta"]["note"])
    assert marker is not None
    return [
        Case(
            case["name"],
            {"threads": 2, "in_time": True, "small": True, "ran": False}
            | ({} if case["expected"] is None else {"same": [case["expected"]] * 2}),
            0.0,
            partial(_harmless, case, Path(marker[0])),
        )
        for case in content["cases"]
    ]


def _harmless(case: dict[str, Any], marker: Path, public: Public) -> dict[str, Any]:
    response = "".join(text * count for text, count in case["build"])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    verdicts: list[dict[str, Any]] = []
    seconds: list[float] = []

    def judge() -> None:
        begun = time.perf_counter()
        verdicts.append(_pair(public, case["gold"], response, Math()))
        seconds.append(time.perf_counter() - begun)

    judge()
    thread = threading.Thread(target=judge)
    thread.start()
    thread.join()
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return {
        "same": [verdict["same"] for verdict in verdicts],
        "threads": sum(verdict["status"] == "ok" for verdict in verdicts),
        "in_time": all(1000 * taken <= SLACK * case["max_ms"] for taken in seconds),
        "small": grown < GROWTH,
        "ran": marker.exists(),
    }


FILES: dict[str, Callable[[dict[str, Any]], list[Case]]] = {
    "math_equiv": equivalence,
    "math_hostile": hostile,
}
