"""RTO (arXiv:2404.18922): PPO whose tokens are paid what a policy trained by DPO says they are worth.

    r[t] = clip(scale (log pi_dpo - log pi_ref), +-bound) - price (log pi_old - log pi_ref),  + R at the end

R is the episode's return less its penalties, cut to +-10. Advantages and losses are PPO's, by token.
"""

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from agentrl.batch import TokenTable
from agentrl.credit.implicit import guided_reward
from agentrl.errors import ConfigError
from agentrl.registry import algo
from agentrl_algos.ppo import PPO


@algo("rto")
@dataclass(frozen=True, slots=True)
class RTO(PPO):
    """PPO with the dense rewards that a policy trained by DPO implies."""

    teacher: str = ""
    """folder of a policy trained by algo=dpo from the same start"""
    scale: float = 0.05
    """of its log-ratio to the reference, in reward units a nat"""
    bound: float = 0.05
    """largest size of a token's part, in reward units; 0: no bound"""
    price: float = 0.01
    """of the policy's own log-ratio to the reference, in reward units a nat"""
    level: Literal["token", "turn", "bilevel"] = "token"
    """what the critic judges; rewards a token need `token`"""

    extra = "reference, teacher and critic"
    data = "fresh episodes"
    paper = "arXiv:2404.18922"

    @property
    def needs(self) -> frozenset[str]:
        """PPO's columns, the reference and the trained policy."""
        ppo = {"logp_old", "values", "values_old"}
        return frozenset(ppo | {"logp_ref", "logp_teacher"}) | self.optional

    def check(self) -> None:
        """Refuse to go without the trained policy, and a second rule for the reference."""
        PPO.check(self)
        if not self.teacher:
            raise ConfigError("algo 'rto' needs algo.teacher=FOLDER, a policy trained by algo=dpo")
        if self.level != "token":
            raise ConfigError(f"level={self.level}: rto pays tokens, so the critic judges tokens")
        if self.kl:
            raise ConfigError(f"kl={self.kl}: rto has its own price of divergence; use price")

    def token_reward(self, table: TokenTable) -> Tensor:
        """Return rewards a token, [N]."""
        return guided_reward(
            table.logp_old.double(),
            table.logp_ref.double(),
            table.get("logp_teacher").double(),
            table.trajectory,
            self.score(table),
            prices=(self.scale, self.bound, self.price),
        )
