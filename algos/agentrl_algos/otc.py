"""OTC-PO (arXiv:2504.14870): GRPO and PPO on rewards that fall with tool calls nobody needed. And ToolRL.

    reward    alpha * r_tool * reward      (formulas: agentrl/credit/otc.py)

The shaping is `tools`, a setting of every algorithm on the clipped surrogate (algos/agentrl_algos/frugal.py);
the two here are GRPO and PPO with it switched on as published.
"""

from dataclasses import dataclass
from typing import Literal

from agentrl.algo import TurnCredit
from agentrl.batch import TokenTable
from agentrl.credit.otc import unpunished
from agentrl.registry import algo
from agentrl_algos.frugal import Against
from agentrl_algos.grpo import GRPO
from agentrl_algos.ppo import PPO


@algo("otc_grpo")
@dataclass(frozen=True, slots=True)
class OTCGRPO(GRPO):
    """GRPO on rewards scaled by how near tool calls are to the fewest that ever solved the task."""

    tools: Against = "memory"
    clip_correct_advantage: bool = False
    """advantages of successful episodes are at least 0: calls are saved, what is right is not unlearnt
    [its code]"""

    paper = "arXiv:2504.14870"

    def credit(self, table: TokenTable) -> TurnCredit:
        """Return the episode's advantage for each turn."""
        credit = GRPO.credit(self, table)
        if not self.clip_correct_advantage:
            return credit
        return TurnCredit(unpunished(credit.value, table.trajectories.success[table.turns.trajectory]))


@algo("otc_ppo")
@dataclass(frozen=True, slots=True)
class OTCPPO(PPO):
    """PPO on rewards that fall with every tool call."""

    tools: Against = "alone"

    paper = "arXiv:2504.14870"


@algo("toolrl")
@dataclass(frozen=True, slots=True)
class ToolRL(GRPO):
    """GRPO as ToolRL's scripts set it; the reward is the environment's (verifier `toolrl`)."""

    group_size: int = 4
    invalid_penalty: float = 0.0
    kl: float = 0.001
    kl_kind: Literal["k1", "abs", "k2", "k3", "k1+", "abs+", "k3+"] = "k1"
    kl_in: Literal["loss", "reward"] = "reward"

    paper = "arXiv:2504.13958"
