r"""Judge the answer to a problem of mathematics: numbers, formulas, sets, matrices, equations, words.

| what | value |
|---|---|
| answer | a response: `\boxed{…}`, `#### …`, "the answer is …", or nothing but an answer |
| task.data | `answer`: the right one, or a solution that marks it; or a list of these |
| score | 1.0 where they are the same, else 0.0; a list against one number is 0.0 |
| status | `timeout` where two formulas could not be told apart in time |
| same | 1/2 = 0.5 = 50%; 50 = 50%; x = 5 and 5; units and currency put aside; 0.333333 for 1/3, 0.33 not |
"""

import re
import time
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import ClassVar, Literal

from agentrl.errors import ChildError, DeadlineError
from agentrl.registry import verifier
from agentrl.types import Task
from agentrl.verify import Pair, Submission, Verdict
from agentrl_verifiers.math_equal import Comparison, Rules
from agentrl_verifiers.math_find import Unmarked, answer_in, prose
from agentrl_verifiers.math_grammar import Tree
from agentrl_verifiers.math_plain import settled
from agentrl_verifiers.math_read import read
from agentrl_verifiers.math_second import asked
from agentrl_verifiers.math_text import UnreadableError
from agentrl_verifiers.math_write import latex

_DRESS = re.compile(
    r"\\(?:text|mbox|textbf|textit|textrm|mathrm|mathbf)(?![A-Za-z])|\\(?:left|right|[ ,;:!$()\[\]])|[\s${}]+"
)
_LETTER = re.compile(r"\(?([A-J])[).]*")
_ANOTHER = re.compile(r"(?<![A-Za-z])[A-J](?![A-Za-z])")
_CHOSEN = re.compile(r"\(?([A-Ja-j])(?:[).:]+.*)?", re.DOTALL)


@lru_cache(maxsize=4096)
def gold_text(answer: str) -> str:
    """Return the answer in a gold text: what it marks as one, its last formula or number, or all of it."""
    return answer_in(answer, "number") or answer


def _undressed(text: str) -> str:
    """Return a text without spaces, braces and fonts; words of three letters and more in small letters."""
    plain = _DRESS.sub("", text).rstrip(".,;:")
    letters = plain.strip("()")
    return letters.casefold() if len(letters) > 2 and letters.isalpha() else plain


@verifier("math")
@dataclass(frozen=True)
class Math:
    """Judges answers to problems of mathematics; no text of a model is evaluated, or parsed by SymPy."""

    name: ClassVar[str] = "math"
    low: ClassVar[float] = 0.0
    high: ClassVar[float] = 1.0
    pairs: ClassVar[tuple[Pair, ...]] = (
        Pair("so \\boxed{42}", {"answer": "42"}, True),
        Pair("First \\boxed{41}. No, it is \\boxed{42}.", {"answer": "\\boxed{42}"}, True),
        Pair("6 a day.\n#### 1,200", {"answer": "300 * 4 = 1200\n#### 1200"}, True),
        Pair("The answer is 18 dollars.", {"answer": "18"}, True),
        Pair("0.75", {"answer": "\\frac{3}{4}"}, True),
        Pair("\\boxed{\\dfrac{\\sqrt2}{2}}", {"answer": "\\frac{1}{\\sqrt{2}}"}, True),
        Pair("\\boxed{25\\%}", {"answer": "0.25"}, True),
        Pair("\\boxed{x=5}", {"answer": "5"}, True),
        Pair("\\boxed{x<3}", {"answer": "(-\\infty,3)"}, True),
        Pair("\\boxed{3,1,2}", {"answer": "1, 2, 3"}, True),
        Pair("\\boxed{C}", {"answer": "\\text{(C)}"}, True),
        Pair("\\boxed{1}", {"answer": "\\sin^2 x+\\cos^2 x"}, True),
        Pair("\\boxed{42 or 43}", {"answer": "42"}, False),
        Pair("\\boxed{41,42,43}", {"answer": "42"}, False),
        Pair("\\boxed{42} but then I think it is \\boxed{43}", {"answer": "42"}, False),
        Pair("The answer could be 40, 41, 42.", {"answer": "42"}, False),
        Pair("\\boxed{0.33}", {"answer": "\\frac{1}{3}"}, False),
        Pair("\\boxed{(2,1)}", {"answer": "(1,2)"}, False),
        Pair("\\boxed{9^{9^{9}}}", {"answer": "4"}, False),
        Pair("\\boxed{42", {"answer": "42"}, False),
        Pair("", {"answer": "42"}, False),
    )

    unmarked: Unmarked = "nothing"
    """what is taken from a response that marks no answer: its last `formula`, or formula or `number`"""
    digits: int = 6
    """decimals that a decimal number needs to stand for what rounds to it"""
    any_names: bool = False
    """f(x) is f(y)"""
    relation_for_set: bool = True
    """x < 3 may be given for the interval up to 3"""
    opinion: Literal["none", "math_verify"] = "none"
    """who is asked, in the second process, about an answer found wrong; needs the extra `math-verify`"""
    deadline: float = 2.0
    """seconds for the second stage"""

    def verify(self, submission: Submission, task: Task) -> Verdict:
        """Return whether the response's answer is the gold one.

        Edge: `timeout` where the second stage took too long, `error` where its process was lost, or where the
              task has no answer: nothing is known then.
        """
        begun = time.perf_counter()
        reference = task.data.get("answer")
        golds = reference if isinstance(reference, list | tuple) else [reference]
        if not golds or any(gold is None or gold == "" for gold in golds):
            return Verdict(0.0, "error", f"task {task.id} has no `answer`")
        found = answer_in(submission.answer, self.unmarked)
        if found is None:
            verdict = Verdict(0.0, "ok", "no answer found", {"answered": 0.0})
        else:
            verdict = self._judged([gold_text(str(gold)) for gold in golds], found)
        return replace(verdict, seconds=time.perf_counter() - begun)

    def _judged(self, golds: list[str], found: str) -> Verdict:
        until = time.monotonic() + self.deadline
        why = ""
        for gold in golds:
            try:
                if self._same(gold, found, until):
                    return Verdict(1.0, "ok", "", {"answered": 1.0})
            except (UnreadableError, ArithmeticError) as unreadable:
                why = f" ({unreadable})"
            except DeadlineError:
                return Verdict(0.0, "timeout", f"{_short(found)} and {_short(gold)}: not decided in time")
            except ChildError as lost:
                return Verdict(0.0, "error", f"{_short(found)} and {_short(gold)}: {lost}")
        return Verdict(0.0, "ok", f"{_short(found)} is not {_short(golds[0])}{why}", {"answered": 1.0})

    def _same(self, gold: str, found: str, until: float) -> bool:
        if gold == found:
            return True
        alike = settled(gold, found)
        if alike is not None:
            return alike
        one, two = _undressed(gold), _undressed(found)
        if one == two:
            return bool(one)
        letter = _LETTER.fullmatch(one)
        if letter:
            chosen = _CHOSEN.fullmatch(two)
            # What is behind a letter is its text, but no other letter.
            alone = chosen is not None and not _ANOTHER.search(two, chosen.end(1))
            return chosen is not None and alone and chosen[1].upper() == letter[1]
        if prose(found):
            return False

        def oracle(a: Tree, b: Tree) -> bool:
            return asked("sympy", a, b, max(0.0, until - time.monotonic()))

        rules = Rules(self.digits, self.any_names, self.relation_for_set)
        trees = read(gold), read(found)
        if Comparison(rules, oracle).same(*trees):
            return True
        if self.opinion == "none":
            return False
        return asked("math_verify", latex(trees[0]), latex(trees[1]), max(0.0, until - time.monotonic()))


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")
