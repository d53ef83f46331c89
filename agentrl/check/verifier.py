"""The rules of every verifier."""

import math
import pickle
from collections.abc import Sequence

from agentrl.check.corpus import Measured, measured
from agentrl.check.hostile import JUNK, hostile
from agentrl.check.leaks import ANSWERS
from agentrl.check.rules import Broken, NotApplicable, Rule, Watch
from agentrl.registry import find
from agentrl.types import Task
from agentrl.verify import Pair, Submission, Verdict, Verifier, as_verifier

HOSTILE = 300
"""hostile answers tried"""
TIMES = 5
"""times that each answer is judged, to see whether the verdict stays"""


def verifier_rules(name: str, watch: Watch) -> Sequence[Rule]:
    """Return the rules of a verifier, ready to be checked."""
    return verifier_kit(name, (), watch).rules()


def verifier_kit(name: str, corpus: Sequence[Pair], watch: Watch) -> "_Kit":
    """Return what checks a verifier, and measures it on its own pairs and a corpus."""
    return _Kit(as_verifier(find("verifiers", name)), corpus, watch)


def _task(pair: Pair) -> Task:
    return Task("check", "train", 0, pair.data)


def _prompts(pair: Pair) -> list[str]:
    """Return the texts of a task that are no answer of it: its question, wherever it stands."""
    return [text for field, text in pair.data.items() if field not in ANSWERS and isinstance(text, str)]


class _Kit:
    """One verifier under check."""

    def __init__(self, verifier: Verifier, corpus: Sequence[Pair], watch: Watch) -> None:
        self.verifier, self.watch = verifier, watch
        self.corpus = (*verifier.pairs, *corpus)
        self.measured: Measured | None = None
        """what was said of the corpus; None until all of it was judged"""

    def rules(self) -> Sequence[Rule]:
        """Return the rules."""
        return (
            Rule("the range is two numbers, the lower first", self.range),
            Rule("answers that must pass get the best score", self.passing),
            Rule("answers that must fail get less", self.failing),
            Rule("junk gets less than the best score", self.junk),
            Rule("the same answer gets the same verdict", self.pure),
            Rule("whatever the answer, there is a verdict within the range", self.hostile),
            Rule("it can be pickled", self.picklable),
            Rule("it comes to an end with every answer of its corpus", self.measure),
        )

    def measure(self) -> str:
        if not self.corpus:
            raise NotApplicable("it has no pairs and was given no corpus")
        self.measured = measured(self.verifier, self.corpus, self.watch)
        return str(self.measured)

    def range(self) -> None:
        low, high = self.verifier.low, self.verifier.high
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise Broken(f"it says [{low}, {high}]")

    def passing(self) -> None:
        for pair in self._pairs(passes=True):
            score = self._verdict(pair.answer, _task(pair)).score
            if score < self.verifier.high:
                raise Broken(f"{pair.answer!r} got {score:g}, not {self.verifier.high:g}")

    def failing(self) -> None:
        for pair in self._pairs(passes=False):
            score = self._verdict(pair.answer, _task(pair)).score
            if score >= self.verifier.high:
                raise Broken(f"{pair.answer!r} got {score:g}")

    def junk(self) -> None:
        if not self.verifier.pairs:
            raise NotApplicable("it has no pairs, so there is no task to answer")
        tasks = {str(pair.data): pair for pair in self.verifier.pairs}.values()
        for answer in JUNK:  # one that passes somewhere may be right there: where nothing was to be said
            if all(self._passes(answer, pair) for pair in tasks):
                what = repr(answer) if answer.strip() else "an empty answer"
                raise Broken(f"{what} got {self.verifier.high:g} in every task")
        asking = [(text, pair) for pair in tasks for text in _prompts(pair)]
        if asking and all(self._passes(text, pair) for text, pair in asking):
            text = asking[0][0]
            raise Broken(f"{text[:60]!r}, which only says the task again, got {self.verifier.high:g}")

    def _passes(self, answer: str, pair: Pair) -> bool:
        return self._verdict(answer, _task(pair)).score >= self.verifier.high

    def pure(self) -> None:
        for pair in self.verifier.pairs:
            first, *others = (self._verdict(pair.answer, _task(pair)) for _ in range(TIMES))
            for other in others:
                if (first.score, first.parts, first.steps) != (other.score, other.parts, other.steps):
                    raise Broken(f"{pair.answer!r} got {first.score:g}, then {other.score:g}")

    def hostile(self) -> None:
        if not self.verifier.pairs:
            raise NotApplicable("it has no pairs, so there is no task to answer")
        good = [pair.answer for pair in self.verifier.pairs]
        for number, answer in enumerate(hostile(0, HOSTILE, good)):
            self._verdict(answer, _task(self.verifier.pairs[number % len(self.verifier.pairs)]))

    def picklable(self) -> None:
        with self.watch.over("pickling"):
            again = pickle.loads(pickle.dumps(self.verifier))
        for pair in self.verifier.pairs:
            with self.watch.over(f"verify({pair.answer[:40]!r}) after pickling"):
                score = again.verify(Submission(pair.answer), _task(pair)).score
            if score != self._verdict(pair.answer, _task(pair)).score:
                raise Broken(f"{pair.answer!r} is scored otherwise after pickling")

    def _pairs(self, passes: bool) -> list[Pair]:
        pairs = [pair for pair in self.verifier.pairs if pair.passes == passes]
        if not pairs:
            raise Broken(f"no pair says which answer must {'pass' if passes else 'fail'}")
        return pairs

    def _verdict(self, answer: str, task: Task) -> Verdict:
        """Return a verdict that is sure of itself and within the range."""
        with self.watch.over(f"verify({answer[:40]!r})"):
            verdict = self.verifier.verify(Submission(answer), task)
        if not verdict.known:
            raise Broken(f"{answer[:40]!r} gave {verdict.status}: {verdict.reason}")
        if not self.verifier.low <= verdict.score <= self.verifier.high:
            raise Broken(f"{answer[:40]!r} got {verdict.score:g}, outside the range")
        return verdict
