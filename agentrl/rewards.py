"""Verifiers as the reward functions of other trainers: TRL's `reward_funcs`, or a loop of your own."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from agentrl.errors import ConfigError
from agentrl.types import Task

if TYPE_CHECKING:
    from agentrl.verify import Judge, Verifier

RewardFunction = Callable[..., list[float | None]]
OWN = frozenset({"completion_ids", "prompt_ids"})
"""lists that a trainer adds to the columns of a data set"""


def reward_function(verifier: "str | Verifier | Judge", *, scale: float = 1.0) -> RewardFunction:
    """Return a function of prompts, completions and columns: the verifier's score of each, times `scale`.

    The columns of the data set are the task's data: `exact` reads the column `answer`. A completion is a
    text, or messages, of which the last one's content is judged. Where the verifier gives no verdict the
    reward is None, which TRL leaves out. `verifier` is a name, `./mine.py:score`, or a verifier.

    Errors: ConfigError for what is no verifier; when called, for a column that the verifier judges by and
            that is not there, or of another length than the completions.
    """
    from agentrl.submissions import unmet
    from agentrl.verify import Submission, as_verifier, verdict_of

    if isinstance(verifier, str):
        from agentrl.registry import find

        verifier = find("verifiers", verifier)
    judge = as_verifier(verifier)  # type: ignore[arg-type]

    def rewards(prompts: Sequence[Any], completions: Sequence[Any], **columns: Any) -> list[float | None]:
        found: list[float | None] = []
        for number, completion in enumerate(completions):
            messages = (*_messages(prompts[number], "user"), *_messages(completion, "assistant"))
            answer = str(messages[-1].get("content") or "") if messages else ""
            task = Task(f"row-{number}", "train", 0, _row(columns, number, len(completions)))
            if missing := unmet(judge, task):
                raise ConfigError(
                    f"verifier '{judge.name}' judges by the column {', '.join(missing)}, and the data set has"
                    f" {', '.join(task.data) or 'none'}; rename a column of it"
                )
            verdict = verdict_of(judge, Submission(answer, messages), task)
            found.append(scale * verdict.score if verdict.known else None)
        return found

    rewards.__name__ = rewards.__qualname__ = judge.name  # trainers log rewards by it
    return rewards


def _messages(said: Any, role: str) -> tuple[Mapping[str, Any], ...]:
    """Return a text as one message of this role, and messages as they are."""
    return ({"role": role, "content": said},) if isinstance(said, str) else tuple(said)


def _row(columns: Mapping[str, Any], number: int, count: int) -> dict[str, Any]:
    """Return a row of the columns; what is no list (a trainer's state, functions to log with) is none."""
    found: dict[str, Any] = {}
    for name, column in columns.items():
        if name in OWN or not isinstance(column, list | tuple):
            continue
        if len(column) != count:
            raise ConfigError(f"column '{name}' has {len(column)} entries for {count} completions")
        found[name] = column[number]
    return found
