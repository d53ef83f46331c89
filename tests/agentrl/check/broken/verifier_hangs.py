"""A verdict that does not come: a pattern that tries everything."""

import re

from agentrl import Task, verifier
from tests.agentrl.check.whole import PAIRS


@verifier("tries", pairs=PAIRS)
def tries(answer: str, task: Task) -> float:
    """Return 1 for the right answer, which a pattern with too many ways looks at first."""
    re.fullmatch(r"(a+)+b", answer[:40])
    return float(answer == task.data["answer"])
