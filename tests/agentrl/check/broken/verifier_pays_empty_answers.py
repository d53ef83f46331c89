"""An empty answer is paid: it is a part of every text."""

from agentrl import Task, verifier
from tests.agentrl.check.whole import PAIRS


@verifier("part", pairs=PAIRS)
def part(answer: str, task: Task) -> float:
    """Return 1 where the answer is in the right one."""
    return float(answer in task.data["answer"])
