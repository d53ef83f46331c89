"""Problems without any data: chains of operations on numbers, lists and texts.

A problem is a function of split, place in the split, seed, difficulty and `VERSION`, and of nothing else.
What a chain does decides its split: no function that is tested is trained on under another wording, as far
as 40 inputs tell functions apart.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, reduce
from itertools import islice
from random import Random
from typing import Any

from agentrl.env import Split
from agentrl_envs.code.holes import tried
from agentrl_envs.code.operations import PATTERNS, Kind, Operation
from agentrl_envs.code.problem import Problem

VERSION = 1
"""of what is generated; goes up when any problem changes"""
FAMILIES: Mapping[str, tuple[Kind, tuple[str, ...], str]] = {
    "numbers": ("numbers", ("a", "b"), "two whole numbers, a and b"),
    "lists": ("list", ("xs",), "a list of whole numbers, xs"),
    "texts": ("text", ("s",), "a text, s"),
}
"""what a chain begins with, the names of the arguments, these in words"""
PUBLIC, HIDDEN = 2, 8
"""tests of a problem"""
MOST = 10**6
"""absolute value of the largest number in a test"""
_SHARES: Sequence[Split] = ("train",) * 7 + ("dev",) + ("test",) * 2
_TRIES = 5000
"""chains drawn in a row without a new problem, after which the supply counts as used up"""
_WORDS = (
    "apple", "banana", "orange", "lemon", "melon", "peach", "cherry", "mango", "onion", "carrot",
    "potato", "tomato", "pepper", "celery", "garlic", "butter", "cheese", "bread", "honey", "sugar",
    "table", "window", "garden", "pencil", "paper", "candle", "basket", "bottle", "ladder", "hammer",
    "needle", "button", "ribbon", "saddle", "kettle", "mirror", "pillow", "anchor", "engine", "rocket",
    "planet", "meteor", "island", "canyon", "desert", "forest", "meadow", "valley", "harbor", "tunnel",
    "bridge", "castle",
)  # fmt: skip


def problems(split: Split, count: int, difficulty: int, seed: int) -> tuple[Problem, ...]:
    """Return the first so many problems of a split; fewer where no more can be told apart.

    Edge: asking for more leaves the first ones as they are.
    """
    return tuple(islice(_supply(split, difficulty, seed), count))


def _supply(split: Split, difficulty: int, seed: int) -> Iterator[Problem]:
    dice = Random(f"code/{VERSION}/{seed}/{difficulty}/{split}")
    seen, drawn = set[str](), set[str]()
    idle = 0
    while idle < _TRIES:
        idle += 1
        family = dice.choice(list(FAMILIES))
        chain = _chain(FAMILIES[family][0], dice.randint(1, difficulty), dice)
        if (text := written(chain, family)) in drawn:
            continue
        drawn.add(text)
        does = behaviour(family, chain)
        if does in seen or _SHARES[int(does[:8], 16) % len(_SHARES)] != split:
            continue
        made = _problem(f"{split}-{len(seen)}", family, chain, dice)
        if made is not None:
            seen.add(does)
            idle = 0
            yield made


def _chain(kind: Kind, length: int, dice: Random) -> tuple[Operation, ...]:
    """Return operations that fit one behind the other; shorter where nothing fits any more."""
    found: list[Operation] = []
    while len(found) < length:
        fitting = [pattern for pattern in PATTERNS if pattern.takes == kind]
        operation = dice.choice(fitting).drawn(dice)
        found.append(operation)
        kind = operation.gives
    return tuple(found)


def _input(family: str, dice: Random) -> tuple[Any, ...]:
    """Return arguments of a call."""
    if family == "numbers":
        return dice.randint(1, 20), dice.randint(1, 20)
    if family == "lists":
        return ([dice.randint(0, 9) for _ in range(dice.randint(3, 6))],)
    return (dice.choice(_WORDS),)


def _outcome(chain: Sequence[Operation], arguments: tuple[Any, ...]) -> Any:
    """Return what a chain makes of arguments; None where it comes to nothing that a test should hold."""
    start = arguments if len(arguments) > 1 else arguments[0]
    try:
        value = reduce(lambda value, operation: operation.does(value), chain, start)
    except (IndexError, TypeError, ValueError):
        return None
    numbers = value if isinstance(value, list) else [value]
    large = any(isinstance(x, int) and abs(x) > MOST for x in numbers)
    return None if large or value in ([], "") else value


@cache
def _battery(family: str) -> tuple[tuple[Any, ...], ...]:
    """Return the inputs by which functions are told apart."""
    dice = Random(f"code/{family}/inputs")
    return tuple(_input(family, dice) for _ in range(40))


def behaviour(family: str, chain: Sequence[Operation]) -> str:
    """Return a name of the function that a chain is: equal for equal functions."""
    outcomes = [_outcome(chain, arguments) for arguments in _battery(family)]
    return hashlib.sha256(f"{family}{outcomes}".encode()).hexdigest()


def written(chain: Sequence[Operation], family: str, slips: frozenset[int] = frozenset()) -> str:
    """Return a chain as an expression, with the usual mistake in the operations numbered in `slips`."""
    text = FAMILIES[family][1][0]
    for number, operation in enumerate(chain):
        text = (operation.slip if number in slips else operation.code).replace("{}", text)
    return text


def _problem(name: str, family: str, chain: tuple[Operation, ...], dice: Random) -> Problem | None:
    """Return a chain as a problem; None where its tests would not notice a mistake."""
    names = FAMILIES[family][1]
    tests: dict[str, dict[str, Any]] = {}
    for _ in range(4 * (PUBLIC + HIDDEN)):
        arguments = _input(family, dice)
        outcome = _outcome(chain, arguments)
        if outcome is not None:
            tests[repr(arguments)] = {"args": list(arguments), "returns": outcome}
    cases = list(tests.values())[: PUBLIC + HIDDEN]
    public, hidden = cases[:PUBLIC], cases[PUBLIC:]
    if len(cases) < PUBLIC + HIDDEN or len({repr(case["returns"]) for case in hidden}) < 3:
        return None
    right = written(chain, family)
    if not tried(right, names, cases).passed:
        raise AssertionError(f"{name}: words and code of {right} differ")
    shorter = (chain[:i] + chain[i + 1 :] for i in range(len(chain)) if len(chain) > 1)
    wrong = [written(chain, family, frozenset([i])) for i in range(len(chain))]
    wrong += [written(rest, family) for rest in shorter]
    if any(tried(text, names, hidden).passed for text in wrong):
        return None
    steps = "; ".join(operation.words for operation in chain)
    signature = f"def solve({', '.join(names)}):"
    return Problem(
        name,
        family,
        f"Write a Python function solve({', '.join(names)}) of {FAMILIES[family][2]}. Step by step: {steps}."
        " Return the result.",
        "solve",
        public,
        hidden,
        signature,
        reference=f"{signature}\n    return {right}\n",
        chain=chain,
    )
