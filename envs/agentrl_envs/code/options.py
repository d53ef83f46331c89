"""What can be set about a programming environment."""

from dataclasses import dataclass
from typing import Literal

from agentrl.errors import ConfigError
from agentrl.values import check_choices


@dataclass(frozen=True, slots=True)
class Options:
    """Settings of `env=code`, each a key `env.<name>=`."""

    view: Literal["program", "holes"] = "program"
    """program: a whole program, run in a sandbox; holes: the one expression that a function returns, worked
    out without running Python, for small models"""
    data: str | None = None
    """problems of HumanEval, MBPP or LiveCodeBench: a .jsonl file, which is divided into train, dev and test,
    or a folder with train.jsonl, dev.jsonl, test.jsonl; none: generated problems"""
    problems: int = 800
    """generated problems to learn from; an eighth as many are for dev, a quarter for test"""
    difficulty: int = 3
    """operations that a generated problem chains, at most"""
    generator_seed: int = 0
    """names the generated problems; never the run's seed"""
    reward: Literal["success", "fraction"] = "success"
    """success: 1 for passing every hidden test; fraction: the share of them that pass"""
    asks: Literal["program", "tests"] = "program"
    """program view: for a program, judged by the problem's tests; or in two turns for one and for a test of
    it, which judge each other: programs win by passing, and no other test is looked at"""
    tool: bool = False
    """program view: an action whose first line is `run:` is run in an interpreter that lives through the
    episode, and what it prints is shown"""
    sandbox: Literal["auto", "bubblewrap", "docker", "weak"] = "auto"
    """where programs run; weak isolates nothing"""
    seconds: float = 5.0
    """that a test may take"""
    total: float = 20.0
    """seconds that all tests of a program may take"""
    memory: int = 512
    """MiB that a program may use"""
    noise: float = 0.6
    """how often the demonstrator makes the usual mistake in an operation, probability"""

    def __post_init__(self) -> None:
        check_choices(self, "env")
        for name in ("problems", "difficulty", "memory"):
            if getattr(self, name) < 1:
                raise ConfigError(f"env.{name}={getattr(self, name)}: must be at least 1")
        for name in ("seconds", "total"):
            if not 0 < getattr(self, name) < float("inf"):
                raise ConfigError(f"env.{name}={getattr(self, name):g}: must be a number above 0")
        if not 0 <= self.noise <= 1:
            raise ConfigError(f"env.noise={self.noise:g}: must be from 0 to 1")
        other = {"env.data": self.data is not None, "env.tool": self.tool, "env.asks": self.asks == "tests"}
        what = next((name for name, given in other.items() if given), "")
        if self.asks == "tests" and self.tool:
            raise ConfigError("env.asks=tests: its two turns are a program and a test; leave out env.tool")
        if self.view == "holes" and what:
            raise ConfigError(
                f"{what} needs env.view=program: a hole, which model=tiny asks for, is one expression of a"
                " generated problem"
            )
