r"""Judge a reply that calls tools as ToolRL does: its layout, and how near its calls are to the right ones.

| what | value |
|---|---|
| answer | `<think>…</think>`, then `<tool_call>` and `<response>` as the right reply has them, line by line |
| task.data | `ground_truth`: the right reply; a call is a line of JSON with `name` and `parameters` |
| score | format + correctness (+ length); without switches 0 to 1 plus -3 to 3 |

Source: ToolRL (arXiv:2504.13958) and its authors' reward code, quirks included: the order of calls does not
matter, of several `<tool_call>` blocks the first is read, and where no call is right a call costs the format
point alone.
"""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from agentrl.registry import verifier
from agentrl.types import Task
from agentrl.verify import Pair, Submission, Verdict

Call = Mapping[str, Any]
Range = tuple[float, float]
"""least and best"""
Match = Literal["fine", "exact_names", "whole_calls", "all"]
_THINK, _CALLS, _RESPONSE = "<think>.*?</think>", "<tool_call>\n.*?\n</tool_call>", "<response>.*?</response>"
_BROKEN = (ValueError, KeyError, TypeError, AttributeError, RecursionError)
"""what a reply that is not laid out as calls can cause"""


def layout_holds(reply: str, truth: str) -> bool:
    """Return whether a reply is laid out as the right one: its blocks, in order, once each, and nothing else.

    Edge: `<think>` may stand in it twice; published code does not count it.
    """
    blocks = [_CALLS] * ("<tool_call>" in truth) + [_RESPONSE] * ("<response>" in truth)
    tags = ["tool_call"] * ("<tool_call>" in truth) + ["response"] * ("<response>" in truth)
    once = all(reply.count(f"<{tag}>") == reply.count(f"</{tag}>") == 1 for tag in tags)
    return once and re.fullmatch("\n".join([_THINK, *blocks]), reply, re.DOTALL) is not None


def calls_in(text: str) -> list[Any]:
    """Return what the lines of the first `<tool_call>` block hold.

    Errors: ValueError where there is no block, or a line is not JSON.
    """
    if "<tool_call>" not in text or "</tool_call>" not in text:
        raise ValueError("there is no <tool_call> block")
    block = text.split("<tool_call>")[1].split("</tool_call>")[0]
    return [json.loads(line) for line in block.strip().split("\n")]


def overlap(one: Sequence[str], other: Sequence[str], *, exact: bool = False) -> float:
    """Return what two lists of names share over what both hold, names counted; 1 for equal lists.

    `exact` gives 0 to lists that are not equal, order included.
    """
    if one == other:
        return 1.0
    if exact:
        return 0.0
    both, shared = len(one) + len(other), (Counter(one) & Counter(other)).total()
    return shared / (both - shared)


def likeness(truth: Sequence[Call], given: Sequence[Call], match: Match = "fine") -> float:
    """Return how near calls are to the right ones, 0 to 1.

    Names: their overlap, weight 1. Each right call: of the unused calls of its name the nearest gets the
    overlap of parameter names and one point for each equal value, weight 1 and the number of parameters.

    Source: correctness of ToolRL (arXiv:2504.13958).
    Errors: KeyError, TypeError or AttributeError for calls without `name` or `parameters`, or of other types.
    """
    if truth == given:
        return 1.0
    if match == "all":
        return 0.0
    exact = match == "exact_names"
    score = overlap([c["name"] for c in truth], [c["name"] for c in given], exact=exact)
    most, used = 1.0, set[int]()
    for call in truth:
        most += 1.0 if match == "whole_calls" else 1.0 + len(call["parameters"])
        best, place = 0.0, -1
        for i, other in enumerate(given):
            if i in used or other["name"] != call["name"]:
                continue
            points = float(call == other) if match == "whole_calls" else _points(call, other, exact)
            if points > best:
                best, place = points, i
        if place >= 0:
            used.add(place)
            score += best
    return score / most


def _points(call: Call, other: Call, exact: bool) -> float:
    wanted, given = call["parameters"], other["parameters"]
    equal = sum(1.0 for key, value in wanted.items() if key in given and given[key] == value)
    return overlap(list(wanted), list(given.keys()), exact=exact) + equal


_A = '{"name": "weather", "parameters": {"city": "Oslo", "days": 3}}'
_B = '{"name": "search", "parameters": {"query": "x"}}'


def _reply(*calls: str, think: str = "plan", response: str = "") -> str:
    block = ["<tool_call>", *calls, "</tool_call>"] if calls else []
    end = [f"<response>{response}</response>"] if response else []
    return "\n".join([f"<think>{think}</think>", *block, *end])


@verifier("toolrl")
@dataclass(frozen=True)
class ToolRL:
    """Judges replies that call tools; the switches are those of published code, off by default."""

    name: ClassVar[str] = "toolrl"
    pairs: ClassVar[tuple[Pair, ...]] = (
        Pair(_reply(_A), {"ground_truth": _reply(_A, think="other")}, True),
        Pair(_reply(_B, _A), {"ground_truth": _reply(_A, _B)}, True),
        Pair(_reply(_A, response="so"), {"ground_truth": _reply(_A, response="thus")}, True),
        Pair(_reply(_A.replace("3", '"3"')), {"ground_truth": _reply(_A)}, False),
        Pair(_reply(_A, _A), {"ground_truth": _reply(_A)}, False),
        Pair(_reply(_A).replace("</think>\n", "</think>\n\n"), {"ground_truth": _reply(_A)}, False),
        Pair(_reply(_A).replace("parameters", "arguments"), {"ground_truth": _reply(_A)}, False),
        Pair(_reply(response="so"), {"ground_truth": _reply(_A)}, False),
        Pair(_reply(_A), {"ground_truth": _reply(response="so")}, False),
        Pair("", {"ground_truth": _reply(_A)}, False),
    )

    match: Match = "fine"
    """what of a call counts: names and values (fine); values, and lists of names only where they are equal
    (exact_names, published as strict); calls that are right in all (whole_calls, intermediate); all calls or
    nothing (all, coarse)"""
    equal: bool = False
    """correctness from -1 to 1, as much as the layout"""
    two_stage: bool = False
    """correctness a third before step 30; the layout half from then on"""
    schedule: bool = False
    """over 150 steps correctness grows from 2 to 3, the layout falls from 2 to 1"""
    length: bool = False
    """a point more for thoughts of 512 words, in proportion below"""
    growing: bool = False
    """with `length`: 384 words at first, 640 after 105 steps"""
    step: int = 0
    """of training, for switches that change with it; set by `dataclasses.replace`"""

    @property
    def format_range(self) -> Range:
        """Least and best score of the layout."""
        low, high = 0.0, (0.5 if self.two_stage and self.step >= 30 else 1.0)
        if self.schedule:
            share = self.step / 150
            low, high = min(-2 + (2 + low) * share, -1.0), max(2 - (2 - high) * share, 1.0)
        return low, high

    @property
    def correct_range(self) -> Range:
        """Least and best score of the calls."""
        high = 1.0 if self.equal else 3.0
        if self.two_stage and self.step < 30:
            high /= 3
        if self.schedule:
            high = min((high - 2) * self.step / 150 + 2, 3.0)
        return -high, high

    @property
    def low(self) -> float:
        """Least score."""
        return self.format_range[0] + self.correct_range[0]

    @property
    def high(self) -> float:
        """Best score; without a right call to make it is that of the layout."""
        return self.format_range[1] + self.correct_range[1] + float(self.length)

    def verify(self, submission: Submission, task: Task) -> Verdict:
        """Return the score with its parts `format`, `correctness` and, where it counts, `length`.

        Edge: calls that cannot be read get the least correctness; a right reply that cannot be is an error.
        """
        reply, truth = submission.answer.strip(), str(task.data.get("ground_truth", ""))
        try:
            wanted = calls_in(truth) if "<tool_call>" in truth else None
            likeness(wanted or [], [])
        except _BROKEN as why:
            return Verdict(0.0, "error", f"ground_truth: {why}")
        least, best = self.format_range
        parts = {"format": best if layout_holds(reply, truth) else least, "correctness": 0.0}
        reason = ""
        if wanted is not None:
            least, best = self.correct_range
            try:
                near = likeness(wanted, calls_in(reply), self.match)
            except _BROKEN as why:
                near, reason = 0.0, f"calls: {type(why).__name__}: {why}"
            parts["correctness"] = (best - least) * near + least
        if self.length:
            parts["length"] = self._length(reply)
        return Verdict(sum(parts.values()), "ok", reason, parts)

    def _length(self, reply: str) -> float:
        """Return the share of the wanted number of words that the thoughts have, at most 1."""
        if "<think>" not in reply or "</think>" not in reply:
            return 0.0
        words = len(reply.split("<think>")[-1].split("</think>")[0].split())
        return min(round(words / (384 + 256 * self.step / 105 if self.growing else 512), 2), 1.0)
