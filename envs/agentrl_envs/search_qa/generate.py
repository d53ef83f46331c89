"""A corpus of people, towns and firms, and questions about it, all from one seed.

No two splits share a name; they share the words that names are made of, and one corpus, so a search by half a
name finds others. A question follows one fact or two; its shortest plan is found by searching.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from agentrl.env import SPLITS, Split
from agentrl_envs.search_qa.options import Options
from agentrl_envs.search_qa.passages import Corpus, Passage, Question
from agentrl_envs.tools.names import FIRST, LAST, of_split

COUNTS: Mapping[Split, tuple[int, int]] = {"train": (330, 330), "dev": (60, 40), "test": (80, 60)}
"""people of a split, and towns and firms each"""
SIZES: Mapping[Split, int] = {"train": 2000, "dev": 150, "test": 200}
"""questions at most"""
_COLOURS = (
    "amber ashen azure black blue brass bronze coral crimson emerald golden green grey indigo ivory jade"
    " lilac olive pearl purple russet scarlet silver white"
)
_PLACES = (
    "bay bridge brook castle cliff cove cross dale falls ferry field ford gate glen harbour haven heath hill"
    " lake marsh mill moor port wood"
)
_THINGS = (
    "anchor anvil arrow barrel basket beacon bell boot candle chest compass crown drum feather hammer harp"
    " key ladder lantern lute oar plough shield wheel"
)
_RIVERS = (
    "alder arno brede cam dart exe fal goyt hodder irwell kent lune mole nidd ouse parrett rea soar tamar wye"
)
_GOODS = (
    "bells boats bread bricks candles chairs cheese clocks gloves hats honey ink kites lamps mirrors paper"
    " pianos ropes saddles sails shoes soap tea violins"
)
TELLS: Mapping[str, Sequence[str]] = {
    "town": ("{0} was born in {1}.", "The birthplace of {0} is {1}."),
    "firm": ("{0} works for {1}.", "The employer of {0} is {1}."),
    "teacher": ("{0} learnt the trade from {1}.", "The teacher of {0} was {1}."),
    "mayor": ("The mayor of {0} is {1}.", "{0} is governed by {1}, its mayor."),
    "river": ("{0} lies on the river {1}.", "The river {1} flows through {0}."),
    "year": ("{0} was founded in {1}.", "The history of {0} begins in {1}."),
    "founder": ("{0} was founded by {1}.", "The founder of {0} was {1}."),
    "seat": ("{0} has its seat in {1}.", "The workshops of {0} stand in {1}."),
    "goods": ("{0} makes {1}.", "{0} is known for its {1}."),
}
"""how a passage tells a fact"""
ASKS: Mapping[str, str] = {
    "town": "the town where {} was born",
    "firm": "the firm that {} works for",
    "teacher": "the teacher of {}",
    "mayor": "the mayor of {}",
    "river": "the river that flows through {}",
    "year": "the year in which {} was founded",
    "founder": "the founder of {}",
    "seat": "the town where {} has its seat",
    "goods": "the goods that {} makes",
}
"""how a question names what a fact leads to"""
WORDINGS = ("What is {}?", "Name {}.", "Find {}.", "Tell me {}.")


@dataclass(frozen=True, slots=True)
class Entity:
    """Somebody or something with a passage of its own."""

    name: str
    facts: Mapping[str, str]
    """relation to a name, a word or a number"""


def generated(options: Options) -> tuple[Corpus, dict[Split, list[Question]]]:
    """Return a corpus and the questions of each split, the same for the same options."""
    known = {split: _entities(split, options.world_seed) for split in SPLITS}
    corpus = Corpus([one for split in SPLITS for one in _passages(split, known[split], options)])
    return corpus, {split: list(_questions(split, known[split], corpus, options)) for split in SPLITS}


def names(split: Split, one: Sequence[str], other: Sequence[str]) -> list[str]:
    """Return the names of a split that two lists of words make."""
    return [f"{a} {b}" for i, a in enumerate(one) for j, b in enumerate(other) if of_split(i + j, split)]


def _entities(split: Split, seed: int) -> list[Entity]:
    """Return the people, towns and firms of a split, who know each other only."""
    dice = random.Random(f"search_qa/entities/{split}/{seed}")
    colours, (many, few) = _COLOURS.split(), COUNTS[split]
    people = dice.sample(names(split, FIRST, LAST), many)
    towns = dice.sample(names(split, colours, _PLACES.split()), few)
    firms = dice.sample(names(split, colours, _THINGS.split()), few)
    found = [
        Entity(
            name,
            {"town": dice.choice(towns), "firm": dice.choice(firms), "teacher": _other(people, name, dice)},
        )
        for name in people
    ]
    for name in towns:
        facts = {"mayor": dice.choice(people), "river": dice.choice(_RIVERS.split())}
        found.append(Entity(name, {**facts, "year": str(dice.randrange(1100, 1900))}))
    for name in firms:
        facts = {"founder": dice.choice(people), "seat": dice.choice(towns)}
        found.append(Entity(name, {**facts, "goods": dice.choice(_GOODS.split())}))
    return found


def _other(people: Sequence[str], name: str, dice: random.Random) -> str:
    return dice.choice([other for other in people if other != name])


def shown(value: str, form: str) -> str:
    """Return a name, word or number as a form writes it.

    >>> shown("ada fox", "text"), shown("bells", "text")
    ('Ada Fox', 'bells')
    """
    return value.title() if form == "text" and (" " in value or value in _RIVERS.split()) else value


def _passages(split: Split, entities: Sequence[Entity], options: Options) -> Iterator[Passage]:
    dice = random.Random(f"search_qa/passages/{split}/{options.world_seed}")
    for number, one in enumerate(entities):
        facts = list(one.facts.items())
        dice.shuffle(facts)
        name = f"{split}-{number:03}"
        if options.form == "line":
            told = " , ".join(f"{relation} {value}" for relation, value in facts)
            # The name is part of the text, as in sentences: a passage ranks above those that mention it.
            yield Passage(name, one.name, f"{one.name} : {told}")
            continue
        title = shown(one.name, "text")
        sentences = [dice.choice(TELLS[key]).format(title, shown(value, "text")) for key, value in facts]
        yield Passage(name, title, " ".join(sentences))


def _questions(
    split: Split, entities: Sequence[Entity], corpus: Corpus, options: Options
) -> Iterator[Question]:
    """Yield questions of one fact and of two by turns, each with its shortest plan."""
    dice = random.Random(f"search_qa/questions/{split}/{options.world_seed}")
    by_name = {one.name: one for one in entities}
    chains: list[list[tuple[str, ...]]] = [[], []]
    for one in entities:
        for relation, value in one.facts.items():
            chains[0].append((one.name, relation))
            following = by_name[value].facts if value in by_name else {}
            chains[1] += [(one.name, relation, then) for then, end in following.items() if end != one.name]
    for some in chains:
        dice.shuffle(some)
    made = 0
    for turn in range(sum(map(len, chains))):
        of_length = chains[turn % options.hops]
        if made == SIZES[split] or not of_length:
            return
        question = _question(of_length.pop(), by_name, corpus, options, dice)
        if question is not None:
            made += 1
            yield question


def _question(
    chain: tuple[str, ...],
    by_name: Mapping[str, Entity],
    corpus: Corpus,
    options: Options,
    dice: random.Random,
) -> Question | None:
    """Return the question at the end of a chain of facts; None where searches by name do not lead there."""
    at, *relations = chain
    path: list[str] = []
    for relation in relations:
        path.append(at)
        at = by_name[at].facts[relation]
    if options.form == "line":
        text = " ".join(chain)
    else:
        phrase = shown(chain[0], "text")
        for relation in relations:
            phrase = ASKS[relation].format(phrase)
        text = dice.choice(WORDINGS).format(phrase)
    titles = tuple(shown(name, options.form) for name in path)
    plan = shortest(text, titles, corpus, options.top)
    if plan is None:
        return None
    kind = "1 hop" if len(relations) == 1 else f"{len(relations)} hops"
    return Question(" ".join(chain), text, (shown(at, options.form),), kind, titles, plan)


def shortest(text: str, titles: Sequence[str], corpus: Corpus, top: int) -> tuple[str, ...] | None:
    """Return the fewest queries after which every passage with these titles was read, in their order.

    Whoever searches knows the question, the first title, and of the others those whose passage before was
    read; queries are such a title or the question as it is. None where they do not lead there.
    """
    tries: list[tuple[tuple[str, ...], frozenset[str]]] = [((), frozenset())]
    for _ in titles:
        nexts: list[tuple[tuple[str, ...], frozenset[str]]] = []
        for plan, read in tries:
            known = next((n for n, title in enumerate(titles) if title not in read), len(titles))
            for query in (*titles[: known + 1], text):
                seen = read | {one.title for one in corpus.found(query, top)}
                nexts.append(((*plan, query), seen))
        done = next((plan for plan, read in nexts if read.issuperset(titles)), None)
        if done is not None:
            return done
        tries = nexts
    return None
