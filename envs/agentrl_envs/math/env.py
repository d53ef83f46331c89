"""Mathematics as an environment: read a problem, answer it."""

import random
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from agentrl.env import Player, PlayerKind, Reply, Split, TextEnv
from agentrl.errors import ConfigError, DataError, DeadlineError, RunError
from agentrl.registry import find
from agentrl.types import Panel, Task
from agentrl.verify import Submission, Verifier, as_verifier
from agentrl_envs.math import pupil
from agentrl_envs.math.options import AUTO, Options
from agentrl_envs.math.problem import worked
from agentrl_envs.math.world import world


class Math(TextEnv):
    """Answer a problem."""

    name = "math"
    Options = Options
    max_turns = 8
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
        "learner.lr": 3e-4,
        "warm.demonstrations": 12,
        "algo.invalid_penalty": 0.0,
    }

    def __init__(self, split: Split = "train", *, max_turns: int | None = None, **options: Any) -> None:
        super().__init__(split, max_turns=max_turns, **options)
        name = "math" if self.options.verifier == AUTO else self.options.verifier
        self.verifier: Verifier = as_verifier(find("verifiers", name))

    def tasks(self, split: Split) -> Panel:
        return world(self.options).panel(split)

    def begin(self, task: Task) -> str:
        self._question = task.data["question"]
        return self._question

    def act(self, action: str) -> Reply:
        assert self.task is not None
        verdict = self.verifier.verify(Submission(action), self.task)
        if not verdict.known:
            raise RunError(f"verifier {self.verifier.name}: {verdict.status}: {verdict.reason}")
        share = (verdict.score - self.verifier.low) / (self.verifier.high - self.verifier.low)
        return Reply("Right." if share >= 1 else "Wrong.", reward=share, success=share >= 1, score=share)

    def save(self) -> Any:
        return None

    def load(self, state: Any) -> None:
        pass

    def player(self, kind: PlayerKind, seed: int) -> Player:
        if kind == "random":
            return super().player(kind, seed)
        data = self.task.data
        if kind == "expert":
            return lambda o: worked(data.get("steps", []), data["answer"])
        dice = random.Random(seed)
        return lambda o: pupil.answered(data["question"], data["answer"], self.options.noise, dice)
