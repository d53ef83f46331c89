"""One of the processes that a learner lives in: it holds its piece of every model and answers the driver.

The driver (`agentrl.learner.ranks`) calls the same method of all of them; what one needs of the others is
exchanged between them while they answer.
"""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from agentrl.algo import AlgoState
from agentrl.config import make_algo, make_env
from agentrl.learner import shards
from agentrl.learner.adam import parameters_of
from agentrl.learner.checkpoint import read_state
from agentrl.learner.critic import Critic
from agentrl.learner.lora import add_lora, base_of, load_adapter
from agentrl.learner.mismatch import Correction
from agentrl.learner.model import Policy, load_model
from agentrl.learner.sharded import Sharded, gathered, meeting, met, place_of, stay_here
from agentrl.learner.start import new_policy, saved_reference
from agentrl.learner.step import REFERENCE, Learner
from agentrl.learner.warm import WarmStart
from agentrl.settings import Settings
from agentrl.table import TokenTable

PATIENCE = 0.5
"""share of a call's deadline that a process waits for another one: it then says that it did"""


@dataclass(frozen=True, slots=True)
class Seat:
    """Which of a run's learner processes this is, and where it finds what they begin with."""

    settings: Settings
    rank: int
    size: int
    reference: Path
    """folder of the policy that RL started from, where the algorithm needs it"""
    model_seed: int
    """that the tiny model and adapters are drawn from"""


class Rank:
    """A learner's piece in a process of its own; see `Learning` for what the calls mean."""

    def __init__(self, seat: Seat) -> None:
        self.seat, self.settings = seat, seat.settings
        torch.set_num_threads(seat.settings.run.threads)
        self.algo = make_algo(seat.settings)
        self._device = place_of(seat.rank, seat.settings.model.path == "tiny")
        self._local = seat.settings.cluster.kind == "local"
        self._store: dist.TCPStore | None = None
        self._team: Sharded | None = None
        self._warm: WarmStart | None = None
        self._learner: Learner | None = None

    def place(self) -> str:
        """Return where this process learns, once it is there."""
        return str(self._device)

    def meet(self) -> str:
        """Return the address where all processes are to meet; asked of one."""
        self._store, address = meeting(self._local)
        return address

    def join(self, address: str) -> None:
        """Meet the others."""
        if self._local:
            stay_here()
        seat = self.seat
        store = self._store or met(address)
        patience = PATIENCE * seat.settings.cluster.deadline
        self._team = Sharded(seat.rank, seat.size, store, patience=patience, device=self._device)

    def warm(self, folder: Path, table: TokenTable, seed: int, saved: Path | None) -> int:
        """Begin the warm start of the policy of a folder, or go on with that of a checkpoint."""
        policy = self._policy(folder)
        policy.module.train()
        policy.team.split(policy)
        budget = self.settings.learner.microbatch_tokens
        self._warm = WarmStart(policy, table, self.settings.warm, seed=seed, budget=budget)
        if saved is not None:
            self._restore(saved)
        return self._warm.rounds

    def round(self, number: int) -> dict[str, float]:
        """Do a round of the warm start."""
        assert self._warm is not None
        return self._warm.round(number)

    def begin(self, folder: Path, saved: Path | None) -> None:
        """Begin RL from the policy of a folder, or go on with that of a checkpoint."""
        self._warm = None
        policy, settings, critic = self._policy(folder), self.settings, None
        policy.module.train()
        state = read_state(saved) if saved else {}
        if "value_head" in state:
            policy.add_value_head(self.algo.heads)
            assert policy.value_head is not None
            policy.value_head.load_state_dict(state["value_head"])
        if "critic" in state:
            critic = Critic.like(policy, self.algo.heads)
            critic.load_state_dict(state["critic"])
        reference = None
        if self.algo.needs & REFERENCE:
            reference = self._joined(saved_reference(settings.model, self.seat.reference, policy))
        self._learner = Learner(
            policy,
            self.algo,
            settings.learner,
            settings.run.iterations,
            settings.rollout.trusts_sampler,
            critic=critic,
            reference=reference,
            correction=Correction.of(settings.rollout),
        )
        if saved is not None:
            self._restore(saved)

    def learn(
        self, table: TokenTable, state: AlgoState, iteration: int, seed: int, fresh: bool, kept: bool
    ) -> tuple[dict[str, float], dict[str, Tensor]]:
        """Learn from a table; return the metrics, and the columns to be kept where that is asked for.

        Edge: only the first process has any columns to tell.
        """
        assert self._learner is not None
        found: dict[str, Tensor] = {}

        def keep(_: TokenTable, columns: Mapping[str, Tensor]) -> None:
            found.update((name, column.detach()) for name, column in columns.items())

        metrics = self._learner.learn(table, state, iteration, seed, fresh=fresh, keep=keep if kept else None)
        return metrics, {} if self.seat.rank else found

    def weights(self, of: str, first: int, kinds: list[torch.dtype]) -> list[Tensor]:
        """Return as many of the trained weights that an optimiser steps, whole, in these number formats.

        Edge: only the first process has any to tell.
        """
        own = parameters_of(self._optimizers()[of])[first : first + len(kinds)]
        whole = [gathered(p) for p in own]
        return [] if self.seat.rank else [w.to(kind) for w, kind in zip(whole, kinds, strict=True)]

    def save(self, folder: Path) -> int:
        """Write this process's piece of what is learnt with; return the optimiser steps made."""
        origin = self._learner.origin if self._learner is not None else None
        shards.write(folder, self._optimizers(), origin)
        return self._learner.steps if self._learner is not None else 0

    def close(self) -> None:
        """Leave the others."""
        if self._team is not None:
            self._team.close()

    def _optimizers(self) -> dict[str, Any]:
        """Return what steps the weights now."""
        if self._warm is not None:
            return self._warm.optimizers
        assert self._learner is not None
        return self._learner.optimizers

    def _restore(self, saved: Path) -> None:
        """Put optimisers and counters back."""
        state, optimizers = read_state(saved), self._optimizers()
        written = saved / shards.FOLDER
        origin = shards.read(written, optimizers) if written.is_dir() else shards.take(state, optimizers)
        if self._learner is not None:
            self._learner.steps, self._learner.origin = state["steps"], origin

    def _policy(self, folder: Path) -> Policy:
        """Return the policy of a folder, still whole."""
        model, seed = self.settings.model, self.seat.model_seed
        base = base_of(folder)
        if base == "tiny":  # it is made of an environment's words
            with closing(make_env(self.settings, "train")) as env:
                policy = new_policy(replace(model, lora=0), env, env.tasks("train"), seed)
        else:
            policy = load_model(base or str(folder), model.dtype, "cpu")
        if base:
            add_lora(policy.module, model, seed)
            load_adapter(policy.module, folder)
        return self._joined(policy)

    def _joined(self, policy: Policy) -> Policy:
        """Return a policy as one of the team's."""
        assert self._team is not None
        policy.team = self._team
        return policy
