"""What a run learns with: one protocol, and the learner that lives in this process."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from torch.optim import AdamW

from agentrl.algo import Algorithm, AlgoState
from agentrl.cluster.base import Host
from agentrl.learner import checkpoint
from agentrl.learner.checkpoint import Saved
from agentrl.learner.critic import Critic
from agentrl.learner.extragradient import Origin
from agentrl.learner.mismatch import Correction
from agentrl.learner.model import Policy
from agentrl.learner.seen import Keep
from agentrl.learner.start import saved_reference
from agentrl.learner.step import REFERENCE, Learner
from agentrl.learner.warm import WarmStart
from agentrl.settings import Settings
from agentrl.table import TokenTable


class Learning(Protocol):
    """What changes the policy of a run. Once a call has returned, the run's policy has the new weights."""

    def warm(self, table: TokenTable, seed: int, saved: Saved | None) -> int:
        """Begin to learn demonstrations, or go on; return the rounds there are in all."""
        ...

    def round(self, number: int) -> dict[str, float]:
        """Do a round of the warm start; return its metrics."""
        ...

    def begin(self, saved: Saved | None) -> None:
        """Begin RL from the policy as it is, or go on."""
        ...

    def learn(
        self,
        table: TokenTable,
        state: AlgoState,
        iteration: int,
        seed: int,
        *,
        fresh: bool,
        keep: Keep | None,
    ) -> dict[str, float]:
        """Train on one iteration's table; see `Learner.learn`."""
        ...

    def save(self, part: Path) -> dict[str, Any]:
        """Return what a checkpoint needs to go on, beside the policy; large things may go into `part`."""
        ...

    def critic(self) -> Critic | None:
        """Return the critic as it is now, where there is a model of its own."""
        ...

    def close(self) -> None:
        """End what was started for it."""
        ...


def reference_of(policy: Policy, folder: Path, algo: Algorithm, saved: Saved | None) -> bool:
    """Tell whether the policy that RL starts from is needed later; a run that begins keeps it in a folder."""
    needed = bool(algo.needs & REFERENCE)
    if needed and saved is None:
        checkpoint.save_policy(policy, folder)
    return needed


class Here:
    """A learner in this process, which trains the run's policy itself."""

    def __init__(self, settings: Settings, algo: Algorithm, policy: Policy, checkpoints: Path) -> None:
        self.settings, self.algo, self.policy = settings, algo, policy
        self._reference = checkpoints / "reference"
        self._optimizers: Mapping[str, AdamW] = {}
        self._warm: WarmStart | None = None
        self._learner: Learner | None = None

    def warm(self, table: TokenTable, seed: int, saved: Saved | None) -> int:
        """Begin the warm start, or go on with it."""
        budget = self.settings.learner.microbatch_tokens
        self._warm = WarmStart(self.policy, table, self.settings.warm, seed=seed, budget=budget)
        self._optimizers = self._warm.optimizers
        if saved is not None:
            self._restore(saved)
        self.policy.module.train()
        return self._warm.rounds

    def round(self, number: int) -> dict[str, float]:
        """Do a round of the warm start."""
        assert self._warm is not None
        return self._warm.round(number)

    def begin(self, saved: Saved | None) -> None:
        """Begin RL, or go on with it."""
        settings, policy, reference = self.settings, self.policy, None
        if reference_of(policy, self._reference, self.algo, saved):
            kept = saved_reference(settings.model, self._reference, policy) if saved else None
            reference = kept or policy.frozen_copy()
        trust, correction = settings.rollout.trusts_sampler, Correction.of(settings.rollout)
        plan = settings.learner, settings.run.iterations, trust
        learner = Learner(policy, self.algo, *plan, reference=reference, correction=correction)
        self._warm, self._learner, self._optimizers = None, learner, learner.optimizers
        if saved is None:
            return
        if "value_head" in saved.state and policy.value_head is not None:
            policy.value_head.load_state_dict(saved.state["value_head"])
        if "critic" in saved.state and learner.critic is not None:
            learner.critic.load_state_dict(saved.state["critic"])
        learner.origin = self._restore(saved)
        learner.steps = saved.state["steps"]

    def learn(
        self,
        table: TokenTable,
        state: AlgoState,
        iteration: int,
        seed: int,
        *,
        fresh: bool,
        keep: Keep | None,
    ) -> dict[str, float]:
        """Train on one iteration's table."""
        assert self._learner is not None
        self.policy.module.train()
        return self._learner.learn(table, state, iteration, seed, fresh=fresh, keep=keep)

    def save(self, part: Path) -> dict[str, Any]:
        """Return everything: `state.pt` holds it."""
        state: dict[str, Any] = {"optimizers": {k: o.state_dict() for k, o in self._optimizers.items()}}
        learner = self._learner
        if learner is None:
            return state
        state |= {"steps": learner.steps, "origin": learner.origin.saved() if learner.origin else None}
        return state | ({"critic": learner.critic.state_dict()} if learner.critic is not None else {})

    def critic(self) -> Critic | None:
        """Return the learner's own."""
        return None if self._learner is None else self._learner.critic

    def close(self) -> None:
        """Nothing was started."""

    def _restore(self, saved: Saved) -> Origin | None:
        """Put optimisers back; return where a half step began."""
        if "optimizers" not in saved.state:  # several processes wrote it
            from agentrl.learner import shards

            return shards.read(saved.folder / shards.FOLDER, self._optimizers)
        for name, optimizer in self._optimizers.items():
            optimizer.load_state_dict(saved.state["optimizers"][name])
        origin = saved.state.get("origin")
        return Origin(**origin) if origin else None


def learning_of(
    settings: Settings, algo: Algorithm, policy: Policy, checkpoints: Path, host: Host, model_seed: int
) -> Learning:
    """Return what a run learns with, in as many processes as its settings say; they start on `host`."""
    if settings.learner.processes == 1:
        return Here(settings, algo, policy, checkpoints)
    from agentrl.learner.ranks import Ranks

    return Ranks(settings, algo, policy, checkpoints, host, model_seed)
