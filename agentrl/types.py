"""The data handed from stage to stage: frozen, standard library only, picklable.

A rollout turns a `Task` into a `Trajectory` of `Turn`s. Token ids and behaviour log-probabilities are
kept exactly as the sampler gave them; nothing is ever tokenised again (token-in, token-out).
"""

import hashlib
import json
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

Scored = Literal["success", "failure", "turn_limit", "token_limit"]
Outcome = Literal[Scored, "environment_error", "deadline", "abandoned"]
"""How an episode ended. The last three leave the group's statistics."""
UNSCORABLE: frozenset[str] = frozenset({"environment_error", "deadline", "abandoned"})
"""Outcomes that say nothing about the policy."""


def ids32(values: Sequence[int] = ()) -> "array[int]":
    """Return token ids as a compact int32 array."""
    return array("i", values)


def floats32(values: Sequence[float] = ()) -> "array[float]":
    """Return log-probabilities as a compact float32 array."""
    return array("f", values)


@dataclass(frozen=True, slots=True)
class Task:
    """One thing to do: everything an episode depends on beside the agent."""

    id: str
    """unique inside its panel"""
    split: str
    """train, dev or test"""
    seed: int
    """the only source of randomness of the environment"""
    data: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """whatever the environment needs; JSON values"""

    def __hash__(self) -> int:
        """Tasks are equal by content and hashed by name."""
        return hash((self.id, self.split, self.seed))


@dataclass(frozen=True, slots=True)
class Panel:
    """An ordered list of tasks whose name and hash are printed with every score."""

    name: str
    tasks: tuple[Task, ...]

    @property
    def hash(self) -> str:
        """Twelve hex digits of the SHA-256 of every task, in order."""
        digest = hashlib.sha256()
        for task in self.tasks:
            record = [task.id, task.split, task.seed, task.data]
            digest.update(json.dumps(record, sort_keys=True, default=str).encode())
        return digest.hexdigest()[:12]

    def __len__(self) -> int:
        return len(self.tasks)

    def __iter__(self) -> Iterator[Task]:
        return iter(self.tasks)

    def __getitem__(self, index: int) -> Task:
        return self.tasks[index]


@dataclass(frozen=True, slots=True)
class Sampling:
    """How tokens were, or are to be, drawn."""

    temperature: float = 1.0
    """0 is greedy"""
    top_p: float = 1.0
    top_k: int = 0
    """0 is off"""
    max_tokens: int = 32
    """per turn, end token included"""
    processed: bool = True
    """log-probabilities are those after temperature and truncation (else the model's own)"""


@dataclass(frozen=True, slots=True)
class Turn:
    """What the agent read, what it wrote, what that earned."""

    observation: str
    """the environment's text, before any prompt is put around it"""
    prompt_ids: "array[int]"
    """tokens put before the action: a whole prompt where `fresh`, else only what was added since"""
    action_ids: "array[int]"
    """tokens as sampled, end token included"""
    logprobs: "array[float]"
    """behaviour log-probability of every action token, natural logarithm"""
    text: str
    """the reply, decoded"""
    action: str
    """what the parser took from the reply and the environment was given"""
    rewards: Mapping[str, float]
    """named reward components of this turn, unweighted"""
    state_key: str
    """names the state acted in; equal keys inside a group are one anchor"""
    fresh: bool = True
    """the prompt starts a new segment (always so in window mode)"""
    format_valid: bool = True
    """an action could be parsed"""
    admissible: bool = True
    """the environment could use it"""
    versions: tuple[tuple[int, int], ...] = ()
    """(weights version, number of tokens) runs over the action"""
    sampling: Sampling = Sampling()
    calls: tuple[Mapping[str, Any], ...] = ()
    """tool calls made in this turn"""
    seconds: float = 0.0
    """wall time of the environment's answer"""

    @property
    def valid(self) -> bool:
        """The reply could be parsed and used."""
        return self.format_valid and self.admissible


@dataclass(frozen=True, slots=True)
class Trajectory:
    """One episode."""

    task: Task
    group: str
    """trajectories with equal group share task and start"""
    sample: int
    """number inside the group"""
    turns: tuple[Turn, ...]
    outcome: Outcome
    reason: str = ""
    terminated: bool = False
    """the task itself ended"""
    truncated: bool = False
    """a limit ended it"""
    ret: float = 0.0
    """weighted sum of all rewards: what credit uses"""
    score: float = 0.0
    """in [0, 1]: what reports show, never shaped"""
    success: bool = False
    metrics: Mapping[str, float] = field(default_factory=dict[str, float])
    seed: int = 0
    """run seed its sampling came from"""
    final_state: Any = None
    """what the environment says the world was left in; JSON values"""

    @property
    def scorable(self) -> bool:
        """The outcome says something about the policy."""
        return self.outcome not in UNSCORABLE


@dataclass(frozen=True, slots=True)
class Group:
    """Episodes of one task from one start."""

    task: Task
    trajectories: tuple[Trajectory, ...]


@dataclass(frozen=True, slots=True)
class Node:
    """One action in a tree of restored states."""

    parent: int
    """index of the node before, -1 at the root's children"""
    turn: Turn
    visits: int = 0
    """N"""
    q: float = 0.0
    """Q of taking the action"""
    value: float = 0.0
    """V of the state it leads to"""
    reward: float = 0.0
    prior: float = 1.0
    terminal: bool = False
    outcome: Outcome | None = None
    score: float = 0.0
    """score in [0, 1] of the episode that ended here"""
    confidence: float = 1.0
    """chance, by the sampler's own word, that the action was right; 1 where it was not asked"""


@dataclass(frozen=True, slots=True)
class Tree:
    """A task explored by branching; nodes in order of creation, parents before children."""

    task: Task
    nodes: tuple[Node, ...]
    way: tuple[int, ...] = ()
    """the nodes that a search went along, from the root on"""

    def children(self, parent: int) -> list[int]:
        """Return the indices of the nodes whose parent is `parent` (-1: the root's)."""
        return [i for i, node in enumerate(self.nodes) if node.parent == parent]

    def path(self, index: int) -> list[int]:
        """Return the node indices from the root to `index`."""
        steps: list[int] = []
        while index >= 0:
            steps.append(index)
            index = self.nodes[index].parent
        return steps[::-1]


@dataclass(frozen=True, slots=True)
class Structure:
    """The only form that a reply may have: a sampler that can enforce it masks every token that breaks it."""

    kind: Literal["choice", "regex", "json"]
    spec: Any
    """choice: list of texts; regex: pattern; json: JSON schema"""


@dataclass(frozen=True, slots=True)
class Request:
    """One reply wanted from a sampler."""

    prompt: "array[int]"
    """the whole context, ids"""
    key: tuple[int, ...]
    """names the random stream: (run seed, task number, sample, turn); never batching"""
    session: int = -1
    """episodes with the same session extend one context, so a cache may be kept; -1: none"""
    structure: Structure | None = None
    """the form the reply must have; None: free text"""


@dataclass(frozen=True, slots=True)
class Sample:
    """One reply from a sampler."""

    ids: "array[int]"
    logprobs: "array[float]"
    stop: Literal["stop", "length"]
    """an end token was drawn (it is in `ids`), or `max_tokens` ran out"""
    version: int = 0


class Sampler(Protocol):
    """Whatever turns contexts into replies: ids in, ids and log-probabilities out."""

    version: int
    """of the weights it samples from"""

    def generate(self, requests: Sequence[Request], sampling: Sampling) -> list[Sample]:
        """Return one sample a request, in order."""
        ...

    def score(
        self, requests: Sequence[Request], options: Sequence[Sequence["array[int]"]]
    ) -> list[list[float]]:
        """Return, for each request, the summed log-probability of each of its options as the next tokens."""
        ...

    def load_weights(self, weights: Iterable[tuple[str, Any]], version: int) -> None:
        """Take the weights of a new version by name, the output head under its own name even where tied."""
        ...

    def forget(self, sessions: Sequence[int]) -> None:
        """Drop whatever is cached for these sessions."""
        ...

    def rest(self) -> None:
        """Give memory back until the next request, where the device can: the learner is about to step."""
        ...

    def close(self) -> None:
        """Give back what it holds."""
        ...


class Streaming(Sampler, Protocol):
    """A sampler that takes requests at any time and hands each reply out as soon as it is done."""

    def submit(self, ticket: int, request: Request, sampling: Sampling) -> None:
        """Take a request; `ticket` names its reply."""
        ...

    def advance(self) -> list[tuple[int, Sample]]:
        """Work for a moment; return the replies that were finished, maybe none."""
        ...


class Completer(Protocol):
    """A language model as a plain function, for judges and simulated users."""

    def __call__(self, messages: Sequence[Mapping[str, str]], *, max_tokens: int, seed: int) -> str:
        """Return the assistant's reply."""
        ...
