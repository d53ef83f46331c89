"""How facts and questions are put: in sentences, or in one fixed short form."""

from collections.abc import Mapping, Sequence

from agentrl_envs.tools.world import Chain, Key, Question, Records

CHAINS: Mapping[str, Sequence[str]] = {
    "train": (
        "What is the {path}?",
        "Tell me the {path}.",
        "I would like to know the {path}.",
        "Please find out the {path}.",
    ),
    "dev": ("Could you name the {path}?", "The {path} is wanted. Which is it?"),
    "test": ("Do you know the {path}?", "Somebody asked for the {path}; what shall I say?"),
}
"""by split: ways to ask for the end of a chain, none of them in two splits"""
PAIRS: Mapping[str, Sequence[str]] = {
    "train": (
        "What is the {one} times the {other}?",
        "Multiply the {one} by the {other}.",
        "Tell me the product of the {one} and the {other}.",
    ),
    "dev": ("How much is the {one} multiplied by the {other}?",),
    "test": ("Take the {one} times the {other}: what does that make?",),
}
"""by split: ways to ask for a product"""


def titled(name: str) -> str:
    """Return a name as sentences write it.

    >>> titled("ada fox")
    'Ada Fox'
    """
    return name.title()


def asked(question: Question, split: str, wording: int) -> str:
    """Return the question as a sentence of a split; which one, says `wording`."""
    paths = [_path(chain) for chain in question.chains]
    if question.sign:
        pairs = PAIRS[split]
        return pairs[wording % len(pairs)].format(one=paths[0], other=paths[1])
    chains = CHAINS[split]
    return chains[wording % len(chains)].format(path=paths[0])


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
