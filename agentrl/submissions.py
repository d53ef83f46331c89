"""Finished episodes as verifiers see them."""

from collections.abc import Sequence
from typing import Literal, Protocol, runtime_checkable

from agentrl.judges import fields_of
from agentrl.types import Task, Trajectory
from agentrl.verify import FunctionVerifier, Submission, Verdict, Verifier, verdict_of

Judged = Literal["action", "reply"]
"""what of the last turn is the answer: the action that the environment was given, or the whole reply"""


@runtime_checkable
class Answering(Protocol):
    """An environment whose episodes end with an answer on which several of them can agree."""

    def answer_in(self, action: str) -> str | None:
        """Return the answer in an action, equal answers as equal texts; None where there is none."""
        ...


def submission(episode: Trajectory, judged: Judged = "action") -> Submission:
    """Return an episode as a verifier is given it: the last answer, what was said, what was called, the end.

    Edge: an episode without a turn has an empty answer.
    """
    last = episode.turns[-1] if episode.turns else None
    answer = "" if last is None else last.action if judged == "action" else last.text
    messages = tuple(
        message
        for turn in episode.turns
        for message in (
            {"role": "user", "content": turn.observation},
            {"role": "assistant", "content": turn.text},
        )
    )
    calls = tuple(call for turn in episode.turns for call in turn.calls)
    return Submission(answer, messages, calls, episode.final_state)


def share(verdict: Verdict, verifier: Verifier) -> float:
    """Return a known score from 0 (the verifier's least) to 1 (its best)."""
    return (verdict.score - verifier.low) / (verifier.high - verifier.low)


def unmet(verifier: Verifier, task: Task) -> list[str]:
    """Return the fields that all tasks of the verifier's own pairs hold, and this task does not.

    Edge: of verifiers that are joined, those that any of them lacks; of a function without pairs, those that
          it is given by name.
    """
    if isinstance(verifier, FunctionVerifier) and not verifier.pairs:
        return sorted(set(fields_of(verifier.function)) - set(task.data))
    if not verifier.pairs:
        members: Sequence[Verifier] = getattr(verifier, "members", ())
        return sorted({field for member in members for field in unmet(member, task)})
    held = [set(pair.data) for pair in verifier.pairs]
    return sorted(set.intersection(*held) - set(task.data))


def strict_metrics(episodes: Sequence[Trajectory], verifier: Verifier | None) -> dict[str, float]:
    """Return the mean of a stricter check than the reward, and the share of episodes it said nothing about.

    The check is the verifier where there is one, else what the environment calls `strict` in its metrics.

    Edge: nothing where there is no such check; no mean where it said nothing about any episode.
    """
    if verifier is None:
        found = [episode.metrics["strict"] for episode in episodes if "strict" in episode.metrics]
        return {"strict": sum(found) / len(found)} if found else {}
    if not episodes:
        return {}
    verdicts = [verdict_of(verifier, submission(episode), episode.task) for episode in episodes]
    known = [share(verdict, verifier) for verdict in verdicts if verdict.known]
    made = {"strict_unknown": 1 - len(known) / len(episodes)}
    return made | ({"strict": sum(known) / len(known)} if known else {})
