"""Checkpoints: atomic, complete, and loadable by transformers.

`checkpoints/<phase>-<number>/` holds `policy/` (what `AutoModelForCausalLM.from_pretrained` reads),
`state.pt` (optimisers, critic, algorithm state, counters) and `DONE`, written last. A folder without `DONE`
does not count. The reference policy never changes and is kept once, in `checkpoints/reference/`.
"""

import errno
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from transformers.utils import logging as quiet

from agentrl.errors import RunError
from agentrl.learner.model import Policy
from agentrl.learner.step import Learner

PHASES = ("warm", "rl")
FULL = 1 << 20
"""bytes left on a disk below which it counts as full"""


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run stands: what has been done, and everything beside weights that the rest depends on."""

    phase: str
    """warm or rl: the phase that `done` counts in"""
    done: int
    """rounds of that phase that are behind us"""
    algo_state: dict[str, Any] = field(default_factory=dict)
    counters: dict[str, float] = field(default_factory=dict)
    """environment steps, seconds by kind"""


def save(
    folder: Path,
    policy: Policy,
    progress: Progress,
    learner: Learner | None,
    extra: dict[str, Any],
    keep: int,
) -> Path:
    """Write a checkpoint and drop the oldest beyond `keep`; return its folder.

    Errors: RunError where the disk is full; the checkpoint before is then untouched.
    """
    name = f"{progress.phase}-{progress.done:06d}"
    final, temporary = folder / name, folder / f".{name}.part"
    try:
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        save_policy(policy, temporary / "policy")
        state: dict[str, Any] = {
            "phase": progress.phase,
            "done": progress.done,
            "algo_state": progress.algo_state,
            "counters": progress.counters,
            "extra": extra,
        }
        if policy.value_head is not None:
            state["value_head"] = policy.value_head.state_dict()
        if learner is not None:
            state["optimizers"] = {k: o.state_dict() for k, o in learner.optimizers.items()}
            state["steps"] = learner.steps
            if learner.critic is not None:
                state["critic"] = learner.critic.state_dict()
        torch.save(state, temporary / "state.pt")
        (temporary / "DONE").write_text("")
        _sync(temporary)
        if final.exists():
            shutil.rmtree(final)
        os.replace(temporary, final)
    except (OSError, RuntimeError) as why:  # torch and safetensors report a full disk as RuntimeError
        full = getattr(why, "errno", None) == errno.ENOSPC or shutil.disk_usage(folder).free < FULL
        shutil.rmtree(temporary, ignore_errors=True)
        reason = "the disk is full" if full else str(why).splitlines()[0]
        raise RunError(
            f"checkpoint {final} could not be written ({reason}); the one before it is whole"
        ) from why
    for old in _finished(folder)[:-keep]:
        shutil.rmtree(old)
    return final


def save_policy(policy: Policy, folder: Path) -> None:
    """Write model and tokenizer so that transformers and vLLM load them."""
    quiet.disable_progress_bar()
    policy.module.save_pretrained(folder)
    policy.tokenizer.save_pretrained(folder)


def _sync(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())


def _finished(folder: Path) -> list[Path]:
    """Return the complete checkpoints, oldest first."""
    found = [p.parent for p in folder.glob("*/DONE") if p.parent.name.split("-")[0] in PHASES]
    return sorted(found, key=lambda p: (PHASES.index(p.name.split("-")[0]), int(p.name.split("-")[1])))


def newest(folder: Path) -> Path | None:
    """Return the newest complete checkpoint, or None."""
    finished = _finished(folder)
    return finished[-1] if finished else None


def read_state(checkpoint: Path) -> dict[str, Any]:
    """Return what is in a checkpoint's `state.pt`."""
    state: dict[str, Any] = torch.load(checkpoint / "state.pt", weights_only=True)
    return state


def progress_of(state: dict[str, Any]) -> Progress:
    """Return where the run stood."""
    return Progress(state["phase"], state["done"], state["algo_state"], state["counters"])


def load_policy_weights(policy: Policy, folder: Path) -> None:
    """Put the weights saved in `folder` into the policy."""
    weights: dict[str, torch.Tensor] = {}
    for file in sorted(folder.glob("*.safetensors")):
        weights |= load_file(file)
    missing, unexpected = policy.module.load_state_dict(weights, strict=False)
    tied = set(getattr(policy.module, "_tied_weights_keys", None) or ())
    if unexpected or set(missing) - tied:
        raise RunError(
            f"{folder} does not fit this model: missing {sorted(set(missing) - tied)[:3]},"
            f" unexpected {list(unexpected)[:3]}"
        )
    policy.module.tie_weights()


def load_learner(learner: Learner, state: dict[str, Any]) -> None:
    """Put optimisers, critic and counters back."""
    for name, optimizer in learner.optimizers.items():
        optimizer.load_state_dict(state["optimizers"][name])
    learner.steps = state["steps"]
    if learner.critic is not None:
        learner.critic.load_state_dict(state["critic"])
