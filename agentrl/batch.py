"""Trajectories as tables: flat over tokens, with tables over turns and over trajectories beside them.

Padding exists only at the model's door (`microbatches`). Rows are segments: the longest runs of turns each
of whose prompts extends the one before. Transcript mode usually gives one row a trajectory, window mode one
a turn; nothing after this module can tell them apart.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from agentrl.errors import AgentRLError
from agentrl.types import Trajectory, Tree

if TYPE_CHECKING:
    from array import array

    from agentrl.algo import Preference


WORTHWHILE, ALIKE = 512, 0.8
"""padded tokens that are worth a forward pass of their own; how much shorter than the longest a row may be"""


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

    def __len__(self) -> int:
        return len(self.weight)


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
        spans = [self.pairs.chosen[chosen], self.pairs.rejected[chosen]]
        used = torch.zeros(len(self) + 1, dtype=torch.long)
        for side in spans:
            used.index_add_(0, side[:, 0], torch.ones(len(side), dtype=torch.long))
            used.index_add_(0, side[:, 1], -torch.ones(len(side), dtype=torch.long))
        mask = used.cumsum(0)[:-1] > 0
        place = torch.cat([torch.zeros(1, dtype=torch.long), mask.long().cumsum(0)])
        pairs = Pairs(place[spans[0]], place[spans[1]], self.pairs.weight[chosen], self.pairs.margin[chosen])
        return replace(self.take(mask), pairs=pairs)

    def to(self, dtype: torch.dtype) -> "TokenTable":
        """Return the table with every column in this floating type."""
        return replace(self, columns={name: column.to(dtype) for name, column in self.columns.items()})


def token_table(
    trajectories: Sequence[Trajectory],
    reward_weights: Mapping[str, float] | None = None,
    *,
    pairs: Pairs | None = None,
) -> TokenTable:
    """Return the tables of these trajectories.

    Edge:   trajectories without a policy token are left out; a turn's missing reward weight is 1.
    Errors: AgentRLError where there is nothing left, or where sampling temperatures differ.
    """
    weights = reward_weights or {}
    kept = [t for t in trajectories if any(len(turn.action_ids) for turn in t.turns)]
    if not kept:
        raise AgentRLError("no trajectory holds a policy token; nothing can be trained on")
    rows: list[array[int]] = []
    token: dict[str, list[int]] = {name: [] for name in ("ids", "row", "column", "turn", "trajectory")}
    behaviour: list[float] = []
    turn: dict[str, list[float]] = {name: [] for name in ("trajectory", "index", "reward", "valid", "last")}
    keys: list[tuple[str, str]] = []
    for number, trajectory in enumerate(kept):
        for index, step in enumerate(trajectory.turns):
            if step.fresh or index == 0:
                rows.append(step.prompt_ids[:])
            else:
                rows[-1] = rows[-1] + step.prompt_ids
            start, count = len(rows[-1]), len(step.action_ids)
            rows[-1] = rows[-1] + step.action_ids
            token["ids"].extend(step.action_ids)
            token["row"].extend([len(rows) - 1] * count)
            token["column"].extend(range(start, start + count))
            token["turn"].extend([len(keys)] * count)
            token["trajectory"].extend([number] * count)
            behaviour.extend(step.logprobs)
            turn["trajectory"].append(number)
            turn["index"].append(index)
            turn["reward"].append(sum(weights.get(name, 1.0) * value for name, value in step.rewards.items()))
            turn["valid"].append(step.valid)
            turn["last"].append(index == len(trajectory.turns) - 1)
            keys.append((trajectory.group, step.state_key))
    columns = {name: torch.tensor(values, dtype=torch.long) for name, values in token.items()}
    return TokenTable(
        rows=tuple(rows),
        **columns,
        turns=_turns(turn, keys),
        trajectories=_trajectories(kept, weights),
        pairs=pairs,
        temperature=_temperature(kept),
        columns={"logp_behaviour": torch.tensor(behaviour, dtype=torch.float32)},
    )


def _codes(keys: Sequence[object]) -> Tensor:
    """Number keys by first appearance."""
    seen: dict[object, int] = {}
    return torch.tensor([seen.setdefault(key, len(seen)) for key in keys], dtype=torch.long)


def _turns(turn: Mapping[str, list[float]], keys: list[tuple[str, str]]) -> TurnTable:
    anchor = _codes(keys)
    last = torch.tensor(turn["last"], dtype=torch.bool)
    return TurnTable(
        trajectory=torch.tensor(turn["trajectory"], dtype=torch.long),
        group=_codes([group for group, _ in keys]),
        index=torch.tensor(turn["index"], dtype=torch.long),
        reward=torch.tensor(turn["reward"], dtype=torch.float64),
        valid=torch.tensor(turn["valid"], dtype=torch.bool),
        anchor=anchor,
        next_anchor=torch.where(last, -1, anchor.roll(-1)),
        last=last,
    )


def _trajectories(kept: Sequence[Trajectory], weights: Mapping[str, float]) -> TrajectoryTable:
    returns = [
        sum(weights.get(name, 1.0) * value for turn in t.turns for name, value in turn.rewards.items())
        for t in kept
    ]
    return TrajectoryTable(
        group=_codes([t.group for t in kept]),
        ret=torch.tensor(returns, dtype=torch.float64),
        score=torch.tensor([t.score for t in kept], dtype=torch.float64),
        success=torch.tensor([t.success for t in kept], dtype=torch.bool),
        length=torch.tensor([len(t.turns) for t in kept], dtype=torch.long),
        terminated=torch.tensor([t.terminated for t in kept], dtype=torch.bool),
        truncated=torch.tensor([t.truncated for t in kept], dtype=torch.bool),
    )


def _temperature(kept: Sequence[Trajectory]) -> float:
    """Return the one temperature that log-probabilities are to be recomputed at."""
    found = {turn.sampling.temperature if turn.sampling.processed else 1.0 for t in kept for turn in t.turns}
    found = {temperature or 1.0 for temperature in found}
    if len(found) > 1:
        raise AgentRLError(
            f"trajectories sampled at different temperatures {sorted(found)} cannot share a table"
        )
    return found.pop()


def preference_table(
    trees: Sequence[Tree],
    preferences: "Sequence[Sequence[Preference]]",
) -> TokenTable | None:
    """Return a table with one pair for each preference; only the two compared turns count.

    Each side is the path from the root to its node, as a trajectory of its own; what comes before the
    compared turn is context.

    Edge: pairs whose sides hold the same tokens are dropped; None where no pair is left.
    """
    paths: list[Trajectory] = []
    sides: list[int] = []
    weights: list[float] = []
    margins: list[float] = []
    for number, (tree, wanted) in enumerate(zip(trees, preferences, strict=True)):
        for preference in wanted:
            ends = (preference.chosen, preference.rejected)
            chosen, rejected = (tree.nodes[i].turn.action_ids for i in ends)
            if chosen == rejected or not chosen or not rejected:
                continue
            for end in ends:
                turns = tuple(tree.nodes[i].turn for i in tree.path(end))
                sides.append(len(paths))
                paths.append(
                    Trajectory(tree.task, str(number), len(paths), turns, "success", score=tree.nodes[end].q)
                )
            weights.append(preference.weight)
            margins.append(preference.margin)
    if not paths:
        return None
    table = token_table(paths)
    last = table.turns.last[table.turn]
    stop = torch.searchsorted(table.trajectory, torch.arange(len(paths)), right=True)
    count = torch.zeros(len(paths), dtype=torch.long).index_add_(0, table.trajectory, last.long())
    spans = torch.stack([stop - count, stop], dim=1)
    pairs = Pairs(
        spans[0::2],
        spans[1::2],
        torch.tensor(weights, dtype=torch.float64),
        torch.tensor(margins, dtype=torch.float64),
    )
    return replace(table, pairs=pairs).take_pairs(torch.arange(len(pairs)))


def microbatches(table: TokenTable, budget: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield (rows, tokens): indices of rows that together pad to at most `budget` tokens, and their tokens'.

    Rows come longest first, so that neighbours are of like length; a row longer than the budget goes alone. A
    batch that is worth a pass ends where rows get much shorter, so that little of it is padding.
    """
    rows, counts = torch.unique_consecutive(table.row, return_counts=True)
    starts = counts.cumsum(0) - counts
    lengths = torch.tensor([len(table.rows[r]) for r in rows.tolist()])
    order = torch.argsort(lengths, descending=True, stable=True).tolist()
    batch: list[int] = []
    for place in order:
        longest = int(lengths[batch[0]]) if batch else 0
        shorter = longest * len(batch) >= WORTHWHILE and int(lengths[place]) < ALIKE * longest
        if batch and (shorter or longest * (len(batch) + 1) > budget):
            yield _cut(rows, starts, counts, sorted(batch))
            batch = []
        batch.append(place)
    if batch:
        yield _cut(rows, starts, counts, sorted(batch))


def _cut(rows: Tensor, starts: Tensor, counts: Tensor, places: list[int]) -> tuple[Tensor, Tensor]:
    index = torch.tensor(places)
    tokens = torch.cat([torch.arange(int(starts[p]), int(starts[p] + counts[p])) for p in places])
    return rows[index], tokens


def padded(table: TokenTable, rows: Tensor, pad: int) -> Tensor:
    """Return the ids of these rows, [R, L] int, padded on the right."""
    wanted = [table.rows[r] for r in rows.tolist()]
    longest = max(len(ids) for ids in wanted)
    out = torch.full((len(wanted), longest), pad, dtype=torch.long)
    for place, ids in enumerate(wanted):
        out[place, : len(ids)] = torch.frombuffer(ids, dtype=torch.int32)
    return out
