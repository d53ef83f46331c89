"""The fewest calls that answer a question, found by trying: what tools tell is known, so nothing is declared.

A question is answered where its facts are known (shown, looked up, or by heart) and, for a number of two,
the calculation was made. Calls are made about names that were read.
"""

import heapq
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from itertools import count

from agentrl_envs.tools.names import CAPITALS
from agentrl_envs.tools.world import CAPITAL, Facts, Key, Question, Records, end_of, expression, keys_of

COST = {"lookup": 1.0, "search": 2.0, "calculate": 1.0}
"""what a call costs; among plans of as few calls the cheapest is meant"""


@dataclass(frozen=True, slots=True)
class Step:
    """One call of a plan."""

    tool: str
    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """What somebody knows in the middle of an episode."""

    facts: frozenset[Key]
    """which of the records"""
    calculated: bool = False
    """the calculation that the question asks for was made"""


def by_heart(question: Question, records: Records) -> frozenset[Key]:
    """Return the facts of a question that are the same in every episode."""
    keys = {key for chain in question.chains for key in keys_of(chain, records.facts)}
    return frozenset(key for key in keys if key[1] == CAPITAL)


def answered(question: Question, records: Records, known: Known) -> bool:
    """Tell whether the answer follows from what is known, with no further call."""
    facts = _readable(records, known)
    ends = [end_of(chain, facts) for chain in question.chains]
    return None not in ends and (known.calculated or not question.sign)


def shortest(records: Records, question: Question, known: Known, *, every: bool = False) -> tuple[Step, ...]:
    """Return the calls of the shortest plan, the cheapest of those, each about a name that was read before.

    Without `every`, only calls that tell the next fact of a chain are tried: who asks for a later one first
    cannot know yet whom it is about. That loses nothing, as calls can be put in the order of the chain. With
    `every`, all calls about all names that were read are tried, which a test compares.
    """
    number = count()
    queue: list[tuple[int, float, int, Known, tuple[Step, ...]]] = [(0, 0.0, next(number), known, ())]
    seen: set[Known] = set()
    while queue:
        calls, cost, _, state, plan = heapq.heappop(queue)
        if answered(question, records, state):
            return plan
        if state in seen:
            continue
        seen.add(state)
        for step, then in _moves(
            records, question, state, None if every else _next(records, question, state)
        ):
            paid = cost + COST[step.tool]
            heapq.heappush(queue, (calls + 1, paid, next(number), then, (*plan, step)))
    raise AssertionError(f"no plan answers {question.line}")


def _next(records: Records, question: Question, known: Known) -> Set[Key]:
    """Return the first fact of each chain that is not known."""
    facts = _readable(records, known)
    return {keys_of(chain, facts)[-1] for chain in question.chains} - known.facts


def _moves(
    records: Records, question: Question, known: Known, telling: Set[Key] | None
) -> Iterator[tuple[Step, Known]]:
    """Yield each call that can be made, with what is known after it; only those `telling` such a fact."""
    facts = _readable(records, known)
    names = {chain.start for chain in question.chains} | {key[0] for key in facts} | set(facts.values())
    who = names & ({*records.people, *CAPITALS} if telling is None else {key[0] for key in telling})
    for name in sorted(who):
        own = records.of(name)
        for key in own if telling is None else own.keys() & telling:
            yield Step("lookup", key), Known(known.facts | {key}, known.calculated)
        yield Step("search", (name,)), Known(known.facts.union(own), known.calculated)
    task = expression(question, facts)
    if task is not None and not known.calculated:
        yield Step("calculate", (task,)), Known(known.facts, True)


def _readable(records: Records, known: Known) -> Mapping[Key, str]:
    return {key: records.facts[key] for key in known.facts}


__all__ = ["COST", "Facts", "Known", "Step", "answered", "by_heart", "shortest"]
