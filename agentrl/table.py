"""The token table: flat over all policy tokens, with tables over turns and over trajectories beside it."""

from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

import torch
from torch import Tensor

from agentrl.errors import AgentRLError


@dataclass(frozen=True, slots=True)
class TurnTable:
    """Turns, sorted by (trajectory, index)."""

    trajectory: Tensor
    """[S] int"""
    group: Tensor
    """[S] int"""
    index: Tensor
    """[S] int, from 0 inside its trajectory"""
    reward: Tensor
    """[S] float64, weighted sum of the turn's components"""
    valid: Tensor
    """[S] bool"""
    anchor: Tensor
    """[S] int; equal numbers: same group, same state acted in"""
    next_anchor: Tensor
    """[S] int; the state acted in next, -1 after the last turn"""
    last: Tensor
    """[S] bool; the trajectory's last turn"""
    text: tuple[str, ...] = ()
    """[S] the environment's text that was acted on"""

    def __len__(self) -> int:
        return len(self.index)


@dataclass(frozen=True, slots=True)
class TrajectoryTable:
    """Trajectories, in the order given."""

    group: Tensor
    """[B] int"""
    ret: Tensor
    """[B] float64, sum of the turns' rewards"""
    score: Tensor
    """[B] float64 in [0, 1]"""
    success: Tensor
    """[B] bool"""
    length: Tensor
    """[B] int, turns"""
    terminated: Tensor
    """[B] bool"""
    truncated: Tensor
    """[B] bool"""
    answer: Tensor
    """[B] int; equal numbers: same group, same last action; one without an action equals no other"""
    parts: Mapping[str, Tensor] = field(default_factory=dict[str, Tensor])
    """[B] float64 by name: sum of each reward component, unweighted"""
    weights: Mapping[str, float] = field(default_factory=dict[str, float])
    """of the components in `ret`"""
    task: tuple[str, ...] = ()
    """[B] names of the tasks"""
    name: tuple[tuple[str, int], ...] = ()
    """[B] group and number in it; of a side of a preference, its tree's number and its node's"""
    measures: Mapping[str, Tensor] = field(default_factory=dict[str, Tensor])
    """[B] float64 by name: what environments measured, NaN where an episode lacks it; `calls` and `cost` of
    tools are always there"""

    def __len__(self) -> int:
        return len(self.group)


@dataclass(frozen=True, slots=True)
class Pairs:
    """Preferences between two runs of tokens."""

    chosen: Tensor
    """[P, 2] int: first token and one past the last, in the token table"""
    rejected: Tensor
    """[P, 2] int"""
    weight: Tensor
    """[P] float64"""
    margin: Tensor
    """[P] float64"""
    smoothing: Tensor
    """[P] float64, chance that a pair is the wrong way round"""

    def __len__(self) -> int:
        return len(self.weight)

    def take(self, chosen: Tensor) -> "Pairs":
        """Return some of the pairs, by index or mask."""
        return Pairs(*(getattr(self, f.name)[chosen] for f in fields(self)))


@dataclass(frozen=True, slots=True)
class TokenTable:
    """All policy tokens, sorted by (trajectory, turn, position), token-aligned columns beside them.

    Column t belongs to token t: `logp[t] = log p(ids[t] | ids[<t])`, `values[t] = V(state before token t)`.
    """

    rows: "tuple[array[int], ...]"
    """token ids of each segment, prompt and action"""
    ids: Tensor
    """[N] int"""
    row: Tensor
    """[N] int, not decreasing"""
    column: Tensor
    """[N] int: where in its row the token stands"""
    turn: Tensor
    """[N] int, index into `turns`"""
    trajectory: Tensor
    """[N] int, index into `trajectories`"""
    turns: TurnTable
    trajectories: TrajectoryTable
    pairs: Pairs | None = None
    temperature: float = 1.0
    """the sampler's; the trainer's logits are divided by it"""
    max_tokens: int = 1
    """longest reply the sampler could give"""
    state: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """the algorithm's, as it stands while credit is given"""
    columns: Mapping[str, Tensor] = field(default_factory=dict[str, Tensor])

    def __len__(self) -> int:
        return len(self.ids)

    def get(self, name: str) -> Tensor:
        """Return a column by name, [N] float.

        Errors: AgentRLError where it was not computed: the algorithm must name it in `needs`.
        """
        if name not in self.columns:
            raise AgentRLError(
                f"column '{name}' was not computed; name it in the algorithm's `needs`"
                f" (there are: {', '.join(sorted(self.columns)) or 'none'})"
            )
        return self.columns[name]

    @property
    def group(self) -> Tensor:
        """[N] int, the task group of each token."""
        return self.trajectories.group[self.trajectory]

    @property
    def logp(self) -> Tensor:
        """[N] log-probability under the current policy; carries gradients in a loss."""
        return self.get("logp")

    @property
    def logp_old(self) -> Tensor:
        """[N] log-probability under the policy before this iteration's first step."""
        return self.get("logp_old")

    @property
    def logp_behaviour(self) -> Tensor:
        """[N] log-probability as the sampler gave it."""
        return self.get("logp_behaviour")

    @property
    def logp_ref(self) -> Tensor:
        """[N] log-probability under the frozen reference."""
        return self.get("logp_ref")

    @property
    def values(self) -> Tensor:
        """[N] current value of the state before each token; carries gradients in a loss."""
        return self.get("values")

    @property
    def values_old(self) -> Tensor:
        """[N] values before this iteration's first step."""
        return self.get("values_old")

    @property
    def entropy(self) -> Tensor:
        """[N] entropy of the current policy at each token, in nats; carries gradients in a loss."""
        return self.get("entropy")

    @property
    def credit(self) -> Tensor:
        """[N] the algorithm's credit."""
        return self.get("credit")

    @property
    def returns(self) -> Tensor:
        """[N] what the critic is to predict."""
        return self.get("returns")

    def with_columns(self, **columns: Tensor) -> "TokenTable":
        """Return this table with columns added or replaced."""
        return replace(self, columns={**self.columns, **columns})

    def take(self, tokens: Tensor) -> "TokenTable":
        """Return the table of some tokens, by index or mask, in order; turn and trajectory tables stay."""
        index = tokens.nonzero().squeeze(1) if tokens.dtype == torch.bool else tokens
        columns = {name: column[index] for name, column in self.columns.items()}
        return replace(
            self,
            ids=self.ids[index],
            row=self.row[index],
            column=self.column[index],
            turn=self.turn[index],
            trajectory=self.trajectory[index],
            pairs=None,
            columns=columns,
        )

    def take_pairs(self, chosen: Tensor) -> "TokenTable":
        """Return the table of some pairs: their tokens only, spans renumbered."""
        if self.pairs is None:
            raise AgentRLError("this table holds no pairs")
        pairs = self.pairs.take(chosen)
        spans = [pairs.chosen, pairs.rejected]
        used = torch.zeros(len(self) + 1, dtype=torch.long)
        for side in spans:
            used.index_add_(0, side[:, 0], torch.ones(len(side), dtype=torch.long))
            used.index_add_(0, side[:, 1], -torch.ones(len(side), dtype=torch.long))
        mask = used.cumsum(0)[:-1] > 0
        place = torch.cat([torch.zeros(1, dtype=torch.long), mask.long().cumsum(0)])
        pairs = replace(pairs, chosen=place[spans[0]], rejected=place[spans[1]])
        return replace(self.take(mask), pairs=pairs)

    def to(self, dtype: torch.dtype) -> "TokenTable":
        """Return the table with every column in this floating type."""
        return replace(self, columns={name: column.to(dtype) for name, column in self.columns.items()})
