"""DAPO (arXiv:2503.14476): GRPO with four changes.

clip higher         1 - 0.2 <= ratio <= 1 + 0.28: room for what was unlikely
dynamic sampling    groups whose episodes all earned the same are replaced by further tasks
token mean          every token counts alike, whichever episode it is of
overlong shaping    R + min(-(L - (Lmax - buffer)) / buffer, 0), L the tokens of a reply, mean over turns
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from agentrl.algo import Groups, above
from agentrl.batch import TokenTable
from agentrl.credit.implicit import step_reward
from agentrl.credit.selection import overlong
from agentrl.errors import ConfigError
from agentrl.registry import algo
from agentrl_algos.grpo import GRPO


@algo("dapo")
@dataclass(frozen=True, slots=True)
class DAPO(GRPO):
    """GRPO with a higher upper clip, groups that say something, and a price for overlong replies."""

    clip_high: float = 0.28
    """how far the probability ratio may rise above 1, at least 0"""
    dual_clip: float = 10.0
    """bound on the loss of a bad action that became likely, in multiples of its credit [verl's scripts]"""
    replace: int = 10
    """rounds of further tasks in place of groups without spread; then they stay; 0: no dynamic sampling
    (published: 10, then an error) [verl's code]"""
    overlong_buffer: float = 0.2
    """share of a reply's limit in which its length costs, 0 to 1; 0: nothing (published: 4096 of 20480)"""
    overlong_factor: float = 1.0
    """what a reply as long as the limit costs, in reward units"""

    data = "groups of episodes of a task that differ in what they earned"
    paper = "arXiv:2503.14476"

    @property
    def invariances(self) -> frozenset[str]:
        """As GRPO's; the price of length is a fixed one."""
        free = self.scale == "std" and not self.invalid_penalty and not self.overlong_buffer
        return frozenset({"shift"} | ({"scale"} if free else set()))

    def check(self) -> None:
        """Refuse shares that are none."""
        GRPO.check(self)
        above(self.replace, -1, "replace")
        if not 0 <= self.overlong_buffer <= 1:
            raise ConfigError(f"overlong_buffer={self.overlong_buffer}: a share of the limit, from 0 to 1")

    def collect(self) -> Groups:
        """Return groups of episodes from one start, those without spread replaced."""
        return Groups(self.group_size, replace=self.replace)

    def score(self, table: TokenTable) -> Tensor:
        """Return GRPO's score less the mean price of an episode's overlong replies."""
        turns, count = table.turns, len(table.trajectories)
        tokens = torch.bincount(table.turn, minlength=len(turns))
        buffer = round(self.overlong_buffer * table.max_tokens)
        price = overlong(tokens, table.max_tokens, buffer, self.overlong_factor)
        mean = step_reward(price, turns.trajectory, count) / table.trajectories.length
        return GRPO.score(self, table) + mean
