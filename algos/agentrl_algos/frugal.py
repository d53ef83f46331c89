"""Rewards shaped by how few tool calls an answer took: OTC-PO (arXiv:2504.14870) for any algorithm.

What is shaped is the table, before credit: every reward of an episode whose return is above 0 is multiplied
by the same number, so an algorithm credits what is left as it always does.
"""

from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor

from agentrl.algo import AlgoState
from agentrl.batch import TokenTable
from agentrl.credit.otc import efficiency, least_calls, remembered, scaled_reward

Against = Literal["none", "group", "memory", "alone"]
Counted = Literal["calls", "cost"]
LEAST = "least"
"""name under which the fewest calls of each task are kept in an algorithm's state"""
LIMIT = 4.0
"""most calls of an episode where the environment does not say: that of the published search setting"""


def frugal(
    table: TokenTable, state: AlgoState, against: Against, *, counted: Counted, c: float, alpha: float
) -> tuple[TokenTable, AlgoState]:
    """Return the table with rewards scaled by how few calls were made, and the state with the fewest.

    Source: OTC-GRPO with against="group" or "memory", OTC-PPO with "alone" (arXiv:2504.14870).
    Edge:   the fewest are those of successful episodes; where a task has none, the cosine is used. The
            memory is lowered first, so a successful episode never has fewer calls than the fewest.
    """
    if against == "none":
        return table, state
    episodes = table.trajectories
    calls, correct = episodes.measures[counted], episodes.success
    least = torch.full_like(calls, torch.nan)
    if against == "group":
        least = least_calls(calls, correct, episodes.group)
    elif against == "memory":
        memory = remembered(state.get(LEAST, {}), episodes.task, calls, correct)
        least = torch.tensor([memory.get(name, torch.nan) for name in episodes.task], dtype=calls.dtype)
        state = state | {LEAST: memory}
    share = efficiency(calls, least, c or _limit(table, counted))
    return _paid(table, scaled_reward(episodes.ret, share, alpha=alpha)), state


def _limit(table: TokenTable, counted: Counted) -> Tensor:
    """Return the most that the calls of each episode may come to, as the environment reports it."""
    episodes = table.trajectories
    said = episodes.measures.get(f"{counted}_limit", torch.full_like(episodes.ret, torch.nan))
    return torch.where(said > 0, said, LIMIT)


def _paid(table: TokenTable, ret: Tensor) -> TokenTable:
    """Return the table with these returns, [B]: every reward of an episode is scaled alike."""
    turns, episodes = table.turns, table.trajectories
    share = torch.where(ret == episodes.ret, 1.0, ret / episodes.ret)
    return replace(
        table,
        turns=replace(turns, reward=turns.reward * share[turns.trajectory]),
        trajectories=replace(
            episodes, ret=ret, parts={name: part * share for name, part in episodes.parts.items()}
        ),
    )
