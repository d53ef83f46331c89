"""From the texts of a `game.tw-pddl` to a game; whatever is not of the ALFWorld domain is refused, with why.

A game brings its own domain and grammar. They are compared, comments and layout aside, with the one domain
and grammar that the engine plays; where the known editions differ (which sinks clean, what `help` says) the
game's own text decides.
"""

import hashlib
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from agentrl.errors import DataError, nearest
from agentrl_envs.alfworld.game import Dialect, Fact, Game, Goal, Kind

Expr = list[Any]
"""a list of words and lists: PDDL is Lisp"""

ARITY: Mapping[str, int] = {
    "atlocation": 2, "receptacleatlocation": 2, "objectatlocation": 2, "openable": 1, "opened": 1,
    "inreceptacle": 2, "isreceptacleobject": 1, "inreceptacleobject": 2, "isreceptacleobjectfull": 1,
    "wasinreceptacle": 2, "checked": 1, "examined": 1, "receptacletype": 2, "cancontain": 2, "objecttype": 2,
    "holds": 2, "holdsany": 1, "holdsanyreceptacleobject": 1, "full": 1, "isclean": 1, "cleanable": 1,
    "ishot": 1, "heatable": 1, "iscool": 1, "coolable": 1, "pickupable": 1, "moveable": 1, "toggleable": 1,
    "ison": 1, "istoggled": 1, "sliceable": 1, "issliced": 1,
}  # fmt: skip
"""the domain's predicates and how many arguments each takes"""
DEEPEST = 100
"""brackets open at once; the original's texts have 9"""
UNPLAYED = ("opened", "holds", "holdsany")
"""predicates that no game starts with"""
_TREATED = """(and (exists (?r - receptacle) (exists (?o - object)
    (and ({}able ?o) (objecttype ?o ITEM) (receptacletype ?r TARGET) (is{} ?o) (inreceptacle ?o ?r)))))"""
SHAPES: Mapping[Kind, str] = {
    "pick_and_place_simple": """(and (exists (?r - receptacle) (exists (?o - object)
        (and (inreceptacle ?o ?r) (objecttype ?o ITEM) (receptacletype ?r TARGET)))))""",
    "look_at_obj_in_light": """(and
        (exists (?ot - object ?r - receptacle ?a - agent ?l - location)
            (and (objecttype ?ot TARGET) (toggleable ?ot) (istoggled ?ot) (receptacleatlocation ?r ?l)
                (atlocation ?a ?l) (inreceptacle ?ot ?r)))
        (exists (?o - object ?a - agent) (and (objecttype ?o ITEM) (holds ?a ?o))))""",
    "pick_clean_then_place_in_recep": _TREATED.format("clean", "clean"),
    "pick_heat_then_place_in_recep": _TREATED.format("heat", "hot"),
    "pick_cool_then_place_in_recep": _TREATED.format("cool", "cool"),
    "pick_two_obj_and_place": """(and (exists (?r - receptacle) (exists (?o1 - object)
        (and (objecttype ?o1 ITEM) (receptacletype ?r TARGET) (inreceptacle ?o1 ?r)
            (exists (?o2 - object) (and (not (= ?o1 ?o2))
                (objecttype ?o2 ITEM) (receptacletype ?r TARGET) (inreceptacle ?o2 ?r)))))))""",
}
"""the six goals there are; ITEM and TARGET stand for types"""
DOMAIN = "342fa7d94a5d8979"
GRAMMAR = "15a27850c9c8fd5e"
"""fingerprints of the one domain and the one grammar, without what the editions differ in"""

_COMMENT = re.compile(";[^\n]*")
_COST = re.compile(r"\(=\s*\([^()]*\)[^()]*\)")
"""a cost or distance, the planner's business; they are most of a problem's text"""
_INIT = re.compile(r"\(:init((?:\s*\([^()]*\))*)")
"""facts, none of which has anything in brackets"""
_TASK = re.compile(r'Your task is to: ([^"\n]*)"')
_HELP = re.compile(r"\baction\s+help\s*\{.*?\n\}", re.DOTALL)
_SAYS = re.compile(r'(?:feedback\s*::|"rhs"\s*:)\s*"((?!#)[^"]*)"')
_OLDER = (
    ("You arrive at {lend.name}.", "You arrive at {r.name}."),
    ("put {o} in/on {r}", "move {o} to {r}"),
    ("You put the {o.name} in/on the {r.name}.", "You move the {o.name} to the {r.name}."),
)
"""what grammars before 0.4 say, and what they say since"""


def game(name: str, texts: Mapping[str, Any], place: str) -> Game:
    """Return the game that the texts of a `game.tw-pddl` describe; `place` names it in errors.

    Errors: DataError where a text is missing, cut off, or not of the ALFWorld domain.
    """
    for key in ("pddl_domain", "grammar", "pddl_problem"):
        if not isinstance(texts.get(key), str):
            raise DataError(
                f"{place}: no text '{key}'; a game.tw-pddl has pddl_domain, grammar, pddl_problem"
            )
    walk = texts.get("walkthrough") or ()
    if not isinstance(walk, list | tuple) or not all(isinstance(command, str) for command in walk):
        raise DataError(f"{place}: walkthrough is not a list of commands")
    try:
        sinks = _domain(texts["pddl_domain"])
        text, help_text, dialect = _grammar(texts["grammar"])
        facts, goal = problem(texts["pddl_problem"])
    except DataError as why:
        raise DataError(f"{place}: {why}") from None
    return Game(name, facts, goal, text, tuple(walk), help_text, sinks, dialect)


def problem(text: str) -> tuple[Mapping[str, tuple[Fact, ...]], Goal]:
    """Return the initial facts and the goal of a problem.

    Errors: DataError where it is cut off, of another domain, or starts or ends in a way the engine does not
            play.
    """
    text = _COST.sub("", _COMMENT.sub("", text)).lower()
    init = _INIT.search(text)
    plain, rest = (init[1], text[: init.start(1)] + text[init.end(1) :]) if init else ("", text)
    whole = expression(rest, "problem")
    if whole[:1] != ["define"]:
        raise DataError("the problem does not start with (define")
    sections = [part for part in whole[1:] if isinstance(part, list) and part]
    parts = {part[0]: part[1:] for part in sections if isinstance(part[0], str)}
    if parts.get(":domain") != ["alfred"]:
        raise DataError(f"the problem is of domain {_shown(parts.get(':domain'))}, not of alfred")
    for section in (":init", ":goal"):
        if section not in parts:
            raise DataError(f"the problem has no {section}")
    facts: dict[str, list[Fact]] = {}
    if parts[":init"]:
        raise DataError(f"{_shown(parts[':init'][0])} is no fact")
    for written in plain.split(")")[:-1]:
        predicate, words = _fact(written.lstrip(" \t\r\n("))
        facts.setdefault(predicate, []).append(words)
    known = {predicate: tuple(found) for predicate, found in facts.items()}
    _check(known)
    return known, _goal(parts[":goal"])


def expression(text: str, what: str) -> Expr:
    """Return the one expression of a text, in lower case; comments are left out.

    Errors: DataError where brackets do not match, naming `what` it is of.
    """
    stack: list[Expr] = [[]]
    for word in _COMMENT.sub("", text).lower().replace("(", " ( ").replace(")", " ) ").split():
        if word == "(":
            stack.append([])
            if len(stack) > DEEPEST:
                raise DataError(f"the {what} has more than {DEEPEST} brackets open at once")
        elif word != ")":
            stack[-1].append(word)
        elif len(stack) > 1:
            done = stack.pop()
            stack[-1].append(done)
        else:
            raise DataError(f"the {what} has a ) too many")
    if len(stack) > 1:
        raise DataError(f"the {what} is cut off: {len(stack) - 1} brackets are open at its end")
    if len(stack[0]) != 1 or not isinstance(stack[0][0], list):
        raise DataError(f"the {what} is not one bracketed expression")
    return stack[0][0]


@lru_cache(maxsize=16384)
def _fact(text: str) -> tuple[str, Fact]:
    """Return predicate and arguments of a fact without its brackets; most facts stand in many games."""
    fact = text.split()
    return _predicate(fact), tuple(fact[1:])


def _predicate(fact: list[str]) -> str:
    name = fact[0] if fact else ""
    if name not in ARITY:
        raise DataError(f"'{name}' is no predicate of the ALFWorld domain{nearest(name, ARITY)}")
    if len(fact) - 1 != ARITY[name]:
        raise DataError(f"{_shown(fact)}: {name} takes {ARITY[name]} arguments, not {len(fact) - 1}")
    if name in UNPLAYED:
        raise DataError(f"{_shown(fact)}: a game that starts like this is not played here")
    return name


def _check(facts: Mapping[str, tuple[Fact, ...]]) -> None:
    """Raise DataError where the facts do not make a room."""
    agents = facts.get("atlocation", ())
    if len(agents) != 1:
        raise DataError(f"{len(agents)} facts say where the agent is; there must be one")
    places = [receptacle for receptacle, _ in facts.get("receptacleatlocation", ())]
    if not places:
        raise DataError("there is no receptacle")
    twice = next((place for place in places if places.count(place) > 1), "")
    if twice:
        raise DataError(f"receptacle {twice} is at two locations")
    if agents[0][1] in {location for _, location in facts["receptacleatlocation"]}:
        raise DataError("the agent starts at a receptacle; games start in the middle of the room")
    typed = {receptacle for receptacle, _ in facts.get("receptacletype", ())}
    for place in places:
        if place not in typed:
            raise DataError(f"receptacle {place} has no type")
    things = [item for item, _ in (*facts.get("objecttype", ()), *facts.get("inreceptacle", ()))]
    for name in (*places, *things):
        if "_bar_" not in name[1:]:
            raise DataError(f"'{name}' has no class: ids are class_bar_position")
    for item, place in facts.get("inreceptacle", ()):
        if place not in typed:
            raise DataError(f"{item} lies in {place}, which has no type")


def _goal(found: Expr) -> Goal:
    for kind, shape in _shapes().items():
        bound: dict[str, str] = {}
        if len(found) == 1 and _fits(shape, found[0], bound):
            return Goal(kind, bound["item"], bound["target"])
    raise DataError(f"the goal is none of the six that ALFWorld has: {_shown(found)[:200]}")


@lru_cache(maxsize=1)
def _shapes() -> Mapping[Kind, Expr]:
    return {kind: expression(shape, "goal") for kind, shape in SHAPES.items()}


def _fits(shape: Any, found: Any, bound: dict[str, str]) -> bool:
    """Tell whether an expression has this shape, noting what stands for item and target."""
    if isinstance(shape, list):
        return (
            isinstance(found, list)
            and len(shape) == len(found)
            and all(_fits(a, b, bound) for a, b in zip(shape, found, strict=True))
        )
    if shape in ("item", "target"):
        return isinstance(found, str) and bound.setdefault(shape, found) == found
    return bool(shape == found)


@lru_cache(maxsize=8)
def _domain(text: str) -> frozenset[str]:
    """Return the types of receptacle at which a domain cleans, once it is known to be ALFWorld's."""
    whole = expression(text, "domain")
    sinks: set[str] = set()
    for part in whole:
        if isinstance(part, list) and part[:2] == [":action", "cleanobject"]:
            for inner in part[-3] if len(part) > 3 else ():
                if isinstance(inner, list) and inner[:1] == ["or"]:
                    sinks |= {option[2] for option in inner[1:] if len(option) == 3}
                    inner.clear()
    whole = [part for part in whole if part[:2] != [":action", "help"]]
    if _fingerprint(str(whole)) != DOMAIN:
        raise DataError(f"its domain {_shown(whole[1:2])} is not the ALFWorld domain that is played here")
    return frozenset(sinks)


def _grammar(text: str) -> tuple[str, str, Dialect]:
    """Return task, help and dialect of a grammar, once it is known to be ALFWorld's."""
    task = _TASK.search(text)
    if task is None:
        raise DataError("its grammar does not say what the task is")
    help_text, dialect = _edition(text[: task.start(1)] + text[task.end(1) :])
    return task[1], help_text, dialect


@lru_cache(maxsize=8)
def _edition(text: str) -> tuple[str, Dialect]:
    """Return help and dialect of a grammar whose task is cut out, once it is known to be ALFWorld's."""
    said = _HELP.search(text)
    says = _SAYS.search(said[0]) if said else None
    help_text = says[1].replace("\\n", "\n").removeprefix("\n") if says else ""
    plain = _HELP.sub("", text)
    modern = plain
    for older, newer in _OLDER:
        modern = modern.replace(older, newer)
    if _fingerprint(modern) != GRAMMAR:
        raise DataError("its grammar is not the ALFWorld grammar that is played here")
    return help_text, "0.4" if modern == plain else "0.3"


def _fingerprint(text: str) -> str:
    return hashlib.sha256(" ".join(text.split()).encode(errors="replace")).hexdigest()[:16]


def _shown(found: Any) -> str:
    if isinstance(found, list):
        return f"({' '.join(_shown(word) for word in found)})"
    return str(found)
