"""Several environments in one run: `env=webshop:2,math:1`.

A mixture is an environment whose tasks are those of its members, told apart by the beginning of their ids;
an episode is the member's own. What a member may be set is a setting of the run: `env.math.max_turns=4`.
"""

import math
import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import zip_longest
from pathlib import Path
from typing import Any, ClassVar

from agentrl.brought import TINY
from agentrl.env import Player, PlayerKind, Reply, Split, TextEnv
from agentrl.errors import ConfigError, EpisodeError
from agentrl.types import Panel, Structure, Task

KIND = "kind"
"""of a mixture's task: its environment; a kind that the task had is kept as `<label>.kind`"""
RATES = ("learner.", "algo.", "eval.")
"""where members ask the tiny model for different numbers, the smallest of these counts, else the largest"""


@dataclass(frozen=True, slots=True)
class Part:
    """A member as it is named."""

    label: str
    """how metrics and settings call it"""
    name: str
    """registered, or a file's"""
    weight: float = 1.0
    """its share of the task groups of an iteration, beside the others' weights"""

    def __str__(self) -> str:
        label = "" if self.label == _label(self.name) else f"{self.label}="
        return f"{label}{self.name}:{self.weight:g}"


Member = tuple[str, type[TextEnv]]
"""label and class"""


def is_mixture(name: str) -> bool:
    """Tell the name of several environments from that of one."""
    return "," in name


def parts(text: str) -> tuple[Part, ...]:
    """Return the members that a text names: `webshop:2,math`, `easy=math:1,hard=math:3`, `./mine.py:2,guess`.

    Errors: ConfigError for a weight that is no share, and for two members of one label.

    >>> [str(part) for part in parts("./shop.py:Shop:2,hard=math")]
    ['./shop.py:Shop:2', 'hard=math:1']
    """
    found: list[Part] = []
    for word in (word.strip() for word in text.split(",")):
        label, equals, rest = word.rpartition("=")
        name, colon, tail = rest.rpartition(":")
        weight = _number(tail) if colon else None
        name, weight = (rest, 1.0) if weight is None else (name, weight)
        label = label if equals else _label(name)
        if not name or not label or "." in label or "/" in label:
            raise ConfigError(
                f"env={text}: '{word}' is not of the form NAME, NAME:WEIGHT or LABEL=NAME:WEIGHT"
            )
        if not 0 < weight < math.inf:
            raise ConfigError(f"env={text}: the weight of '{label}' is {weight:g}; a share is above 0")
        if label in [part.label for part in found]:
            raise ConfigError(f"env={text}: '{label}' stands there twice; name one of them: other={name}")
        found.append(Part(label, name, weight))
    return tuple(found)


def spelled(members: Sequence[Part]) -> str:
    """Return the text that names these members."""
    return ",".join(map(str, members))


def weights(name: str) -> dict[str, float]:
    """Return label and weight of each member; of an environment that is no mixture one without a label."""
    return {part.label: part.weight for part in parts(name)} if is_mixture(name) else {"": 1.0}


def label_of(task: Task, labels: Mapping[str, float]) -> str:
    """Return which of these members a task belongs to."""
    return "" if "" in labels else task.id.partition("/")[0]


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _label(name: str) -> str:
    """Return what a member is called by itself: its name, or its file's."""
    file = name.partition(":")[0]
    return Path(file).stem if file.endswith(".py") else name


class Mixture(TextEnv):
    """Play the tasks of several environments, each by its own rules."""

    members: ClassVar[Mapping[str, type[TextEnv]]] = {}

    def __init__(self, split: Split = "train", **options: Any) -> None:
        super().__init__(split)
        self._given: dict[str, dict[str, Any]] = {label: {} for label in self.members}
        for key, value in options.items():
            label, _, name = key.partition(".")
            if label not in self.members or not name:
                raise ConfigError(
                    f"env '{self.name}' has no option '{key}' (members: {', '.join(self.members)})"
                )
            self._given[label][name] = value
        self._made: dict[str, TextEnv] = {}
        self._now: TextEnv | None = None
        """who plays the episode that has begun"""

    def _member(self, label: str) -> TextEnv:
        if label not in self.members:
            raise EpisodeError(f"task of '{label}', which is no member of env '{self.name}'")
        if label not in self._made:
            self._made[label] = self.members[label](self.split, **self._given[label])
        return self._made[label]

    @property
    def _playing(self) -> TextEnv:
        if self._now is None:
            raise EpisodeError("nothing was begun; call reset() first")
        return self._now

    def tasks(self, split: Split) -> Panel:
        """Return the members' panels, one task of each in turn for as long as they have any."""
        panels = {label: self._member(label).tasks(split) for label in self.members}
        columns = ([_ours(label, task) for task in panel] for label, panel in panels.items())
        tasks = tuple(task for row in zip_longest(*columns) for task in row if task is not None)
        return Panel(" + ".join(panel.name for panel in panels.values()), tasks)

    def begin(self, task: Task) -> str:
        """Refuse: only `reset` begins an episode here."""
        raise EpisodeError("a mixture begins with reset")

    def act(self, action: str) -> Reply:
        """Refuse: only `step` acts here."""
        raise EpisodeError("a mixture acts by step")

    def _start(self, task: Task) -> tuple[str, dict[str, Any]]:
        label, own = _theirs(task)
        member = self._member(label)
        self.task, self._now, self.max_turns = task, member, member.max_turns
        observation, info = member.reset(options={"task": own})
        return observation, {**info, "task": task.id}

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        """Do one action; return observation, reward, terminated, truncated, info."""
        observation, reward, terminated, truncated, info = self._playing.step(action)
        assert self.task is not None
        return observation, reward, terminated, truncated, {**info, "task": self.task.id}

    def snapshot(self) -> bytes:
        """Return the episode as bytes that `restore` takes, in this or another process."""
        return pickle.dumps((self.task, self._playing.snapshot()), protocol=5)

    def restore(self, snapshot: bytes) -> tuple[str, dict[str, Any]]:
        """Return to a snapshot; return its observation and info."""
        task, inside = pickle.loads(snapshot)
        member = self._member(_theirs(task)[0])
        self.task, self._now, self.max_turns = task, member, member.max_turns
        observation, info = member.restore(inside)
        return observation, {**info, "task": task.id}

    def instructions(self) -> str:
        """Return the rules of the episode that has begun; those of every member before."""
        members = [self._now] if self._now else [self._member(label) for label in self.members]
        return "\n\n".join(member.instructions() for member in members)

    def goal(self) -> str:
        """Return the task in words."""
        return self._now.goal() if self._now else ""

    def tools(self) -> list[dict[str, Any]]:
        """Return the tools of the episode that has begun."""
        return self._now.tools() if self._now else []

    def admissible(self) -> list[str] | None:
        """Return every action that is of use now, or None where they cannot be listed."""
        return self._playing.admissible()

    def structure(self) -> Structure | None:
        """Return the only form that the next reply may have; None: any."""
        return self._playing.structure()

    def state_key(self) -> str:
        """Return a name of the current state."""
        return self._playing.state_key()

    def player(self, kind: PlayerKind, seed: int) -> Player:
        """Return the member's player of the episode that has begun."""
        return self._playing.player(kind, seed)

    def metrics(self) -> Mapping[str, float]:
        """Return the member's figures of the episode."""
        return self._playing.metrics()

    def final_state(self) -> Any:
        """Return what the world was left in."""
        return self._playing.final_state()

    def render(self) -> str:
        """Return the current observation."""
        return self._playing.render() or ""

    def close(self) -> None:
        """Close the members."""
        for member in self._made.values():
            member.close()

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as the classes of its members and what it holds."""
        return _again, (self.name, tuple(self.members.items())), self.__dict__


def _again(name: str, members: tuple[Member, ...]) -> Mixture:
    cls = mixed(name, members)
    return cls.__new__(cls)


@lru_cache(maxsize=32)
def mixed(name: str, members: tuple[Member, ...]) -> type[Mixture]:
    """Return the environment class of a mixture."""
    kinds = {cls.restorable for _, cls in members}
    made = {
        "__doc__": f"{Mixture.__doc__}\n\nMembers: {', '.join(label for label, _ in members)}.",
        "__module__": Mixture.__module__,
        "name": name,
        "members": dict(members),
        "tiny": _wishes(members),
        "restorable": "no" if "no" in kinds else "exact" if kinds == {"exact"} else "replay",
    }
    return type("Mixture", (Mixture,), made)


def _wishes(members: Sequence[Member]) -> dict[str, Any]:
    """Return what the members ask of the tiny model; where numbers differ, one that suits them all."""
    found: dict[str, Any] = {}
    for label, cls in members:
        for key, wish in cls.tiny.items():
            if key.startswith("env."):
                found[f"env.{label}.{key.removeprefix('env.')}"] = wish
            else:
                asked = [v for _, other in members if (v := other.tiny.get(key, TINY.get(key))) is not None]
                numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in asked)
                best = min if key.startswith(RATES) else max
                found.setdefault(key, best(asked) if numbers else wish)
    return found


def _ours(label: str, task: Task) -> Task:
    """Return a member's task as one of the mixture."""
    own = {f"{label}.{KIND}": task.data[KIND]} if KIND in task.data else {}
    return replace(task, id=f"{label}/{task.id}", data={**task.data, KIND: label, **own})


def _theirs(task: Task) -> tuple[str, Task]:
    """Return the member that a task of the mixture is of, and the task as it knows it."""
    label, _, name = task.id.partition("/")
    data = {key: value for key, value in task.data.items() if key not in (KIND, f"{label}.{KIND}")}
    if f"{label}.{KIND}" in task.data:
        data[KIND] = task.data[f"{label}.{KIND}"]
    return label, replace(task, id=name, data=data)
