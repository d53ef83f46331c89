"""A small algorithm, as a stranger would write it in a file of their own."""

from dataclasses import dataclass
from typing import Literal

import torch  # as algorithms do; parsing settings must not come to this

from agentrl.algo import Algorithm, AlgoState, Groups, Losses, above, check_group
from agentrl.batch import TokenTable
from agentrl.errors import ConfigError
from agentrl.registry import algo


@algo("compare")
@dataclass(frozen=True, slots=True)
class Compare(Algorithm):
    """Compare episodes of one task."""

    group_size: int = 8
    """episodes of one task, at least 2"""
    scale: Literal["std", "none"] = "std"
    kl: float | None = None
    """weight of the penalty, in nats; none: off"""
    turns: bool = False
    sizes: tuple[int, ...] = (1, 2)

    def check(self) -> None:
        check_group(self.group_size)
        if self.kl is not None:
            above(self.kl, 0, "kl")
        if self.turns and self.scale == "std":
            raise ConfigError("turns=true with scale=std: nothing to divide by")

    def collect(self) -> Groups:
        return Groups(self.group_size)

    def loss(self, table: TokenTable, state: AlgoState) -> Losses:
        return Losses(policy=torch.zeros(len(table)))
