"""The right answer gets less than the best score."""

from agentrl import Task, verifier
from tests.agentrl.check.whole import PAIRS


@verifier("shy", high=2.0, pairs=PAIRS)
def shy(answer: str, task: Task) -> float:
    """Return 1, where 2 would be the best."""
    return float(answer == task.data["answer"])
