"""Whole prompts, one a turn, laid out as in the published GiGPO runs on ALFWorld.

The same parts in the same order and notation: role, task, steps taken, the last turns, the present
observation, the actions offered (quoted, `help` left out), how to answer. The sentences between them are our
own, so figures of runs with the original's sentences are comparable but not the same experiment.
"""

from collections.abc import Iterable, Sequence

ROLE = "You are a skilled agent who carries out household tasks in the ALFRED world."
ANSWER = """Decide what to do now.
Think it through first, step by step, and put all of your reasoning between <think> and </think>.
Then pick one of the possible actions for this step and put it between <action> and </action>."""


def first(observation: str, actions: Iterable[str]) -> str:
    """Return the prompt of a turn without history: the observation says the task itself."""
    return f"{ROLE}\nYou observe now: {observation}\n{_offered(actions)}\n\n{ANSWER}"


def later(
    task: str, steps: int, past: Sequence[tuple[str, str]], observation: str, actions: Iterable[str]
) -> str:
    """Return the prompt of a turn after `steps` others; `past` holds the last (observation, action) pairs."""
    begun = steps - len(past) + 1
    turns = "\n".join(
        f"[Observation {number}: '{seen}', Action {number}: '{done}']"
        for number, (seen, done) in enumerate(past, begun)
    )
    return (
        f"{ROLE} The task: {task}\n"
        f"You have taken {steps} step(s) so far. The last {len(past)} observations and your actions:\n"
        f"{turns}\n"
        f"This is step {steps + 1}, and you observe now: {observation}\n{_offered(actions)}\n\n{ANSWER}"
    )


def _offered(actions: Iterable[str]) -> str:
    quoted = "\n ".join(f"'{action}'" for action in actions)
    return f"The actions that are possible now: [{quoted}]."
