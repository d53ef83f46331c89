"""Accept the task's answer, letter case and spaces at its ends put aside.

| what | value |
|---|---|
| task.data | `answer`: a text |
| score | 1 where they agree, else 0 |
"""

from agentrl import Task, verifier
from agentrl.verify import Pair

PARIS = {"answer": "Paris"}


@verifier("draft", pairs=[Pair("paris ", PARIS, True), Pair("Rome", PARIS, False), Pair("", PARIS, False)])
def draft(answer: str, task: Task) -> float:
    """Return 1 where the answer is the task's, else 0."""
    given, wanted = (text.strip().casefold() for text in (answer, task.data["answer"]))
    return float(given == wanted)
