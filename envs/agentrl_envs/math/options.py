"""What can be set about a mathematics environment."""

from dataclasses import dataclass
from typing import Literal

from agentrl.errors import ConfigError
from agentrl.values import check_choices

AUTO = "auto"
MOST_STEPS = 8


@dataclass(frozen=True, slots=True)
class Options:
    """Settings of `env=math`, each a key `env.<name>=`."""

    data: str | None = None
    """folder or file of GSM8K or MATH; `reasoning-gym:NAME`: tasks of that package; `generated`: made here;
    none: $MATH_DATA where that is set, else generated"""
    form: Literal["stories", "arithmetic"] = "stories"
    """of generated problems: told with names and things, or bare lines such as 2 + 3 * 4"""
    problems: int = 2000
    """generated and reasoning-gym: number of training problems"""
    problem_seed: int = 0
    """generated and reasoning-gym: names the problems; never the run's seed"""
    min_steps: int = 2
    """generated: fewest steps to an answer"""
    max_steps: int = 8
    """generated: most steps to an answer, at most 8"""
    largest: int = 999
    """generated: no number, given or found on the way, is above this"""
    distractors: float = 0.5
    """stories: share of problems that tell numbers of no use, 0 to 1"""
    verifier: str = AUTO
    """who judges an answer: a registered name or a file; auto: math, and for reasoning-gym its own score"""
    tool: Literal["none", "python"] = "none"
    """none: one turn, the answer; python: programs in ```python blocks, or calls of the tool `python`, run
    until an answer is given"""
    sandbox: Literal["auto", "bubblewrap", "docker", "weak"] = "auto"
    """tool=python: where programs run; weak isolates nothing"""
    noise: float = 0.0
    """how far the demonstrator strays: 0 careful, 1 has every bad habit"""

    def __post_init__(self) -> None:
        check_choices(self, "env")
        if not 1 <= self.min_steps <= self.max_steps <= MOST_STEPS:
            raise ConfigError(
                f"env.min_steps={self.min_steps}, env.max_steps={self.max_steps}: must be from 1 to"
                f" {MOST_STEPS}, the first not above the second"
            )
        if self.problems < 1:
            raise ConfigError(f"env.problems={self.problems}: must be at least 1")
        if not 50 <= self.largest <= 999:
            raise ConfigError(f"env.largest={self.largest}: must be from 50 to 999")
        for name in ("distractors", "noise"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"env.{name}={getattr(self, name):g}: must be from 0 to 1")
