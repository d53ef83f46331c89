"""Trajectories as tables: flat over tokens, with tables over turns and over trajectories beside them.

Padding exists only at the model's door (`microbatches`). Rows are segments: the longest runs of turns each
of whose prompts extends the one before. Transcript mode usually gives one row a trajectory, window mode one
a turn; nothing after this module can tell them apart.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from agentrl.errors import AgentRLError
from agentrl.table import Pairs, TokenTable, TrajectoryTable, TurnTable
from agentrl.toolstats import calls_of, cost_of
from agentrl.types import Trajectory, Tree

if TYPE_CHECKING:
    from array import array

    from agentrl.algo import Preference

__all__ = [
    "Pairs",
    "TokenTable",
    "episode_pairs",
    "microbatches",
    "padded",
    "preference_table",
    "token_table",
]

WORTHWHILE, ALIKE = 512, 0.8
"""padded tokens that are worth a forward pass of their own; how much shorter than the longest a row may be"""


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
    texts: list[str] = []
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
            texts.append(step.observation)
    columns: dict[str, Any] = {name: torch.tensor(values, dtype=torch.long) for name, values in token.items()}
    return TokenTable(
        rows=tuple(rows),
        **columns,
        turns=_turns(turn, keys, texts),
        trajectories=_trajectories(kept, weights),
        pairs=pairs,
        temperature=_temperature(kept),
        max_tokens=max(turn.sampling.max_tokens for t in kept for turn in t.turns),
        columns={"logp_behaviour": torch.tensor(behaviour, dtype=torch.float32)},
    )


def _codes(keys: Sequence[object]) -> Tensor:
    """Number keys by first appearance."""
    seen: dict[object, int] = {}
    return torch.tensor([seen.setdefault(key, len(seen)) for key in keys], dtype=torch.long)


def _turns(turn: Mapping[str, list[float]], keys: list[tuple[str, str]], texts: list[str]) -> TurnTable:
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
        text=tuple(texts),
    )


def _trajectories(kept: Sequence[Trajectory], weights: Mapping[str, float]) -> TrajectoryTable:
    returns = [
        sum(weights.get(name, 1.0) * value for turn in t.turns for name, value in turn.rewards.items())
        for t in kept
    ]
    names = sorted({name for t in kept for turn in t.turns for name in turn.rewards})
    return TrajectoryTable(
        group=_codes([t.group for t in kept]),
        ret=torch.tensor(returns, dtype=torch.float64),
        score=torch.tensor([t.score for t in kept], dtype=torch.float64),
        success=torch.tensor([t.success for t in kept], dtype=torch.bool),
        length=torch.tensor([len(t.turns) for t in kept], dtype=torch.long),
        terminated=torch.tensor([t.terminated for t in kept], dtype=torch.bool),
        truncated=torch.tensor([t.truncated for t in kept], dtype=torch.bool),
        answer=_codes([_answer(number, t) for number, t in enumerate(kept)]),
        parts={
            name: torch.tensor(
                [sum(turn.rewards.get(name, 0.0) for turn in t.turns) for t in kept], dtype=torch.float64
            )
            for name in names
        },
        weights={name: weights.get(name, 1.0) for name in names},
        task=tuple(t.task.id for t in kept),
        name=tuple((t.group, t.sample) for t in kept),
        measures=_measures(kept),
    )


def _measures(kept: Sequence[Trajectory]) -> dict[str, Tensor]:
    """Return what was measured, a column a name, and the calls and cost of tools."""
    known = [{**t.metrics, "calls": calls_of(t), "cost": cost_of(t)} for t in kept]
    names = sorted({name for found in known for name in found})
    return {
        name: torch.tensor([found.get(name, math.nan) for found in known], dtype=torch.float64)
        for name in names
    }


def _answer(number: int, trajectory: Trajectory) -> tuple[str, object]:
    """Return what an episode came to: its last action; where that could not be read, only itself."""
    end = trajectory.turns[-1]
    return (trajectory.group, end.action if end.format_valid else number)


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
    compared turn, and the tokens that a preference calls shared, are context.

    Edge: pairs whose sides hold the same tokens are dropped; None where no pair is left.
    """
    paths: list[Trajectory] = []
    shared: list[int] = []
    kept: list[Preference] = []
    for number, (tree, wanted) in enumerate(zip(trees, preferences, strict=True)):
        for preference in wanted:
            ends = (preference.chosen, preference.rejected)
            chosen, rejected = (tree.nodes[i].turn.action_ids[preference.shared :] for i in ends)
            if chosen == rejected or not chosen or not rejected:
                continue
            for end in ends:
                turns = tuple(tree.nodes[i].turn for i in tree.path(end))
                paths.append(
                    Trajectory(tree.task, str(number), end, turns, "success", score=tree.nodes[end].q)
                )
                shared.append(preference.shared)
            kept.append(preference)
    if not paths:
        return None
    table = token_table(paths)
    last = table.turns.last[table.turn]
    stop = torch.searchsorted(table.trajectory, torch.arange(len(paths)), right=True)
    count = torch.zeros(len(paths), dtype=torch.long).index_add_(0, table.trajectory, last.long())
    spans = torch.stack([stop - count + torch.tensor(shared), stop], dim=1)
    numbers = [[one.weight, one.margin, one.smoothing] for one in kept]
    columns = torch.tensor(numbers, dtype=torch.float64).unbind(1)
    pairs = Pairs(spans[0::2], spans[1::2], *columns)
    return replace(table, pairs=pairs).take_pairs(torch.arange(len(pairs)))


def episode_pairs(table: TokenTable, chosen: Tensor, rejected: Tensor) -> TokenTable | None:
    """Return the table of these pairs of whole trajectories, all of their tokens.

    Shapes: chosen, rejected [P] int, indices of trajectories.
    Edge:   a pair's margin is the difference of returns; pairs of the same tokens are dropped; None where no
            pair is left.
    """
    names = torch.arange(len(table.trajectories))
    start, stop = (torch.searchsorted(table.trajectory, names, right=right) for right in (False, True))
    said = [tuple(table.ids[a:b].tolist()) for a, b in zip(start.tolist(), stop.tolist(), strict=True)]
    kept = [
        n
        for n, (i, j) in enumerate(zip(chosen.tolist(), rejected.tolist(), strict=True))
        if said[i] != said[j]
    ]
    if not kept:
        return None
    one, other, spans = chosen[kept], rejected[kept], torch.stack([start, stop], dim=1)
    margin = table.trajectories.ret[one] - table.trajectories.ret[other]
    weight = torch.ones(len(kept), dtype=torch.float64)
    pairs = Pairs(spans[one], spans[other], weight, margin, torch.zeros_like(weight))
    return replace(table, pairs=pairs).take_pairs(torch.arange(len(kept)))


def microbatches(table: TokenTable, budget: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield (rows, tokens): indices of rows that together pad to at most `budget` tokens, and their tokens'.

    Rows of the same ids stay together and are one row to the model (`padded`). They come longest first, so
    that neighbours are of like length; one longer than the budget goes alone. A batch that is worth a pass
    ends where rows get much shorter, so that little of it is padding.
    """
    rows, counts = torch.unique_consecutive(table.row, return_counts=True)
    starts = counts.cumsum(0) - counts
    twins: dict[bytes, list[int]] = {}
    for place, row in enumerate(rows.tolist()):
        twins.setdefault(table.rows[row].tobytes(), []).append(place)
    batch: list[list[int]] = []
    longest = 0
    lengths = [len(table.rows[row]) for row in rows.tolist()]
    for same in sorted(twins.values(), key=lambda same: -lengths[same[0]]):
        length = lengths[same[0]]
        shorter = longest * len(batch) >= WORTHWHILE and length < ALIKE * longest
        if batch and (shorter or longest * (len(batch) + 1) > budget):
            yield _cut(rows, starts, counts, sorted(chain.from_iterable(batch)))
            batch = []
        longest = longest if batch else length
        batch.append(same)
    if batch:
        yield _cut(rows, starts, counts, sorted(chain.from_iterable(batch)))


def _cut(rows: Tensor, starts: Tensor, counts: Tensor, places: list[int]) -> tuple[Tensor, Tensor]:
    index = torch.tensor(places)
    tokens = torch.cat([torch.arange(int(starts[p]), int(starts[p] + counts[p])) for p in places])
    return rows[index], tokens


def padded(table: TokenTable, rows: Tensor, tokens: Tensor, pad: int) -> tuple[Tensor, Tensor]:
    """Return what the model reads of a micro-batch, each different row once, and each token's line in it.

    Shapes: ids [U, L] int64, padded on the right; lines [n] int64 in [0, U).
    """
    known: dict[bytes, int] = {}
    wanted = [table.rows[r] for r in rows.tolist()]
    lines = [known.setdefault(ids.tobytes(), len(known)) for ids in wanted]
    out = torch.full((len(known), max(map(len, wanted))), pad, dtype=torch.long)
    for line, ids in dict(zip(lines, wanted, strict=True)).items():
        out[line, : len(ids)] = torch.frombuffer(ids, dtype=torch.int32)
    return out, torch.tensor(lines)[torch.searchsorted(rows, table.row[tokens])]
