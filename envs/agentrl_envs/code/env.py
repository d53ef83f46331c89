"""Programming as an environment: write a program, see how it does in the public tests, repair it."""

import hashlib
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from agentrl.env import Player, PlayerKind, Reply, Split, TextEnv
from agentrl.errors import ConfigError, DataError, InvalidAction
from agentrl.rebuilt import Rebuilt
from agentrl.sandbox import Limits, choose
from agentrl.types import Panel, Task
from agentrl_envs.code import testing, world
from agentrl_envs.code.expression import CHARACTERS
from agentrl_envs.code.generate import FAMILIES
from agentrl_envs.code.holes import Outcome, given, plain, tried
from agentrl_envs.code.judging import publicly, secretly
from agentrl_envs.code.options import Options
from agentrl_envs.code.problem import Problem, shown
from agentrl_envs.code.programmer import Hurried, Tester
from agentrl_envs.python_tool import PythonTool
from agentrl_verifiers.code import program_in
from agentrl_verifiers.code_tests import Terms

RUN = "run:"
"""first line of an action for the interpreter"""


class Coding(Rebuilt, TextEnv):
    """Write a program; public tests say what is wrong with it, hidden tests decide.

    | what | value |
    |---|---|
    | actions | a program, or text whose last fenced block is one; with view=holes one expression |
    | observations | the problem, then which public test failed and how |
    | reward | 1 if every hidden test passes, else 0 (see `Options.reward`) |
    | success | every hidden test passes |
    | ends | with a program that passes the public tests or is the last of 3 (the first, if none is public) |
    | asks=tests | a program, then a test of it, which it passes (1) or not; no other test is looked at |
    | random | nothing inside an episode |
    | source | own problems, or files of HumanEval, MBPP, LiveCodeBench |
    """

    name = "code"
    Options = Options
    max_turns = 3
    restorable: ClassVar[Literal["exact", "replay", "no"]] = "exact"
    rebuilt: ClassVar[str] = "problem"
    max_action_chars: ClassVar[int] = 20_000  # whole programs
    tiny: ClassVar[Mapping[str, Any]] = {
        "env.view": "holes",
        "env.difficulty": 2,
        "run.iterations": 60,
        "rollout.history": 0,
        "rollout.max_tokens": 40,
        "rollout.max_context": 192,
    }

    def __init__(self, split: Split = "train", *, max_turns: int | None = None, **options: Any) -> None:
        super().__init__(split, max_turns=max_turns, **options)
        chosen: Options = self.options
        self._terms = Terms(
            Limits(wall=chosen.seconds, memory=chosen.memory << 20), chosen.total, backend=chosen.sandbox
        )
        if chosen.view == "program":
            choose(chosen.sandbox)  # says now what would otherwise end every episode
        self._tool = PythonTool(chosen.sandbox) if chosen.tool else None
        self._testing = chosen.asks == "tests"
        self._sound = False
        if self._testing:
            self.max_turns = testing.TURNS  # whatever is allowed elsewhere
        self._last, self._told, self._attempts, self._passed = "", "", 0, 0.0

    def tasks(self, split: Split) -> Panel:
        """Return one task a problem; `data` holds its id, its kind and a digest of its text and tests.

        Errors: ConfigError where asks=tests finds no function to test.
        """
        panel = world.panel(self.options, split)
        return testing.functions(panel, world.of(self.options, split)) if self._testing else panel

    def begin(self, task: Task) -> str:
        """Show the problem."""
        self._enter(task)
        self._last, self._told, self._attempts, self._passed = "", "", 0, 0.0
        self._sound = False
        if self._tool is not None:
            self._tool.reset()
        return self._shown()

    def _enter(self, task: Task) -> None:
        name, split = task.data.get("problem"), task.split
        found = world.of(self.options, split) if split in ("train", "dev", "test") else {}  # type: ignore[arg-type]
        if not isinstance(name, str) or name not in found:
            raise DataError(f"task {task.id}: there is no problem {name!r} in {split}")
        self.problem: Problem = found[name]

    def act(self, action: str) -> Reply:
        """Try a program: in the public tests, and where these pass or no turn is left in the hidden ones."""
        if self._tool is not None and action.lstrip().startswith(RUN):
            return self._run(action.lstrip().removeprefix(RUN))
        program = action.strip() if self.options.view == "holes" else program_in(action)
        if not program.strip():
            raise InvalidAction("There is no program in that.")
        self._attempts += 1
        if self._testing:
            return self._crossed(program)
        public = self._tried(program, hidden=False) if self.problem.public else Outcome(1.0)
        self._passed = public.fraction
        if public.passed or self._turn + 1 >= self.max_turns:
            return self._judged(program)
        self._last, self._told = program, public.why
        return Reply(self._shown())

    def _tried(self, program: str, *, hidden: bool) -> Outcome:
        problem = self.problem
        if self.options.view == "holes":
            cases: Any = problem.hidden if hidden else problem.public
            return tried(program, FAMILIES[problem.kind][1], cases)
        return (secretly if hidden else publicly)(program, problem, self._terms)

    def _judged(self, program: str) -> Reply:
        found = self._tried(program, hidden=True)
        won = float(found.passed)
        reward = found.fraction if self.options.reward == "fraction" else won
        text = "Every hidden test passes." if found.passed else "Hidden tests fail."
        return Reply(text, reward=reward, success=found.passed, score=found.fraction)

    def _crossed(self, code: str) -> Reply:
        """Take the program, or judge it by the test that the other turn wrote."""
        if not self._turn:
            self._last = code
            return Reply(testing.demand(self.problem))
        if not self._last:
            return Reply("There is no program to be tested.", done=True)
        self._sound, passed = testing.fared(self._last, code, self.problem, self._terms)
        text = "The program passes the test." if passed else "The program does not pass the test."
        return Reply(text, reward=float(passed), success=passed)

    def _run(self, code: str) -> Reply:
        assert self._tool is not None
        self._told = self._tool.python(program_in(code))
        self._last = RUN
        call = {"name": "python", "arguments": {"code": code}}
        return Reply(f"It printed:\n{self._told}", calls=(call,))

    def _shown(self) -> str:
        """Return what the agent reads before its next attempt."""
        if self.options.view == "holes":
            if self._last:
                return f"not return {self._last[:CHARACTERS]} : {self._told}"
            names = FAMILIES[self.problem.kind][1]
            cases = [f"{given(names, c)} gives {plain(c['returns'])}" for c in self.problem.public]
            return " ; ".join(cases)
        if not self._last:
            tests = "".join(f"\n- {shown(test, self.problem.entry)}" for test in self.problem.public)
            begins = f"\nIt begins: {self.problem.signature}" if self.problem.signature else ""
            return self.problem.text + begins + (f"\nTests:{tests}" if tests else "")
        total = len(self.problem.public)
        return f"{round(self._passed * total)} of {total} public tests pass. The first failure: {self._told}"

    def goal(self) -> str:
        """Return what is asked for in a few words, where it can be said so: for holes."""
        if self.options.view == "holes":
            steps = " , ".join(operation.words for operation in self.problem.chain)
            return f"{' '.join(FAMILIES[self.problem.kind][1])} : {steps}"
        return ""

    def state_key(self) -> str:
        """Return a name of what the rest of the episode depends on: turns gone, last attempt, its fate."""
        ran = self._tool.save() if self._tool is not None else ()
        facts = (self._turn, self._last, self._told, ran)
        return hashlib.blake2b(repr(facts).encode(errors="replace"), digest_size=12).hexdigest()

    def metrics(self) -> Mapping[str, float]:
        """Return the number of programs tried and the share of public tests that the last one passed.

        Where tests are asked for: 1 for one that is evidence (see `code_tests.fault`), in `sound`.
        """
        if self._testing:
            return {"sound": float(self._sound)}
        return {"attempts": float(self._attempts), "public": self._passed}

    def instructions(self) -> str:
        """Return the rules and the form of actions."""
        if self.options.view == "holes":
            return "Give one Python expression: what the function returns."
        if self._testing:
            return testing.RULES
        tool = (
            f" An action whose first line is `{RUN}` is run in an interpreter instead, and you read what it"
            " prints; that costs a turn."
            if self._tool is not None
            else ""
        )
        return (
            "You write Python programs. Each turn you give a whole program, best in a fenced block. It is run"
            " in the public tests; where one fails you are told how, and may give a better program, in"
            f" {self.max_turns} turns at most. A program that passes them, or the last one, is judged by"
            f" hidden tests.{tool}"
        )

    def player(self, kind: PlayerKind, seed: int) -> Player:
        """Return the expert, who knows a program that passes, or the demonstrator of generated problems."""
        if kind not in ("expert", "demonstrator"):
            return super().player(kind, seed)
        if kind == "expert":
            if not self.problem.reference:
                raise ConfigError(f"no program that solves {self.problem.id} is known")
            if self._testing:
                return testing.knowing(self.problem)
            reference = self._dressed_reference()
            return lambda observation: reference
        if not self.problem.chain:
            raise ConfigError("env 'code' has a demonstrator of generated problems only")
        programmer = Tester if self._testing else Hurried
        return programmer(self.problem, self.options.noise, seed, self._dressed)

    def _dressed(self, expression: str) -> str:
        if self.options.view == "holes":
            return expression
        return f"{self.problem.signature}\n    return {expression}\n"

    def _dressed_reference(self) -> str:
        if self.options.view == "holes":
            return self.problem.reference.partition("return ")[2].strip()
        return self.problem.reference

    def save(self) -> Any:
        """Return what the episode has come to."""
        ran = self._tool.save() if self._tool is not None else ()
        return self._last, self._told, self._attempts, self._passed, ran

    def load(self, state: tuple[Any, ...]) -> None:
        """Return to a saved moment of the current task."""
        assert self.task is not None
        self._enter(self.task)
        self._last, self._told, self._attempts, self._passed, ran = state
        if self._tool is not None:
            self._tool.load(ran)

    def close(self) -> None:
        """End the interpreter, where there is one."""
        if self._tool is not None:
            self._tool.close()
        super().close()
