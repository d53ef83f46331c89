"""Accept a reply that has the form asked for, and hand on what is inside it: `Format() & exact`.

| what | value |
|---|---|
| form | tags, each once and in order with nothing between them: `<think>...</think><answer>...</answer>`; or a pattern that the whole reply must match |
| score | 1.0 where the reply has the form, else 0.0 |
| handed on | what is inside the tag `content`, or the pattern's group of that name, without space at its ends; nothing where the form is wrong |
| bounds | tags are searched for in one pass; a pattern has `patience` seconds, then the status is `timeout` |
"""  # noqa: E501

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import regex

from agentrl.errors import ConfigError, nearest
from agentrl.registry import verifier
from agentrl.types import Task
from agentrl.verify import Joinable, Pair, Submission, Verdict


@verifier("format")
@dataclass(frozen=True)
class Format(Joinable):
    """The form of a reply."""

    name: ClassVar[str] = "format"
    low: ClassVar[float] = 0.0
    high: ClassVar[float] = 1.0
    pairs: ClassVar[tuple[Pair, ...]] = (
        Pair("<think>2 + 2</think><answer>4</answer>", {}, True),
        Pair("\n<think></think>\n<answer>\nfour\n</answer>\n", {}, True),
        Pair("4", {}, False),
        Pair("<answer>4</answer><think>2 + 2</think>", {}, False),
        Pair("<think>2 + 2</think><answer>4</answer><answer>5</answer>", {}, False),
        Pair("<think>2 + 2</think> so <answer>4</answer>", {}, False),
        Pair("<think>2 + 2<answer>4</answer></think>", {}, False),
        Pair("<think>2 + 2</think><answer>4", {}, False),
    )

    tags: tuple[str, ...] = ("think", "answer")
    """in this order, each once"""
    content: str = "answer"
    """the tag, or the pattern's group, that the next verifier judges"""
    pattern: str | None = None
    """in place of tags: what the whole reply matches, in the syntax of the package regex; (?s) lets . be a
    line break"""
    limit: int = 100_000
    """characters; longer replies have no form"""
    patience: float = 1.0
    """seconds that the pattern may take"""

    def __post_init__(self) -> None:
        if self.pattern is not None:
            _compiled(self.pattern)
            return
        wrong = [tag for tag in self.tags if not regex.fullmatch(r"[A-Za-z_][\w.-]*", tag)]
        if wrong or len(set(self.tags)) < max(1, len(self.tags)):
            raise ConfigError(f"tags={self.tags!r}: names such as think and answer, each once")
        if self.content not in self.tags:
            near = nearest(self.content, self.tags)
            raise ConfigError(f"content={self.content!r} is none of the tags {', '.join(self.tags)}{near}")

    def verify(self, submission: Submission, task: Task) -> Verdict:
        """Return whether the reply has the form, and the content that it holds."""
        reply = submission.answer
        if len(reply) > self.limit:
            return Verdict(0.0, reason=f"longer than {self.limit} characters", content="")
        if self.pattern is not None:
            return self._matched(self.pattern, reply)
        why, found = _inside(reply, self.tags)
        return Verdict(0.0, reason=why, content="") if why else Verdict(1.0, content=found[self.content])

    def _matched(self, pattern: str, reply: str) -> Verdict:
        """Return how a reply fits a pattern; whoever wrote the pattern does not know the reply."""
        try:
            match = _compiled(pattern).fullmatch(reply, timeout=self.patience)
        except TimeoutError:
            return Verdict(0.0, "timeout", f"the pattern took longer than {self.patience:g} s")
        if match is None:
            return Verdict(0.0, reason="it does not match the pattern", content="")
        # Without such a group the pattern is about the form alone: the next one judges the whole reply.
        found = match.groupdict().get(self.content) if self.content in match.re.groupindex else reply
        return Verdict(1.0, content=(found or "").strip())


@lru_cache(maxsize=64)
def _compiled(pattern: str) -> Any:
    try:
        return regex.compile(pattern)
    except regex.error as why:
        raise ConfigError(f"pattern={pattern!r}: {why}") from why


def _inside(reply: str, tags: tuple[str, ...]) -> tuple[str, dict[str, str]]:
    """Return what is wrong with a reply's form, or nothing and what is inside each tag."""
    found: dict[str, str] = {}
    rest = reply
    for tag in tags:
        for mark in (f"<{tag}>", f"</{tag}>"):
            if reply.count(mark) != 1:
                return f"{mark} is there {reply.count(mark)} times", {}
        before, _, rest = rest.partition(f"<{tag}>")
        inside, closed, rest = rest.partition(f"</{tag}>")
        if before.strip() or not closed:
            return f"<{tag}> is not where it should be", {}
        found[tag] = inside.strip()
    return (f"text after </{tags[-1]}>", {}) if rest.strip() else ("", found)
