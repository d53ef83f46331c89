"""The contract of an algorithm: what to collect, which credit, which loss, which extra columns.

An algorithm is a frozen dataclass of hyper-parameters with three short methods. It sees token tables and
returns tensors; it never loops, samples, tokenises or steps an optimiser.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from agentrl.errors import ConfigError
from agentrl.types import Tree

if TYPE_CHECKING:
    from torch import Tensor

    from agentrl.batch import TokenTable

AlgoState = dict[str, Any]
"""Running means, coefficients, memories: plain JSON data, checkpointed, passed in and returned."""


@dataclass(frozen=True, slots=True)
class Groups:
    """Play `size` fresh episodes of each task, all from the same start."""

    size: int
    replace: int = 0
    """rounds of further tasks in place of groups whose episodes all earned the same; 0: keep those"""
    pairs: Literal["none", "best_worst", "all"] = "none"
    """which episodes of a group are put in pairs, the one with the higher return preferred"""
    gap: float = 0.0
    """least difference of returns in a pair"""
    shown: int = 0
    """episodes of the environment's demonstrator beside those of each task; they are told apart by 1 in the
    measure `demonstration`, and count in no metric of the policy"""


@dataclass(frozen=True, slots=True)
class Stored:
    """Collect episodes before the first iteration of each round, then train on them offline."""

    source: Literal["policy", "demonstrator"]
    per_task: int
    """episodes a task"""
    batch: int
    """trajectories an iteration"""
    only: Literal["all", "success"] = "all"
    rounds: int = 1
    """into so many the run's iterations are divided; each plays anew, by the policy as it then is"""


@dataclass(frozen=True, slots=True)
class Branches:
    """Play an episode, return to states on its way, and play alternatives from there to the end."""

    width: int
    """actions compared in a state"""
    points: int
    """states of the first episode that are branched"""


@dataclass(frozen=True, slots=True)
class Searched:
    """Grow a tree of turns from each task's start by search, and go along its best actions to an end."""

    search: Literal["mcts", "best_first", "beam"] = "mcts"
    """mcts: move by move; best_first: from the likeliest state on; beam: some states of each depth"""
    walks: int = 16
    """mcts: iterations before a move, four times as many before the first; best_first: states expanded"""
    depth: int = 3
    """turns that a search looks ahead; best_first, beam: turns in all"""
    actions_root: int = 4
    """actions sampled in the first state"""
    actions: int = 2
    """actions sampled in every other state"""
    select: Literal["puct", "ucb1"] = "puct"
    """mcts: which child a walk goes to"""
    exploration: float = 1.0
    """mcts: weight of what is little known"""
    width: int = 2
    """beam: states kept at each depth"""
    length_penalty: float = 1.25
    """power of an action's length that its log-probability is divided by where it tells how likely it is"""
    self_evaluation: bool = False
    """the policy is asked of every action whether it was right"""


@dataclass(frozen=True, slots=True)
class Play:
    """Train nothing: a scripted player is measured."""

    kind: Literal["random", "expert"]


Plan = Groups | Stored | Branches | Searched | Play


@dataclass(frozen=True, slots=True)
class Preference:
    """Two actions of a tree from the same state."""

    chosen: int
    """index of the better node"""
    rejected: int
    weight: float = 1.0
    margin: float = 0.0
    smoothing: float = 0.0
    """chance that it is the other way round"""
    shared: int = 0
    """leading tokens that both have and that do not count"""


@dataclass(frozen=True, slots=True)
class TurnCredit:
    """One number a turn, given to each of its tokens."""

    value: "Tensor"
    """[S]"""
    parts: "Mapping[str, Tensor]" = field(default_factory=dict)
    """named terms that add up to it, [S] each, for the eye"""
    columns: "Mapping[str, Tensor]" = field(default_factory=dict)
    """further columns for the loss, [N] each"""


@dataclass(frozen=True, slots=True)
class TokenCredit:
    """One number a token."""

    value: "Tensor"
    """[N]"""
    returns: "Tensor | None" = None
    """[N] what a critic is to predict, or [N, heads]"""
    parts: "Mapping[str, Tensor]" = field(default_factory=dict)
    columns: "Mapping[str, Tensor]" = field(default_factory=dict)
    """further columns for the loss, [N] each"""


@dataclass(frozen=True, slots=True)
class Losses:
    """Losses by the model they train.

    Of a separable algorithm each is [N], a number a token, and the learner weighs and adds them; of a
    coupled one each is a scalar over the whole optimiser step.
    """

    policy: "Tensor | None" = None
    critic: "Tensor | None" = None
    metrics: "Mapping[str, Tensor]" = field(default_factory=dict)
    """detached; [N] (its mean is logged) or a scalar"""


class Algorithm:
    """Base of every algorithm; see `algos/agentrl_algos/gigpo.py` for a whole one."""

    __slots__ = ()
    name: ClassVar[str] = ""
    """as registered"""
    coupled: ClassVar[bool] = False
    """the loss joins tokens of different rows (pairs, sums over a trajectory)"""
    unit: ClassVar[Literal["row", "trajectory", "group", "pair"]] = "row"
    """what minibatches are made of; a coupled loss must not be cut inside a unit"""
    aggregate: ClassVar[str] = "token-mean"
    """how a separable loss is reduced; names of losses/reduce.py"""
    data: ClassVar[str] = ""
    """what it learns from, in words"""
    extra: ClassVar[str] = ""
    """extra models it needs, in words"""
    paper: ClassVar[str] = ""
    """where it was published; the source of a hyper-parameter whose text names no other one in brackets"""
    recompute: ClassVar[bool] = False
    """`logp_old` is always computed by the trainer: others than the policy have played, too"""
    extragradient: ClassVar[bool] = False
    """iterations come in twos: after the first, a half step, the second steps from where that one began"""
    heads: ClassVar[int] = 1
    """numbers the critic gives a token"""
    teacher: str = ""
    """model folder whose log-probabilities are the column `logp_teacher`, where `needs` names it"""
    stages: int = 1
    """into so many parts of falling margin the pairs of a file are put, each learnt from after the other"""
    support: int = 0
    """how many tokens, the likeliest for the policy before the first step, are compared in each place where
    `needs` names `support_teacher` or `support_ref`, and `logp_support` for the policy; 0: all"""

    @property
    def needs(self) -> frozenset[str]:
        """Names of the columns its credit and loss read beside `logp`."""
        return frozenset()

    @property
    def entanglement(self) -> bool:
        """Whether the learner logs how the gradients of both sides of its pairs lie to each other."""
        return False

    @property
    def invariances(self) -> frozenset[str]:
        """What may be done to every return without changing the credit: "shift" and "scale", or neither.

        Where there is no credit, without changing the loss's gradient. Returns as `observe` hands them on:
        shaping may know a zero and a size of its own.
        The suite holds an algorithm to its word in both directions.
        """
        return frozenset()

    def check(self) -> None:
        """Raise ConfigError where hyper-parameters contradict each other."""

    def collect(self) -> Plan:
        """Return what to collect each iteration."""
        raise NotImplementedError(f"{type(self).__name__} must define collect()")

    def compare(self, tree: Tree) -> Sequence[Preference]:
        """Return the preferences drawn from a tree (plans with trees)."""
        raise ConfigError(f"algo '{self.name}' draws no preferences from trees")

    def observe(self, table: "TokenTable", state: AlgoState) -> "tuple[TokenTable, AlgoState]":
        """Return an iteration's episodes as credit is to see them, and the state with what they teach.

        Called once an iteration, before credit: the place to shape rewards, and to remember what rewards of
        later iterations depend on.
        """
        return table, state

    def credit(self, table: "TokenTable") -> "TurnCredit | TokenCredit | None":
        """Return the credit of each turn or token; None where the loss speaks for itself."""
        return None

    def loss(self, table: "TokenTable", state: AlgoState) -> Losses:
        """Return the losses, with gradients through `table.logp`, `.values` and `.entropy`."""
        raise NotImplementedError(f"{type(self).__name__} must define loss(table, state)")

    def start(self) -> AlgoState:
        """Return the state before the first iteration."""
        return {}

    def after_step(self, state: AlgoState, metrics: Mapping[str, float]) -> AlgoState:
        """Return the state for the next iteration."""
        return state


def check_group(size: int) -> None:
    """Raise ConfigError for a group that has nobody to compare with."""
    if size < 2:
        raise ConfigError(
            f"group_size={size}: credit compares episodes of one task with each other, so it must be"
            " at least 2"
        )


def check_rounds(rounds: int, source: str) -> None:
    """Raise ConfigError for no round, and for several in which nothing new would be played."""
    above(rounds, 0, "rounds")
    if rounds > 1 and source == "demonstrator":
        raise ConfigError(
            f"rounds={rounds}: a demonstrator does not learn; rounds are played anew with source=policy"
        )


def above(value: float, low: float, key: str) -> None:
    """Raise ConfigError unless `value > low`."""
    if not value > low:
        raise ConfigError(f"{key}={value}: must be above {low:g}")
