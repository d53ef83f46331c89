"""Which keys a run has, and which one a word means."""

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any, get_type_hints

from agentrl.errors import AgentRLError, ConfigError, nearest
from agentrl.mixture import Mixture
from agentrl.offers import names
from agentrl.outline import outline
from agentrl.settings import Settings

if TYPE_CHECKING:
    from agentrl.algo import Algorithm
    from agentrl.env import TextEnv

GROUPS: Mapping[str, type[Any]] = {
    f.name: type(f.default) for f in fields(Settings) if is_dataclass(f.default)
}
"""the groups every run has: run, model, rollout, endpoint, learner, warm, eval, cluster"""
SHORT: Mapping[str, str] = {
    "env": "env.name",
    "algo": "algo.name",
    "model": "model.path",
    "rollout": "rollout.backend",
    "cluster": "cluster.kind",
}
"""what a group's bare name sets"""
NAMES = ("env.name", "algo.name")
REWARD = "reward."
"""before the name of a reward component: its weight"""


@dataclass(frozen=True, slots=True)
class Key:
    """One setting."""

    name: str
    """dotted"""
    hint: Any
    """its type"""
    default: Any = None
    required: bool = False
    """there is no default"""
    owner: type[Any] | None = None
    """the class whose field it is"""
    doc: str = ""
    """its meaning, where no text under the field says it"""


def general_keys() -> dict[str, Key]:
    """Return the keys of every run: the groups, and the names of environment and algorithm."""
    known = {name: Key(name, str) for name in NAMES}
    for group, cls in GROUPS.items():
        known.update(_of_class(group, cls))
    return known


def env_keys(cls: "type[TextEnv]") -> dict[str, Key]:
    """Return the keys of an environment: the fields of its Options, and `env.max_turns`.

    Edge: of several, `env.<label>.<field>`.
    """
    if issubclass(cls, Mixture):
        return {
            f"env.{label}.{key.name.removeprefix('env.')}": replace(
                key, name=f"env.{label}.{key.name.removeprefix('env.')}"
            )
            for label, member in cls.members.items()
            for key in env_keys(member).values()
        }
    turns = Key("env.max_turns", int, cls.max_turns, doc="turns after which an episode is cut off")
    return {"env.max_turns": turns, **_of_class("env", cls.Options)}


def algo_keys(cls: "type[Algorithm]") -> dict[str, Key]:
    """Return the keys of an algorithm: its fields."""
    return _of_class("algo", cls) if is_dataclass(cls) else {}


def _of_class(group: str, cls: type[Any]) -> dict[str, Key]:
    """Return a key for each field of a dataclass."""
    hints = get_type_hints(cls) if any(isinstance(f.type, str) for f in fields(cls)) else {}
    found = {}
    for f in fields(cls):
        name, hint = f"{group}.{f.name}", hints.get(f.name, f.type)
        if f.default_factory is not MISSING:
            found[name] = Key(name, hint, f.default_factory(), owner=cls)
        elif f.default is not MISSING:
            found[name] = Key(name, hint, f.default, owner=cls)
        else:
            found[name] = Key(name, hint, required=True, owner=cls)
    return found


def resolve(word: str, known: Mapping[str, Key], algo: str) -> str:
    """Return the dotted key that a word means.

    Errors: ConfigError where no group has it (with the nearest, and where it does exist), or several have.
    """
    if word in SHORT:
        return SHORT[word]
    if word in known or (word.startswith(REWARD) and len(word) > len(REWARD)):
        return word
    having = _having(word, known)
    if len(having) == 1:
        return having[0]
    if having:
        raise ConfigError(f"'{word}' could mean {' or '.join(having)}; write it in full")
    raise ConfigError(f"no setting '{word}'{_where(word, known, algo)}")


def _having(word: str, known: Iterable[str]) -> list[str]:
    """Return the dotted keys that end with `word`; the two names have short forms."""
    return [key for key in known if key.endswith(f".{word}") and key not in NAMES]


def _where(word: str, known: Mapping[str, Key], algo: str) -> str:
    """Return the rest of the sentence about an unknown key: where it does exist, or what is near."""
    last = word.rpartition(".")[2]
    group = word.rpartition(".")[0]
    having = _having(last, known)
    if having:
        return f"; there is {' and '.join(having)}"
    others = _algos_with(last) if group in ("", "algo") else []
    if others:
        verb = "has" if len(others) == 1 else "have"
        named = " and ".join([", ".join(others[:-1]), others[-1]]) if others[1:] else others[0]
        return f": algo '{algo}' has no {last}; {named} {verb} it"
    if not group:
        return nearest(word, [key.partition(".")[2] for key in known] + list(SHORT))
    members = (key.rpartition(".")[0] for key in known)  # of several environments: env.<label>
    groups = list(dict.fromkeys(["env", "algo", "reward", *GROUPS, *members]))
    if group not in groups:
        return f"; no group '{group}'{nearest(group, groups)} (there are: {', '.join(groups)})"
    if group == "reward":
        return "; a weight is written reward.NAME=1"
    has = [key.rpartition(".")[2] for key in known if key.rpartition(".")[0] == group and key not in NAMES]
    near = nearest(last, has).replace("'", f"'{group}.", 1)  # the whole key: it can be copied
    return near or f" ({group} has: {', '.join(has) or 'none'})"


def _algos_with(field: str) -> list[str]:
    """Return the installed algorithms that have a field, for a hint."""
    found = []
    for name in names("algos"):
        try:
            has = f"algo.{field}" in algo_keys(outline(name))
        except AgentRLError:  # a broken stranger is no help here, and not what the user asked about
            continue
        if has:
            found.append(name)
    return found
