"""One answer gets one score, then another."""

from agentrl import Task, verifier
from tests.agentrl.check.whole import PAIRS

ASKED: list[str] = []


@verifier("moody", pairs=PAIRS)
def moody(answer: str, task: Task) -> float:
    """Return 1 for the right answer, but not every third time."""
    ASKED.append(answer)
    return float(answer == task.data["answer"] and len(ASKED) % 3 != 0)
