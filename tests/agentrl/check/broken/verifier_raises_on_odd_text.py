"""An answer that cannot be encoded raises, where it should earn nothing."""

from typing import ClassVar

from agentrl import Task, Verdict
from agentrl.verify import Submission
from tests.agentrl.check.whole import PAIRS


class Encodes:
    """Compares bytes."""

    name, low, high = "encodes", 0.0, 1.0
    pairs: ClassVar = PAIRS

    def verify(self, submission: Submission, task: Task) -> Verdict:
        """Return 1 where the bytes agree."""
        return Verdict(float(submission.answer.encode("utf-8") == task.data["answer"].encode()))
