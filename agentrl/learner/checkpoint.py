"""Checkpoints: atomic, complete, and loadable by transformers.

`checkpoints/<phase>-<number>/` holds `policy/` (what `AutoModelForCausalLM.from_pretrained` reads: the model,
or of a run with `model.lora` the adapter and the name of its base),
`state.pt` (optimisers, critic, algorithm state, counters) and `DONE`, written last. Where several processes
learnt, `learner/` has optimisers and critic in pieces. A folder without `DONE` does not count. The reference
policy never changes and is kept once, in `checkpoints/reference/`.
"""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors import SafetensorError
from transformers.utils import logging as quiet

from agentrl.errors import AgentRLError, RunError
from agentrl.learner.critic import Critic
from agentrl.learner.lora import adapted, merged, save_adapter
from agentrl.learner.model import HEAD, Policy
from agentrl.learner.values import FOLDER, save_values

PHASES = ("warm", "rl")


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


@dataclass(frozen=True, slots=True)
class Saved:
    """A checkpoint that was read."""

    folder: Path
    state: dict[str, Any]
    """all that is in its `state.pt`"""

    @property
    def progress(self) -> Progress:
        """Return where the run stood."""
        kept = self.state
        return Progress(kept["phase"], kept["done"], kept["algo_state"], kept["counters"])


class Keeper(Protocol):
    """What learns, as far as a checkpoint is concerned."""

    def save(self, part: Path) -> dict[str, Any]:
        """Return what is needed to go on, beside the policy; what is large may be written into a folder."""
        ...


def save(
    folder: Path,
    policy: Policy,
    progress: Progress,
    learner: Keeper,
    extra: dict[str, Any],
    keep: int,
) -> Path:
    """Write a checkpoint and drop the oldest beyond `keep`; return its folder.

    Errors: RunError where the disk is full; the checkpoint before is then untouched.
    """
    final = folder / f"{progress.phase}-{progress.done:06d}"
    state: dict[str, Any] = {
        "phase": progress.phase,
        "done": progress.done,
        "algo_state": progress.algo_state,
        "counters": progress.counters,
        "extra": extra,
    }
    if policy.value_head is not None:
        state["value_head"] = policy.value_head.state_dict()
    with _whole(final) as part:
        _write_policy(policy, part / "policy")
        state |= learner.save(part)
        with (part / "state.pt").open("wb") as file:  # a path is written by torch, which hides why it failed
            torch.save(state, file)
        (part / "DONE").write_text("")
    for old in _finished(folder)[:-keep]:
        shutil.rmtree(old)
    return final


def save_policy(policy: Policy, folder: Path) -> None:
    """Write model (of one with an adapter, that alone) and tokenizer: the whole folder, or nothing.

    Errors: RunError where the disk does not take it.
    """
    with _whole(folder) as part:
        _write_policy(policy, part)


def save_result(policy: Policy, run: Path, critic: Critic | None = None) -> None:
    """Write `model/`, whole weights that transformers and vLLM load; `adapter/`, `critic/` where they are.

    Errors: RunError where the disk does not take it.
    """
    if critic is not None or policy.value_head is not None:
        with _whole(run / FOLDER) as part:
            save_values(policy, critic, part)
    if not adapted(policy.module):
        return save_policy(policy, run / "model")
    save_policy(policy, run / "adapter")
    with _whole(run / "model") as part:
        quiet.disable_progress_bar()
        with torch.device("meta"):  # only for its names: the weights come merged
            plain = type(policy.module)(policy.module.config)
        plain.generation_config = policy.module.generation_config
        # safetensors holds a tied head once, as the embedding: under its own name it would be read as untied.
        tied = plain.config.tie_word_embeddings
        weights = {name: tensor for name, tensor in merged(policy.module) if not (tied and name == HEAD)}
        plain.to(policy.module.dtype).save_pretrained(part, state_dict=weights)
        policy.tokenizer.save_pretrained(part)


def _write_policy(policy: Policy, folder: Path) -> None:
    quiet.disable_progress_bar()
    if adapted(policy.module):
        save_adapter(policy.module, folder)
    else:
        policy.module.save_pretrained(folder)
    policy.tokenizer.save_pretrained(folder)


@contextmanager
def _whole(final: Path) -> Iterator[Path]:
    """Give a folder to fill; it takes the place of `final` once the block ends without an error."""
    part = final.with_name(f".{final.name}.part")
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        yield part
        _sync(part)
        shutil.rmtree(final, ignore_errors=True)
        os.replace(part, final)
    except AgentRLError:
        raise
    except (OSError, RuntimeError, SafetensorError) as why:  # torch and safetensors have their own words
        shutil.rmtree(part, ignore_errors=True)
        reason = "the disk is full" if _full(why) else next(iter(str(why).splitlines()), type(why).__name__)
        raise RunError(
            f"{final} could not be written ({reason}); the last checkpoint is whole, so once that is put"
            " right 'agentrl resume' continues the run"
        ) from why


def _full(why: BaseException | None) -> bool:
    """Tell whether an error, or one that it followed, was a full disk."""
    if why is None:
        return False
    full = getattr(why, "errno", None) == errno.ENOSPC or "No space left" in str(why)
    return full or _full(why.__context__)


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


def last(folder: Path) -> Saved | None:
    """Return the newest complete checkpoint, read; or None."""
    found = newest(folder)
    return None if found is None else Saved(found, read_state(found))
