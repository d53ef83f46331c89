"""What algorithms on whole episodes share: groups of them, each one answer, its log-ratio and its worth."""

from dataclasses import dataclass

import torch
from torch import Tensor

from agentrl.algo import Algorithm, Groups, check_group
from agentrl.batch import TokenTable
from agentrl.losses.groupwise import trajectory_sum
from agentrl.losses.sides import Side


@dataclass(frozen=True, slots=True)
class Grouped(Algorithm):
    """Base of algorithms that set the whole episodes of a task against each other."""

    group_size: int = 8
    """episodes of one task, at least 2 [ours]"""

    coupled = True
    unit = "group"
    data = "groups of episodes of a task, in order"

    @property
    def invariances(self) -> frozenset[str]:
        """Which one earned more is all that counts."""
        return frozenset({"shift", "scale"})

    def check(self) -> None:
        """Refuse groups of one."""
        check_group(self.group_size)

    def collect(self) -> Groups:
        """Return groups of episodes from one start."""
        return Groups(self.group_size)


@dataclass(frozen=True, slots=True)
class Answers:
    """The episodes of a table that hold tokens, one entry each."""

    side: Side
    """[B] sums over an episode's tokens"""
    group: Tensor
    """[B] int, its task"""
    ret: Tensor
    """[B] what it earned"""
    success: Tensor
    """[B] bool"""
    slot: Tensor
    """[N] int, the episode of each token"""

    def __len__(self) -> int:
        return len(self.ret)

    def take(self, index: Tensor) -> Side:
        """Return the side that these episodes are, in this order."""
        return Side(self.side.logp[index], self.side.ref[index], self.side.length[index])

    def groups(self) -> list[Tensor]:
        """Return the indices of each group's episodes."""
        return [(self.group == name).nonzero().squeeze(1) for name in self.group.unique()]


def answers(table: TokenTable, ref: Tensor) -> Answers:
    """Return the episodes of a table; `ref` [N] is what their log-ratio is taken to."""
    held, slot, length = torch.unique(table.trajectory, return_inverse=True, return_counts=True)
    episodes, count = table.trajectories, len(held)
    side = Side(trajectory_sum(table.logp, slot, count), trajectory_sum(ref.detach(), slot, count), length)
    ret = episodes.ret[held].to(table.logp.dtype)
    return Answers(side, episodes.group[held], ret, episodes.success[held], slot)


def answer_metrics(ratio: Tensor, good: Tensor, beta: float) -> dict[str, Tensor]:
    """Return the implied rewards of good and bad episodes, their drift and how many are good.

    Edge: where one kind is missing its means are 0.
    """
    ratio = ratio.detach()
    one, other = ratio[good].sum() / max(int(good.sum()), 1), ratio[~good].sum() / max(int((~good).sum()), 1)
    return {
        "reward_chosen": beta * one,
        "reward_rejected": beta * other,
        "reward_margin": beta * (one - other),
        "logp_ratio_chosen": one,
        "logp_ratio_rejected": other,
        "displaced": ((ratio < 0) & good).sum() / max(int(good.sum()), 1),
        "good": good.float().mean(),
    }
