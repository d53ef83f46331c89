"""What can be set about the world of tools."""

from dataclasses import dataclass
from typing import Literal

from agentrl.errors import ConfigError
from agentrl.values import check_choices
from agentrl_envs.tools.names import FEW_COUNTRIES


@dataclass(frozen=True, slots=True)
class Options:
    """Settings of `env=tools`, each a key `env.<name>=`."""

    form: Literal["text", "line"] = "text"
    """text: sentences, calls as JSON in <tool_call> blocks; line: a fixed short grammar for small models"""
    most: int = 4
    """most calls that a question needs, 0 to 4"""
    sums: float = 0.25
    """share of questions for a number of two, drawn before it is seen how many calls they take"""
    people: int = 8
    """on record in an episode, 6 to 40; at most 8 in the short grammar"""
    shown: int = 4
    """facts told with every question, of use or not"""
    hops: int = 2
    """most facts of a chain, one after the other, that need no call: 1 where a model has to think in one
    reply what it read"""

    questions: int = 2000
    """to learn from"""
    python: bool = False
    """offer a Python interpreter, too, in a sandbox; in sentences only"""

    def __post_init__(self) -> None:
        check_choices(self, "env")
        if self.python and self.form == "line":
            raise ConfigError(
                "env.python=true needs env.form=text: a program is no line of the short grammar"
            )
        if self.form == "line" and self.people > FEW_COUNTRIES:
            raise ConfigError(
                f"env.people={self.people}: everybody has a country of their own, and env.form=line knows"
                f" {FEW_COUNTRIES}; take fewer people, or env.form=text"
            )
        if not 0 <= self.sums < 1:
            raise ConfigError(f"env.sums={self.sums:g}: must be at least 0 and below 1")
        for name, low, high in (
            ("most", 0, 4),
            ("people", 6, 40),
            ("shown", 1, 12),
            ("hops", 1, 4),
            ("questions", 20, 100_000),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise ConfigError(f"env.{name}={value}: must be from {low} to {high}")
