"""What can be set about questions over a corpus."""

from dataclasses import dataclass
from typing import Literal

from agentrl.errors import ConfigError
from agentrl.values import check_choices


@dataclass(frozen=True, slots=True)
class Options:
    """Settings of `env=search_qa`, each a key `env.<name>=`."""

    data: str | None = None
    """file or folder of questions: HotpotQA's JSON, or lines with question and answer as NQ's; none:
    questions and passages are generated"""
    corpus: str | None = None
    """file of passages, a JSON object with id, title and text a line; none: those of the questions"""
    reward: Literal["em", "f1"] = "em"
    """em: 1 for the right answer, else 0; f1: the share of its words, 0 to 1; normalised as SQuAD does"""
    top: int = 3
    """passages that a search returns"""
    chars: int = 600
    """characters of a passage that are shown"""
    python: bool = False
    """offer a Python interpreter, too, in a sandbox; with form=text only"""
    form: Literal["text", "line"] = "text"
    """text: sentences, calls as JSON in <tool_call> blocks; line: `search ...` or `answer ...`, for the tiny
    model"""
    hops: int = 2
    """generated: most passages that a question takes, 1 or 2"""
    world_seed: int = 0
    """generated: names passages and questions; never the run's seed"""

    def __post_init__(self) -> None:
        check_choices(self, "env")
        if self.corpus is not None and self.data is None:
            raise ConfigError("env.corpus needs env.data: the questions about these passages")
        if self.python and self.form == "line":
            raise ConfigError("env.python=true needs env.form=text: a program is no line")
        for name, low, high in (("top", 1, 10), ("chars", 50, 4000), ("hops", 1, 2)):
            value = getattr(self, name)
            if not low <= value <= high:
                raise ConfigError(f"env.{name}={value}: must be from {low} to {high}")
