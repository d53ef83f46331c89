"""Answers in mathematics beside math-verify: verdicts and time on the same golden pairs.

    python benchmarks/math_verify.py [rounds=5] [to=benchmarks/results/math_verify.md]

Both read gold answer and response anew each time: what either remembers of texts is cleared. Rounds alternate
between the two, case by case, so that a busy machine is busy for both; the shortest of the rounds
counts. Needs `math-verify`.
"""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from agentrl.child import Child
from agentrl.types import Task
from agentrl.verify import Submission
from agentrl_verifiers.math import Math, gold_text
from agentrl_verifiers.math_read import read

ROOT = Path(__file__).resolve().parents[1]
# This file has the package's name, and would be imported in its place; the tests are not installed.
sys.path[:] = [str(ROOT), *(path for path in sys.path if Path(path).resolve() != ROOT / "benchmarks")]

from math_verify import parse, parser, verify  # noqa: E402
from math_verify.parser import ExprExtractionConfig, LatexExtractionConfig  # noqa: E402

from tests.golden.math import DISPUTED, settings  # noqa: E402

CACHES = [parser.parse_latex_cached, parser.parse_expr_cached]
"""what math-verify remembers of texts it has read"""


@dataclass(frozen=True, slots=True)
class Result:
    """One pair, judged by both."""

    case: dict[str, Any]
    right: bool
    ours: bool
    theirs: bool
    ours_ms: float
    theirs_ms: float
    second: bool
    """the second stage was asked"""

    @property
    def part(self) -> str:
        """Where the pair is from."""
        return "taken from math-verify's tests" if self.case["category"].startswith("upstream") else "own"


def ours(case: dict[str, Any], verifier: Math) -> bool:
    """Return the suite's verdict, nothing remembered from before."""
    read.cache_clear()
    gold_text.cache_clear()
    task = Task("golden", "test", 0, {"answer": case["gold"]})
    return verifier.verify(Submission(case["prediction"]), task).score == 1.0


def theirs(case: dict[str, Any]) -> bool:
    """Return math-verify's verdict, with the settings that the case was made with."""
    for cache in CACHES:
        cache.cache_clear()
    configs = {"latex": LatexExtractionConfig(), "expr": ExprExtractionConfig()}
    used = [configs[name] for name in case.get("extraction", ["latex", "expr"])]
    gold, given = parse(case["gold"], used), parse(case["prediction"], used)
    more = {key: case[key] for key in ("float_rounding", "strict", "allow_set_relation_comp") if key in case}
    return bool(verify(gold, given, **more))


def timed(work: Callable[[], bool]) -> tuple[bool, float]:
    """Return what comes out and the milliseconds it took."""
    begun = time.perf_counter()
    found = work()
    return found, 1000 * (time.perf_counter() - begun)


def judged(case: dict[str, Any], rounds: int) -> Result:
    """Return both verdicts on a case and the shortest times."""
    verifier = settings(case)
    asked: list[str] = []
    was = Child.call

    def counted(child: Any, *args: Any, deadline: float) -> Any:
        asked.append("")
        return was(child, *args, deadline=deadline)

    Child.call = counted  # type: ignore[assignment, method-assign]
    try:
        ours(case, verifier)
    finally:
        Child.call = was  # type: ignore[method-assign]
    theirs(case)
    pairs = [(timed(lambda: ours(case, verifier)), timed(lambda: theirs(case))) for _ in range(rounds)]
    return Result(
        case,
        DISPUTED.get((case["gold"], case["prediction"]), case["expected"]),
        pairs[0][0][0],
        pairs[0][1][0],
        min(a[1] for a, _ in pairs),
        min(b[1] for _, b in pairs),
        bool(asked),
    )


def agreement(results: list[Result]) -> list[str]:
    """Return the lines of the table of verdicts."""
    lines = [
        "| pairs | number | ours right | math-verify right | both say the same |",
        "|---|---|---|---|---|",
    ]
    for part in sorted({r.part for r in results}):
        some = [r for r in results if r.part == part]
        counts = [
            sum(r.ours == r.right for r in some),
            sum(r.theirs == r.right for r in some),
            sum(r.ours == r.theirs for r in some),
        ]
        lines.append(f"| {part} | {len(some)} | {counts[0]} | {counts[1]} | {counts[2]} |")
    return lines


def speed(results: list[Result]) -> list[str]:
    """Return the lines of the table of times."""
    lines = [
        "| decided by | pairs | ours, median (p95) | math-verify, median (p95) | of medians | median ratio |",
        "|---|---|---|---|---|---|",
    ]
    for name, some in (
        ("fast path", [r for r in results if not r.second]),
        ("second stage", [r for r in results if r.second]),
        ("all", results),
    ):
        if not some:
            continue
        one, two = sorted(r.ours_ms for r in some), sorted(r.theirs_ms for r in some)
        late = int(0.95 * (len(some) - 1))
        ratios = f"{median(two) / median(one):.0f} | {median(r.theirs_ms / r.ours_ms for r in some):.0f}"
        lines.append(
            f"| {name} | {len(some)} | {median(one):.3f} ms ({one[late]:.2f}) |"
            f" {median(two):.3f} ms ({two[late]:.2f}) | {ratios} |"
        )
    return lines


def differing(results: list[Result]) -> list[str]:
    """Return a line for each pair on which the two differ."""
    lines = ["| gold | response | right | ours | math-verify |", "|---|---|---|---|---|"]
    for r in results:
        if r.ours != r.theirs:
            texts = [str(r.case[key]).replace("|", "\\|")[:70] for key in ("gold", "prediction")]
            lines.append(f"| `{texts[0]}` | `{texts[1]}` | {r.right} | {r.ours} | {r.theirs} |")
    return lines


def main(words: list[str]) -> int:
    """Measure, print and write the tables."""
    given = dict(word.split("=", 1) for word in words)
    rounds = int(given.get("rounds", 5))
    target = Path(given.get("to", Path(__file__).parent / "results" / "math_verify.md"))
    cases = json.loads((ROOT / "tests/golden/data/math_equiv.json").read_text())["cases"]
    results = [judged(case, rounds) for case in cases]
    text = "\n".join(
        [
            "# Answers in mathematics, beside math-verify",
            "",
            f"`python benchmarks/math_verify.py rounds={rounds}`: the golden pairs, judged by both in"
            " turn in one run; gold and response are read anew each time, the shortest of the rounds counts."
            " Times are of one busy machine; ratios carry over.",
            "",
            *agreement(results),
            "",
            *speed(results),
            "",
            "Where the two differ:",
            "",
            *differing(results),
            "",
        ]
    )
    target.write_text(text)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
