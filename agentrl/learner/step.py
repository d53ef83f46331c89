"""One iteration of learning: columns, credit, and optimiser steps whatever the micro-batch split.

A separable loss is a number a token; micro-batches add up weights times losses whose denominators count the
whole optimiser step. A coupled loss is taken once on the whole vector of log-probabilities, without the
model; its derivative c then goes backward through the model as the sum of c * logp, micro-batch by
micro-batch. Both give the gradient of the undivided loss exactly.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial

import torch
from torch import Tensor
from torch.optim import AdamW

from agentrl.algo import Algorithm, AlgoState
from agentrl.batch import TokenTable
from agentrl.errors import ConfigError, RunError
from agentrl.learner.adam import adam
from agentrl.learner.critic import Critic
from agentrl.learner.entangled import entangled
from agentrl.learner.extragradient import Origin, turned
from agentrl.learner.log import Log
from agentrl.learner.mismatch import Correction
from agentrl.learner.model import Policy, compute, forward, likeliest
from agentrl.learner.seen import Keep, seen, with_credit
from agentrl.learner.teacher import load_teacher
from agentrl.losses.reduce import weights
from agentrl.settings import LearnerSettings

REFERENCE = frozenset({"logp_ref", "support_ref", "activation_ref"})
"""columns that the frozen policy gives which training started from"""
GRADIENT_COLUMNS = frozenset({"logp", "entropy", "values", "logp_support"})


@dataclass(slots=True)
class Learner:
    """Everything that changes while learning, and how."""

    policy: Policy
    algo: Algorithm
    settings: LearnerSettings
    iterations: int
    """of the whole run, for the schedule"""
    trust_sampler: bool = True
    """the sampler's log-probabilities serve as the old policy's"""
    critic: Critic | None = None
    reference: Policy | None = None
    teacher: Policy | None = None
    optimizers: dict[str, AdamW] = field(default_factory=dict)
    steps: int = 0
    """optimiser steps made"""
    origin: Origin | None = None
    """where an extra-gradient's half step began; None where none is under way"""
    correction: Correction = field(default_factory=Correction)
    """weights for the difference of sampler and trainer, where the old policy is not the sampler itself"""

    def __post_init__(self) -> None:
        self.policy.still()
        if "values" in self.algo.needs:
            if self.settings.critic == "separate":
                self.critic = self.critic or Critic.like(self.policy, self.algo.heads)
            elif self.policy.value_head is None:
                self.policy.add_value_head(self.algo.heads)
        if self.algo.needs & REFERENCE and self.reference is None:
            self.reference = self.policy.frozen_copy()
        if self.algo.needs & {"logp_teacher", "support_teacher"} and self.teacher is None:
            self.teacher = load_teacher(self.algo.teacher, self.policy)
        if self.settings.checkpointing:
            for part in (self.policy.module, *([self.critic.trunk] if self.critic is not None else [])):
                part.gradient_checkpointing_enable({"use_reentrant": False})
        for model in (self.policy, self.critic, self.reference, self.teacher):
            if model is not None:
                self.policy.team.split(model)
        self.optimizers["policy"] = self._adam(list(self.policy.parameters()), self.settings.lr)
        if self.critic is not None:
            self.optimizers["critic"] = self._adam(self.critic.parameters(), self.settings.lr_critic)

    def _adam(self, parameters: list[torch.nn.Parameter], lr: float) -> AdamW:
        s = self.settings
        return adam(parameters, lr=lr, betas=(s.beta1, s.beta2), weight_decay=s.weight_decay)

    def learn(
        self,
        table: TokenTable,
        state: AlgoState,
        iteration: int,
        seed: int,
        *,
        fresh: bool = True,
        keep: Keep | None = None,
    ) -> dict[str, float]:
        """Train on one iteration's table; return the metrics.

        `fresh` says that the current weights sampled it: then the sampler's log-probabilities are compared
        with the trainer's. Older data is corrected for its age in the same way. `keep` is told each token's
        credit and the trainer's log-probability before the first step, at the price of a forward pass.

        Errors: RunError where a loss or gradient is not finite (no weight has been touched by that step).
        """
        if self.algo.extragradient:
            self.origin = turned(self.optimizers, self.origin)
            fresh = fresh and self.origin is not None  # the half step played, and is gone
        table = self.prepare(table, state)
        if keep is not None:
            ask = partial(forward, self.policy, table, want=self._gradient_columns(), critic=self.critic)
            budget, team = self.settings.microbatch_tokens, self.policy.team
            keep(table, seen(self.algo, table, state, ask, budget, team))
        log = Log(self.policy.team)
        log.add_table(table)
        compared = "logp_old" in self.algo.needs and not (self.trust_sampler or self.algo.recompute)
        if compared:  # coupled losses have no loss a token that a weight could multiply
            correction = Correction() if self.algo.coupled else self.correction
            table, metrics = correction.weigh(table, fresh=fresh)
            log.once |= metrics
        sampled = fresh and not compared and not self.algo.recompute
        if not len(table):  # everything was rejected
            return log.means()
        if self.algo.entanglement and table.pairs is not None:
            log.once |= entangled(self.policy, table, self.settings.microbatch_tokens)
        for epoch in range(self.settings.epochs):
            for number, part in enumerate(self.minibatches(table, iteration, epoch, seed)):
                first = sampled and epoch == 0 and number == 0
                self._optimise(part, state, iteration, log, first)
        return log.means()

    def prepare(self, table: TokenTable, state: AlgoState | None = None) -> TokenTable:
        """Return the table with every fixed column the algorithm needs, and its credit."""
        needs, budget = self.algo.needs, self.settings.microbatch_tokens
        dtype = (
            torch.float64 if next(iter(self.policy.parameters())).dtype == torch.float64 else torch.float32
        )
        table = table.to(dtype)
        fixed: dict[str, Tensor] = {}
        want = frozenset({"values", "hidden"} & needs)
        if "logp_old" in needs:
            if self.trust_sampler and not self.algo.recompute:
                fixed["logp_old"] = table.logp_behaviour
            else:
                want |= {"logp"}
        if want:
            found = compute(self.policy, table, want, budget, self.critic)
            if "logp" in found:
                fixed["logp_old"] = found["logp"]
            if "values" in found:
                fixed["values_old"] = found["values"]
            if "hidden" in found:
                fixed["hidden"] = found["hidden"]
        if needs & {"support_ref", "support_teacher"}:
            count = min(self.algo.support or math.inf, self.policy.module.config.vocab_size)
            table = table.with_columns(support=likeliest(self.policy, table, int(count), budget))
        for name, model in (("ref", self.reference), ("teacher", self.teacher)):
            wanted = {
                "logp": f"logp_{name}", "logp_support": f"support_{name}", "activation": f"activation_{name}"
            }  # fmt: skip
            wanted = {column: own for column, own in wanted.items() if own in needs}
            if wanted:
                assert model is not None
                found = compute(model, table, frozenset(wanted), budget)
                fixed |= {own: found[column] for column, own in wanted.items()}
        table = table.with_columns(**{name: value.to(dtype) for name, value in fixed.items()})
        table = replace(table, state=state or {})
        return with_credit(table, self.algo.credit(table), dtype)

    def minibatches(self, table: TokenTable, iteration: int, epoch: int, seed: int) -> Iterator[TokenTable]:
        """Yield the tables of an epoch's optimiser steps: whole units, shuffled by seed, iteration, epoch."""
        unit = self.algo.unit
        if unit == "pair":
            count = len(table.pairs) if table.pairs is not None else 0
        else:
            column = {"row": table.row, "trajectory": table.trajectory, "group": table.group}[unit]
            names, place = torch.unique(column, return_inverse=True)
            count = len(names)
        parts = min(self.settings.minibatches, max(count, 1))
        if parts == 1:
            yield table
            return
        generator = torch.Generator().manual_seed(hash((seed, iteration, epoch)) & 0x7FFFFFFFFFFFFFFF)
        order = torch.randperm(count, generator=generator)
        for chosen in order.tensor_split(parts):
            if unit == "pair":
                yield table.take_pairs(chosen.sort().values)
            else:
                mask = torch.zeros(count, dtype=torch.bool)
                mask[chosen] = True
                yield table.take(mask[place])

    def _optimise(self, table: TokenTable, state: AlgoState, iteration: int, log: Log, first: bool) -> None:
        for optimizer in self.optimizers.values():
            optimizer.zero_grad(set_to_none=True)
        if self.algo.coupled:
            self._coupled(table, state, log, first)
        else:
            self._separable(table, state, log, first)
        self._apply(iteration, log)

    def _separable(self, table: TokenTable, state: AlgoState, log: Log, first: bool) -> None:
        share = weights(self.algo.aggregate, table.trajectory, max_tokens=table.max_tokens)
        share = share.to(table.logp_behaviour.dtype)
        even = torch.full_like(share, 1.0 / len(table))
        want = self._gradient_columns()
        for rows, tokens, counts in self.policy.team.dealt(table, self.settings.microbatch_tokens):
            columns = forward(self.policy, table, rows, tokens, want, self.critic)
            own = share[tokens] if counts else torch.zeros_like(share[tokens])
            mean = even[tokens] if counts else own
            part = table.take(tokens).with_columns(**{name: value.cpu() for name, value in columns.items()})
            losses = self.algo.loss(part, state)
            total = torch.zeros((), dtype=share.dtype)
            if losses.policy is not None:
                weight = own
                if "correction" in part.columns:
                    weight = weight * part.get("correction")
                policy = (weight * losses.policy).sum()
                total = total + policy
                log.add_part("loss", policy.item())
            if losses.critic is not None:
                critic = (mean * losses.critic).sum()
                total = total + critic
                log.add_part("critic_loss", critic.item())
            total.backward()
            for name, value in losses.metrics.items():
                size = len(tokens) if counts else 0
                log.add_part(name, float((mean * value).sum() if value.ndim else value * size / len(table)))
            if first:
                log.add_gap(part, counts)
        log.step()

    def _coupled(self, table: TokenTable, state: AlgoState, log: Log, first: bool) -> None:
        want, budget = self._gradient_columns(), self.settings.microbatch_tokens
        found = compute(self.policy, table, want, budget, self.critic)
        leaves = {name: value.clone().requires_grad_() for name, value in found.items()}
        whole = table.with_columns(**leaves)
        losses = self.algo.loss(whole, state)
        total = torch.zeros((), dtype=found["logp"].dtype)
        for name, loss in (("loss", losses.policy), ("critic_loss", losses.critic)):
            if loss is not None:
                total = total + loss
                log.add(name, loss.item())
        gradients = torch.autograd.grad(total, list(leaves.values()), allow_unused=True)
        slope = {name: g for name, g in zip(leaves, gradients, strict=True) if g is not None}
        for name, value in losses.metrics.items():
            log.add(name, float(value.float().mean()))
        if first:
            log.add_gap(whole)
        for rows, tokens, counts in self.policy.team.dealt(table, budget):
            columns = forward(self.policy, table, rows, tokens, frozenset(slope), self.critic)
            through = sum((columns[name].cpu() * slope[name][tokens]).sum() for name in slope)
            if isinstance(through, Tensor) and through.requires_grad:
                (through if counts else 0 * through).backward()
        log.step()

    def _gradient_columns(self) -> frozenset[str]:
        return frozenset({"logp"} | (self.algo.needs & GRADIENT_COLUMNS))

    def _apply(self, iteration: int, log: Log) -> None:
        """Clip and step every optimiser."""
        factor = self.rate(iteration)
        for name, optimizer in self.optimizers.items():
            parameters = [p for group in optimizer.param_groups for p in group["params"]]
            limit = self.settings.clip_norm or math.inf
            norm = float(torch.nn.utils.clip_grad_norm_(parameters, limit))
            if not math.isfinite(norm):
                raise RunError(
                    f"the gradient of the {name} is not finite at iteration {iteration};"
                    " lower learner.lr, or look at the last trajectories"
                )
            base = self.settings.lr if name == "policy" else self.settings.lr_critic
            for group in optimizer.param_groups:
                group["lr"] = base * factor
            optimizer.step()
            log.add("grad_norm" if name == "policy" else "critic_grad_norm", norm)
        self.steps += 1
        log.add("lr", self.settings.lr * factor)

    def rate(self, iteration: int) -> float:
        """Return the schedule's factor on the learning rate, in [0, 1]."""
        s = self.settings
        if self.steps < s.warmup:
            return (self.steps + 1) / s.warmup
        done = min(1.0, iteration / max(1, self.iterations))
        if s.schedule == "linear":
            return 1.0 - done
        return 0.5 * (1.0 + math.cos(math.pi * done)) if s.schedule == "cosine" else 1.0


def check_learner(algo: Algorithm, settings: LearnerSettings) -> None:
    """Raise ConfigError where algorithm and learner settings contradict each other."""
    if algo.coupled and algo.unit == "row":
        raise ConfigError(
            f"algo '{algo.name}' is coupled, so its minibatches must be trajectories, groups or pairs"
        )
    if settings.minibatches < 1 or settings.epochs < 1:
        raise ConfigError("learner.minibatches and learner.epochs must be at least 1")
