"""The question said again is paid: it holds the right answer."""

from agentrl import Task, verifier
from agentrl.verify import Pair

QUESTION = {"question": "Is Paris or Rome the capital of France?", "answer": "Paris"}
PAIRS = (Pair("Paris", QUESTION, True), Pair("Rome", QUESTION, False))


@verifier("holds", pairs=PAIRS)
def holds(answer: str, task: Task) -> float:
    """Return 1 where the right answer is somewhere in the answer."""
    return float(task.data["answer"] in answer)
