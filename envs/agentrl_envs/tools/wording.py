"""How facts and questions are put: in sentences, or in one fixed short form."""

from collections.abc import Sequence

from agentrl_envs.tools.world import Chain, Key, Question, Records

CHAINS = (
    "What is the {path}?",
    "Tell me the {path}.",
    "I would like to know the {path}.",
    "Please find out the {path}.",
)
PAIRS = (
    "What is the {one} times the {other}?",
    "Multiply the {one} by the {other}.",
    "Tell me the product of the {one} and the {other}.",
)


def titled(name: str) -> str:
    """Return a name as sentences write it.

    >>> titled("ada fox")
    'Ada Fox'
    """
    return name.title()


def asked(question: Question, wording: int) -> str:
    """Return the question as a sentence; which one, says `wording`."""
    paths = [_path(chain) for chain in question.chains]
    if question.sign:
        return PAIRS[wording % len(PAIRS)].format(one=paths[0], other=paths[1])
    return CHAINS[wording % len(CHAINS)].format(path=paths[0])


def fact(records: Records, key: Key, form: str) -> str:
    """Return a fact in words."""
    name, relation = key
    value = records.facts[key]
    if form == "line":
        return f"{name} {relation} is {value}"
    return f"The {relation} of {titled(name)} is {titled(value)}."


def facts(records: Records, keys: Sequence[Key], form: str) -> str:
    """Return several facts in words."""
    return (" , " if form == "line" else " ").join(fact(records, key, form) for key in keys)


def _path(chain: Chain) -> str:
    return " of the ".join(reversed(chain.relations)) + f" of {titled(chain.start)}"
