"""Warm start: supervised learning of a demonstrator's replies, a turn at a time."""

from collections.abc import Sequence

import torch

from agentrl.batch import TokenTable
from agentrl.errors import RunError
from agentrl.learner.adam import adam
from agentrl.learner.model import Policy, forward
from agentrl.settings import WarmSettings

WARMUP_STEPS, FINAL_RATE = 20, 0.05


class WarmStart:
    """One pass after another over the rows of a table, `batch` rows an optimiser step.

    Cut into rounds of `round_steps` optimiser steps, so that it can be checkpointed; the order of rows is a
    pure function of (seed, pass).
    """

    round_steps = 200

    def __init__(
        self, policy: Policy, table: TokenTable, settings: WarmSettings, *, seed: int, budget: int
    ) -> None:
        self.policy, self.table, self.settings, self.seed, self.budget = policy, table, settings, seed, budget
        self.optimizer = adam(policy.parameters(), lr=settings.lr, betas=(0.9, 0.98), weight_decay=0.01)
        self.optimizers = {"warm": self.optimizer}
        names, counts = torch.unique_consecutive(table.row, return_counts=True)
        self.starts, self.counts = counts.cumsum(0) - counts, counts
        self.rows = len(names)
        self.pass_steps = -(-self.rows // settings.batch)
        self.total = self.pass_steps * settings.passes
        self.rounds = -(-self.total // self.round_steps)

    def round(self, number: int) -> dict[str, float]:
        """Do one round; return its mean loss a token and its learning rate."""
        losses: list[float] = []
        first = number * self.round_steps
        for step in range(first, min(first + self.round_steps, self.total)):
            losses.append(self._step(step))
        return {
            "loss": sum(losses) / max(1, len(losses)),
            "lr": self.settings.lr * self._rate(first),
            "steps": float(len(losses)),
        }

    def _step(self, step: int) -> float:
        which, place = divmod(step, self.pass_steps)
        generator = torch.Generator().manual_seed(hash((self.seed, which)) & 0x7FFFFFFFFFFFFFFF)
        order = torch.randperm(self.rows, generator=generator)
        chosen = order[place * self.settings.batch : (place + 1) * self.settings.batch].sort().values.tolist()
        torch.manual_seed(hash((self.seed, step)) & 0x7FFFFFFFFFFFFFFF)  # an adapter's dropout draws from it
        part = self.table.take(self._tokens(chosen))
        self.optimizer.zero_grad(set_to_none=True)
        total = 0.0
        for rows, tokens, counts in self.policy.team.dealt(part, self.budget):
            logp = forward(self.policy, part, rows, tokens, frozenset({"logp"}))["logp"]
            loss = -logp.sum() / len(part) if counts else 0 * logp.sum()
            loss.backward()
            total += loss.item()
        norm = torch.nn.utils.clip_grad_norm_(list(self.policy.parameters()), 1.0)
        if not torch.isfinite(norm):
            raise RunError("the gradient of the warm start is not finite; lower warm.lr")
        for group in self.optimizer.param_groups:
            group["lr"] = self.settings.lr * self._rate(step)
        self.optimizer.step()
        return self.policy.team.summed({"loss": total})["loss"]

    def _tokens(self, rows: Sequence[int]) -> torch.Tensor:
        return torch.cat(
            [torch.arange(int(self.starts[r]), int(self.starts[r] + self.counts[r])) for r in rows]
        )

    def _rate(self, step: int) -> float:
        if step < WARMUP_STEPS:
            return (step + 1) / WARMUP_STEPS
        left = (self.total - step) / max(1, self.total - WARMUP_STEPS)
        return FINAL_RATE + (1 - FINAL_RATE) * left
