"""Mathematics as an environment: read a problem, perhaps run programs, answer."""

import random
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from agentrl import tools
from agentrl.env import Player, PlayerKind, Reply, Split, TextEnv
from agentrl.errors import ConfigError, DataError, DeadlineError, InvalidAction, RunError
from agentrl.registry import find
from agentrl.submissions import share
from agentrl.types import Panel, Task
from agentrl.verify import Submission, Verifier, as_verifier, verdict_of
from agentrl_envs.math import pupil, reasoning
from agentrl_envs.math.options import AUTO, Options
from agentrl_envs.math.problem import digest
from agentrl_envs.math.programs import Call, block, programs
from agentrl_envs.math.world import place, world
from agentrl_envs.python_tool import PythonTool
from agentrl_verifiers.math_find import answer_in
from agentrl_verifiers.math_text import cleaned


class Math(TextEnv):
    """Solve a problem of mathematics.

    | what | value |
    |---|---|
    | actions | the solution; with `tool=python` also programs, which are run and do not end the episode |
    | observations | the problem, then what programs print |
    | reward | the verifier's score of the solution, 0 to 1 |
    | success | the verifier's best score |
    | ends | terminated by a solution, truncated after 8 programs |
    | random | nothing, unless a program draws |
    | source | ours; reads the files of GSM8K (arXiv:2110.14168) and MATH (arXiv:2103.03874) |

    A verdict that says nothing about the solution (the verifier took too long, or broke) is raised as an
    error: the episode then leaves the statistics of its group.
    """

    name = "math"
    Options = Options
    max_turns = 8
    max_action_chars: ClassVar[int] = 20_000  # whole solutions
    restorable: ClassVar[Literal["exact", "replay", "no"]] = "exact"
    tiny: ClassVar[Mapping[str, Any]] = {
        "env.form": "arithmetic",
        "env.min_steps": 2,
        "env.max_steps": 3,
        "env.largest": 50,
        "env.noise": 1.0,
        "rollout.history": 0,
        "rollout.max_tokens": 32,
        "rollout.max_context": 64,
        # At 1e-3 what is known of sums and products is lost faster than habits change.
        "learner.lr": 3e-4,
        "warm.demonstrations": 12,
        "algo.invalid_penalty": 0.0,
    }

    def __init__(self, split: Split = "train", *, max_turns: int | None = None, **options: Any) -> None:
        super().__init__(split, max_turns=max_turns, **options)
        self._judge()  # says now what would otherwise end every episode
        self._tool = PythonTool(self.options.sandbox) if self.options.tool == "python" else None
        self._programs = 0
        self._parts: Mapping[str, float] = {}

    def _judge(self) -> Verifier:
        """Return who judges; looked up where it is asked, since it may hold a process of its own."""
        name, data = self.options.verifier, place(self.options)
        if name == AUTO and data.startswith(reasoning.PREFIX):
            return reasoning.judge(data.removeprefix(reasoning.PREFIX), self.options.problem_seed)
        return as_verifier(find("verifiers", "math" if name == AUTO else name))

    def tasks(self, split: Split) -> Panel:
        """Return one task a problem; `data` holds question, answer, kind and, where known, the steps."""
        return world(self.options).panel(split)

    def begin(self, task: Task) -> str:
        """Show the task's problem."""
        self._enter(task)
        if self._tool is not None:
            self._tool.reset()
        return self._question

    def _enter(self, task: Task) -> None:
        question = task.data.get("question")
        if not isinstance(question, str):
            raise DataError(f"task {task.id}: data['question'] is {question!r}, not a problem")
        self._question = question
        self._programs, self._parts = 0, {}

    def act(self, action: str) -> Reply:
        """Run the action's programs, or judge it as the solution."""
        calls = programs(action) if self._tool is not None else []
        return self._ran(calls) if calls else self._judged(action)

    def _ran(self, calls: Sequence[Call]) -> Reply:
        """Return what the programs of one action print, in order."""
        told: list[str] = []
        for name, arguments in calls:
            try:
                told.append(str(tools.call(self._tool, name, arguments)))
                self._programs += 1
            except InvalidAction as why:
                told.append(str(why))
        made = tuple({"name": name, "arguments": arguments} for name, arguments in calls)
        return Reply("\n\n".join(told), calls=made)

    def _judged(self, solution: str) -> Reply:
        assert self.task is not None
        verifier = self._judge()
        verdict = verdict_of(verifier, Submission(solution), self.task)
        if not verdict.known:
            said = f"verifier {verifier.name}: {verdict.reason or verdict.status}"
            raise DeadlineError(said) if verdict.status == "timeout" else RunError(said)
        paid, self._parts = share(verdict, verifier), verdict.parts
        return Reply("Right." if paid == 1.0 else "Wrong.", reward=paid, success=paid == 1.0, score=paid)

    def answer_in(self, action: str) -> str | None:
        """Return the answer in a solution, as its text reads without dress."""
        found = answer_in(action)
        return None if found is None else cleaned(found)

    def goal(self) -> str:
        """Return the problem where an episode goes on after its first turn."""
        return self._question if self._tool is not None else ""

    def state_key(self) -> str:
        """Return a name of what was run so far."""
        ran = self._tool.save() if self._tool is not None else ()
        return f"{digest(repr((self._question, ran))):016x}"

    def metrics(self) -> Mapping[str, float]:
        """Return the parts of the verdict, and how many programs were run where they can be."""
        programs_run = {"programs": float(self._programs)} if self._tool is not None else {}
        return {**self._parts, **programs_run}

    def instructions(self) -> str:
        """Return what a solution looks like."""
        rules = (
            "Solve the problem step by step. Put the final answer, and nothing else, into \\boxed{...}; that"
            " ends your work."
        )
        if self._tool is None:
            return rules
        return (
            f"{rules} Before that you may run Python: a message with a program between ```python and ``` is"
            " run, and you are shown what it prints. Names live on from program to program."
        )

    def player(self, kind: PlayerKind, seed: int) -> Player:
        """Return the expert, who knows the answer, or the demonstrator, a pupil (see `Options.noise`)."""
        if kind not in ("expert", "demonstrator"):
            return super().player(kind, seed)
        assert self.task is not None
        data, dice = self.task.data, random.Random(seed)
        if not data["answer"]:
            raise ConfigError(f"the answer of task {self.task.id} is not known, only how to judge one")
        noise = self.options.noise if kind == "demonstrator" else 0.0
        said = pupil.answered(data, noise, dice)
        if self._tool is None:
            return lambda observation: said
        steps = [step.split("=")[0].strip() for step in data.get("steps", ())] or [repr(data["answer"])]
        return lambda observation: said if self._programs else block("\n".join(f"print({s})" for s in steps))

    def save(self) -> Any:
        """Return the programs run."""
        return self._programs, dict(self._parts), self._tool.save() if self._tool is not None else ()

    def load(self, state: Any) -> None:
        """Return to where these programs had been run."""
        assert self.task is not None
        self._enter(self.task)
        self._programs, self._parts, ran = state
        if self._tool is not None:
            self._tool.load(ran)

    def close(self) -> None:
        """End the interpreter."""
        if self._tool is not None:
            self._tool.close()
