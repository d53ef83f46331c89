"""Critics: models that predict what is still to be earned."""

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from agentrl.errors import ConfigError
from agentrl.learner.lora import copied
from agentrl.learner.team import SOLO, Enter, Team, straight

if TYPE_CHECKING:
    from agentrl.learner.model import Policy


class Critic:
    """A model of its own that predicts the value of the state before each token."""

    def __init__(self, trunk: Any, pad: int, heads: int = 1) -> None:
        self.trunk = trunk
        self.head = zero_head(trunk.config.hidden_size, heads).to(next(trunk.parameters()).device)
        if next(trunk.parameters()).dtype == torch.float64:
            self.head.double()
        self.pad = pad
        self.team: Team = SOLO
        self.enter: Enter = straight

    @classmethod
    def like(cls, policy: "Policy", heads: int = 1) -> "Critic":
        """Return a critic that starts from the policy's weights; a frozen base is shared."""
        if not hasattr(policy.module, "model"):
            raise ConfigError(
                f"no critic can be made from {type(policy.module).__name__}: it has no inner `model`"
            )
        return cls(copied(policy.module.model), policy.pad, heads)

    def parameters(self) -> list[nn.Parameter]:
        """Return everything that is trained."""
        return [p for p in self.trunk.parameters() if p.requires_grad] + list(self.head.parameters())

    def parts(self) -> list[nn.Module]:
        """Return trunk and head."""
        return [self.trunk, self.head]

    def columns(self, ids: Tensor, row: Tensor, column: Tensor) -> dict[str, Tensor]:
        """Return `values` of some tokens, [n] or [n, heads]; shapes as in `Policy.columns`."""
        states = self.trunk(input_ids=ids, use_cache=False).last_hidden_state[row, column - 1]
        return {"values": self.head(states.to(self.head.weight.dtype)).squeeze(-1)}

    def state_dict(self) -> dict[str, Tensor]:
        """Return all weights by name but for a frozen base."""
        frozen = self._frozen()
        return {
            **{f"trunk.{k}": v for k, v in self.trunk.state_dict().items() if k not in frozen},
            **{f"head.{k}": v for k, v in self.head.state_dict().items()},
        }

    def load_state_dict(self, weights: dict[str, Tensor]) -> None:
        """Take weights back."""
        base = {k: v for k, v in self.trunk.state_dict().items() if k in self._frozen()}
        self.trunk.load_state_dict(base | {k[6:]: v for k, v in weights.items() if k.startswith("trunk.")})
        self.head.load_state_dict({k[5:]: v for k, v in weights.items() if k.startswith("head.")})

    def _frozen(self) -> set[str]:
        return {name for name, p in self.trunk.named_parameters() if not p.requires_grad}


def zero_head(width: int, heads: int = 1) -> nn.Linear:
    """Return a linear map to a few numbers whose weights are 0."""
    head = nn.Linear(width, heads, bias=False)
    nn.init.zeros_(head.weight)
    return head
