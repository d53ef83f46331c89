"""Prompts of yours, each answered in one turn and judged by a verifier: what `data=FILE` plays."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from agentrl.env import Player, PlayerKind, Reply, Split, TextEnv
from agentrl.errors import ConfigError, DeadlineError, RunError
from agentrl.registry import find
from agentrl.submissions import share, unmet
from agentrl.types import Panel, Task
from agentrl.verify import Submission, Verifier, as_verifier, verdict_of
from agentrl_envs.promptset import ANSWER, PROMPT, Fields, panels


@dataclass(frozen=True, slots=True)
class Options:
    """Settings of `env=prompts`, each a key `env.<name>=`."""

    data: str
    """file of prompts (JSON lines, CSV, Parquet), a row each, or a folder of files named train, dev, test"""
    prompt: str = PROMPT
    """field that holds the prompt"""
    answer: str | None = None
    """field that holds the right answer, or a list of them; none: `answer`, where rows have it"""
    split_by: str | None = None
    """field that says train, dev or test; none: files named for splits, else a tenth of the prompts each"""
    verifier: str = "exact"
    """who judges a reply: a registered name, or ./score.py:score; the row's fields are the task's data"""
    instructions: str = ""
    """what is said before every prompt"""
    noise: float = 0.0
    """share of demonstrations that give the answer to another prompt, 0 to 1"""

    def __post_init__(self) -> None:
        if not 0 <= self.noise <= 1:
            raise ConfigError(f"env.noise={self.noise:g}: must be from 0 to 1")


class Prompts(TextEnv):
    """Answer a prompt of a file; a verifier, or a function of yours, says how good the reply is.

    | what | value |
    |---|---|
    | actions | the reply |
    | observations | the prompt |
    | reward | the verifier's score, from 0 (its least) to 1 (its best) |
    | success | the verifier's best score |
    | ends | by the reply |
    | random | nothing |
    | source | ours |

    A verdict that says nothing about the reply is raised as an error: the episode then leaves the statistics
    of its group.
    """

    name = "prompts"
    Options = Options
    max_turns = 1
    max_action_chars: ClassVar[int] = 100_000
    restorable: ClassVar[Literal["exact", "replay", "no"]] = "exact"
    tiny: ClassVar[Mapping[str, Any]] = {
        "env.noise": 0.5,
        "rollout.history": 0,
        "warm.demonstrations": 40,
        "warm.tasks": 500,
        "algo.invalid_penalty": 0.0,
    }

    def __init__(self, split: Split = "train", *, max_turns: int | None = None, **options: Any) -> None:
        if "data" not in options:
            raise ConfigError("env 'prompts' needs env.data=FILE: the prompts")
        super().__init__(split, max_turns=max_turns, **options)
        how = self.options
        self._panels = panels(how.data, Fields(how.prompt, how.answer, how.split_by))
        self._parts: Mapping[str, float] = {}
        self._check_judge()

    def _judge(self) -> Verifier:
        return as_verifier(find("verifiers", self.options.verifier))

    def _check_judge(self) -> None:
        """Say now what would otherwise end every episode."""
        judge = self._judge()
        task = next(task for panel in self._panels.values() for task in panel)
        if missing := unmet(judge, task):
            hint = "; say answer=FIELD" if missing == [ANSWER] else ""
            raise ConfigError(
                f"verifier '{judge.name}' judges by {', '.join(missing)}, which the rows of"
                f" {self.options.data} do not hold (they hold {', '.join(task.data)}){hint}"
            )
        verdict = verdict_of(judge, Submission("?"), task)
        if verdict.status == "error":
            raise ConfigError(
                f"verifier '{judge.name}' fails on the reply '?' to the first row of {self.options.data}:"
                f" {verdict.reason}; what a row holds it gets as text"
            )

    def tasks(self, split: Split) -> Panel:
        """Return one task a prompt; `data` holds the fields of its row."""
        return self._panels[split]

    def begin(self, task: Task) -> str:
        """Show the prompt."""
        self._parts = {}
        return str(task.data[PROMPT])

    def act(self, action: str) -> Reply:
        """Judge the reply."""
        assert self.task is not None
        judge = self._judge()
        verdict = verdict_of(judge, Submission(action), self.task)
        if not verdict.known:
            said = f"verifier {judge.name}: {verdict.reason or verdict.status}"
            raise DeadlineError(said) if verdict.status == "timeout" else RunError(said)
        paid, self._parts = share(verdict, judge), verdict.parts
        return Reply("Right." if paid == 1.0 else "Wrong.", reward=paid, success=paid == 1.0, score=paid)

    def instructions(self) -> str:
        """Return what is said before the prompt."""
        return str(self.options.instructions)

    def metrics(self) -> Mapping[str, float]:
        """Return the parts of the verdict."""
        return self._parts

    def player(self, kind: PlayerKind, seed: int) -> Player:
        """Return the expert, who gives the answer of the row, or the demonstrator, who may give another's."""
        if kind not in ("expert", "demonstrator") or self.task is None or ANSWER not in self.task.data:
            return super().player(kind, seed)
        dice, said = random.Random(seed), self.task
        if kind == "demonstrator" and dice.random() < self.options.noise:
            said = dice.choice(self._panels["train"].tasks)
        right = said.data[ANSWER]
        return lambda observation: right if isinstance(right, str) else right[0]

    def save(self) -> Any:
        """Return nothing: there is no state between prompt and reply."""
        return ()

    def load(self, state: Any) -> None:
        """Take back what `save` returned."""
