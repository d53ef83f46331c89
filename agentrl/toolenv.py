"""An environment of tools: a reply that calls some is answered with their results, any other one is judged.

class Sums(ToolEnv):
    \"\"\"Add what you are shown.\"\"\"

    def begin(self, task): ...              # as everywhere
    def answered(self, answer): ...         # judge the final reply

    @tool(cost=2)
    def add(self, a: int, b: int) -> str:
        \"\"\"Return a + b.\"\"\"
        return str(a + b)
"""

import hashlib
import json
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, ClassVar

from agentrl import toolcalls
from agentrl.env import Reply, TextEnv
from agentrl.errors import InvalidAction
from agentrl.toolcalls import Said, ToolCall, harmless
from agentrl.tools import Foreign, Terms, called, schema, terms_of, tools_of
from agentrl.types import Task

RECORDED, NAMED = 1000, 64
"""characters of a call's arguments and of its tool's name that are written down"""


class ToolEnv(TextEnv):
    """A `TextEnv` whose actions are calls of its `@tool` methods, then an answer. See the top of this file.

    Every call is written down in the turn's `calls`: name, arguments (as JSON), status, cost, characters of
    its result, seconds, and the latency declared for it. Status is `ok`; `malformed`, `unknown` or `error`
    where it was wrong, as the agent is told in words (InvalidAction); `refused` where a budget was used up.
    Episodes report `calls`, `bad_calls`, `repeats`, `cost`, `latency`, and the limits of calls and cost. What
    else a tool raises is the environment's failure; one that may hang wants `rollout.workers`.
    """

    call_budget: int = 32
    """calls an episode; more are refused"""
    parallel_calls: int = 8
    """calls a turn; more are refused"""
    result_chars: ClassVar[int] = 2000
    """characters of a result that are shown"""

    def answered(self, answer: str) -> Reply:
        """Judge a reply that calls nothing; it should end the episode."""
        raise NotImplementedError(f"{type(self).__name__} must define answered(answer)")

    def said(self, action: str) -> Said:
        """Return the calls in an action and what else it says. Raise InvalidAction for what is neither."""
        return toolcalls.said(action)

    def joined(self, results: Sequence[tuple[ToolCall, str]]) -> str:
        """Return what the agent reads after a turn of calls."""
        if len(results) == 1:
            return results[0][1]
        named = [harmless(one.name, NAMED) or "?" for one, _ in results]
        lines = zip(named, results, strict=True)
        return "\n".join(f"[{n}] {name}: {text}" for n, (name, (_, text)) in enumerate(lines, 1))

    def toolbox(self) -> dict[str, Any]:
        """Return the tools by name: the environment's `@tool` methods. Add those of what it holds, if any.

        A tool is a method, or a `Foreign`.
        """
        return tools_of(self)

    def tools(self) -> list[dict[str, Any]]:
        """Return the tools as JSON schemas."""
        every = self.toolbox().values()
        return [dict(one.about) if isinstance(one, Foreign) else _schema(one.__func__) for one in every]

    def act(self, action: str) -> Reply:
        """Make the calls of an action, or judge its answer."""
        said = self.said(action)
        if not said.calls:
            return self.answered(said.text)
        made = [self._made(one, number) for number, one in enumerate(said.calls)]
        results = [(one, text) for one, (text, _) in zip(said.calls, made, strict=True)]
        records = tuple(record for _, record in made)
        return Reply(self.joined(results), valid=all(r["status"] == "ok" for r in records), calls=records)

    def _start(self, task: Task) -> tuple[str, dict[str, Any]]:
        self._figures = dict.fromkeys(("calls", "bad_calls", "repeats", "cost", "latency"), 0.0)
        self._used: Counter[str] = Counter()
        self._known: set[str] = set()
        """digests of the calls that told something"""
        return super()._start(task)

    def _made(self, one: ToolCall, place: int) -> tuple[str, Mapping[str, Any]]:
        """Return the answer to a call, and its record."""
        begun = time.perf_counter()
        tools = self.toolbox()
        bound = tools.get(one.name)
        terms = Terms(cost=0.0)  # of what is not made
        status, told = self._refusal(one, place, terms_of(bound).budget if bound else 0)
        if not status:
            try:
                answer = called(tools, one.name, one.arguments)
                status, told = "ok", answer if isinstance(answer, str) else json.dumps(answer, default=str)
            except InvalidAction as why:
                status, told = "error" if bound else "unknown", str(why)
            terms = terms_of(bound) if bound else terms
        self._count(one, status, terms, known=bound is not None)
        record = {
            "name": harmless(one.name, NAMED),
            "arguments": json.dumps(one.arguments)[:RECORDED],
            "status": status,
            "cost": terms.cost,
            "latency": terms.latency,
            "characters": len(told),
            "seconds": time.perf_counter() - begun,
        }
        return harmless(told, self.result_chars), record

    def _refusal(self, one: ToolCall, place: int, budget: int) -> tuple[str, str]:
        """Return the status and words with which a call is turned down unmade; empty: it is made."""
        if one.error:
            return "malformed", one.error
        if place >= self.parallel_calls:
            return "refused", f"A turn has {self.parallel_calls} calls at most."
        if self._figures["calls"] >= self.call_budget:
            return "refused", f"All {self.call_budget} calls are used up. Give your answer."
        if budget and self._used[one.name] >= budget:
            return "refused", f"All {budget} calls of {one.name} are used up."
        return "", ""

    def _count(self, one: ToolCall, status: str, terms: Terms, *, known: bool) -> None:
        self._figures["calls"] += 1
        self._figures["cost"] += terms.cost
        self._figures["latency"] += terms.latency
        if known:
            self._used[one.name] += 1
        if status != "ok":
            self._figures["bad_calls"] += 1
            return
        asked = repr((one.name, sorted(one.arguments.items())))
        self._figures["repeats"] += asked in self._known
        self._known.add(asked)

    def state_key(self) -> str:
        """Return a name of what has been found out, in whatever order, and of what is left to spend."""
        facts = (self.task and self.task.id, sorted(self._known), sorted(self._used.items()))
        return hashlib.blake2b(repr(facts).encode(errors="replace"), digest_size=12).hexdigest()

    def metrics(self) -> Mapping[str, float]:
        """Return calls made, wrong ones among them, calls made again, what all cost, and the limits.

        Units: `latency` is in declared seconds; `calls_limit` is the most calls that are answered in an
               episode, `cost_limit` the most that so many can cost.
        """
        calls = min(self.call_budget, self.max_turns * self.parallel_calls)
        return {**self._figures, "calls_limit": float(calls), "cost_limit": self._dearest(calls)}

    def _dearest(self, calls: int) -> float:
        """Return what so many calls cost at most, within the budget of each tool."""
        dearest = sorted(map(terms_of, self.toolbox().values()), key=lambda terms: -terms.cost)
        total = 0.0
        for terms in dearest:
            made = min(calls, terms.budget or calls)
            total, calls = total + made * terms.cost, calls - made
        return total


@lru_cache(maxsize=256)
def _schema(method: Callable[..., Any]) -> dict[str, Any]:
    """Return the schema of a tool; making one takes longer than an episode's beginning should."""
    return schema(method)
