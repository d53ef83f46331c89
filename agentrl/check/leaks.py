"""The rule that nobody reads the answer, or what a turn paid, off an observation."""

import re
from collections.abc import Sequence
from typing import Any

from agentrl.check.rules import Broken
from agentrl.check.stage import Stage

ANSWERS = ("answer", "answers", "gold", "label", "secret", "solution")
"""fields of a task's data that must not be read off the first observation"""
PAYMENT = re.compile(r"\b(?:reward|score)\b\W{0,3}-?\d", re.IGNORECASE)
FEW = 3
"""different short answers, each shown in its own task, that are no chance"""


def leaks(stage: Stage) -> None:
    """Raise Broken where the first text shows the task's answer, or a later one what was paid.

    Edge: an answer of one or two characters may stand in a text by chance: it counts where every task that
          was tried shows its own as a word, and these differ.
    """
    env = stage.make()
    short: list[tuple[str, str, bool]] = []
    for task in stage.tasks():
        text = "\n".join([stage.begin(env, task).observation, env.instructions(), env.goal()]).casefold()
        for field in ANSWERS:
            for value in _values(task.data.get(field)):
                if len(value) > 2 and value.casefold() in text:
                    raise Broken(f"task {task.id} shows its {field}, {value!r}, before the first action")
                if len(value) <= 2 and any(map(str.isdigit, value)):
                    word = rf"(?<![\w.]){re.escape(value.casefold())}(?![\w.]*\w)"
                    short.append((f"{task.id} shows its {field}", value, bool(re.search(word, text))))
        for now in stage.play(env, task, stage.wander(env, task, 40)):
            found = PAYMENT.search(now.observation)
            if found and not any(now.over):
                raise Broken(f"task {task.id} reads {found.group()!r} before its end")
    if all(shown for _, _, shown in short) and len({value for _, value, _ in short}) >= FEW:
        where, value, _ = short[0]
        raise Broken(f"task {where}, {value!r}, before the first action, and so does every other task")


def _values(held: Any) -> Sequence[str]:
    """Return the texts and numbers of a field as texts."""
    if isinstance(held, str | int | float):
        return [str(held)]
    return [str(one) for one in held if isinstance(one, str | int | float)] if held else []
