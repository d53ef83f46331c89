"""One RL iteration beside TRL's GRPOTrainer: generation, credit, loss, backward, optimiser step.

    python benchmarks/train_step.py [shapes=small,long,large] [iterations=5] [threads=0]

Needs the extra `trl`. Both sides start from equal random weights (a Llama) and read the same prompts; every
reply has the same forced length, and the number of tokens learnt from is asserted to be the same. They take
turns, an iteration each, in one process on the same number of threads (0: as many as torch takes), so what
disturbs the machine disturbs both. Writes a table to benchmarks/results/train_step.md.

How the length is forced: the tokenizer's end token has a number just past the model's vocabulary. Neither
side can draw it, and both still look for it at every token, as in training.
"""

import copy
import os
import platform
import sys
import tempfile
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import torch
import transformers
import trl
from transformers import TrainerCallback

from agentrl.errors import ConfigError, nearest
from benchmarks.train_sides import (
    GROUP,
    PARTS,
    PROMPTS,
    SHAPES,
    Clock,
    Ours,
    Shape,
    new_model,
    new_tokenizer,
    trainer_of,
)

RESULTS = Path(__file__).parent / "results" / "train_step.md"
WARM = 2
"""iterations of each side before those that count"""


@dataclass(slots=True)
class Taken:
    """Seconds by part of each iteration, of both sides, in turn."""

    shape: Shape
    parameters: int
    tokens: int
    """learnt from in an iteration"""
    prompt: tuple[int, int]
    """shortest and longest, in tokens"""
    ours: list[dict[str, float]] = field(default_factory=list[dict[str, float]])
    theirs: list[dict[str, float]] = field(default_factory=list[dict[str, float]])

    @property
    def ratios(self) -> list[float]:
        """How many times faster each iteration was than its neighbour."""
        return [
            sum(b.values()) / sum(a.values())
            for a, b in zip(self.ours[WARM:], self.theirs[WARM:], strict=True)
        ]


class Alternating(TrainerCallback):  # type: ignore[misc]
    """After each of TRL's steps, an iteration of ours."""

    def __init__(self, ours: Ours, taken: Taken) -> None:
        self.ours, self.taken = ours, taken

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Note what TRL's step took, and make one of ours. (Called by the trainer.)"""
        clock = self.ours.clock
        self.taken.theirs.append(clock.lap())
        tokens = self.ours.iteration(len(self.taken.ours))
        self.taken.ours.append(clock.lap())
        assert tokens == self.taken.tokens, tokens


def measure(shape: Shape, iterations: int) -> Taken:
    """Return what iterations take, after checking that both sides did the same amount of work."""
    clock, tokenizer, model = Clock(), new_tokenizer(shape.vocabulary), new_model(shape)
    ours = Ours(copy.deepcopy(model), tokenizer, shape, clock)
    parameters = sum(p.numel() for p in model.parameters())
    taken = Taken(shape, parameters, PROMPTS * GROUP * shape.reply, (0, 0))
    read: set[tuple[int, ...]] = set()
    with tempfile.TemporaryDirectory() as folder, clock.installed():
        trainer = trainer_of(model, tokenizer, shape, WARM + iterations, folder)
        loss = trainer.compute_loss

        def checked(model: Any, inputs: Any, *given: Any, **named: Any) -> Any:
            assert int(inputs["completion_mask"].sum()) == taken.tokens
            for ids, mask in zip(inputs["prompt_ids"], inputs["prompt_mask"].bool(), strict=True):
                read.add(tuple(ids[mask].tolist()))
            return loss(model, inputs, *given, **named)

        trainer.compute_loss = checked
        trainer._generate_single_turn = clock.timed("generation", trainer._generate_single_turn)
        trainer._get_per_token_logps_and_entropies = clock.timed(
            "log-prob forward", trainer._get_per_token_logps_and_entropies
        )
        trainer.add_callback(Alternating(ours, taken))
        trainer.train()
    assert read == ours.prompts and len(read) == PROMPTS, "the two sides read different prompts"
    assert ours.learner.steps == trainer.state.global_step == WARM + iterations
    taken.prompt = min(map(len, read)), max(map(len, read))
    return taken


def spread(values: Sequence[float], form: str = "{:.2f}") -> str:
    """Return the median and, in brackets, the least and the most."""
    return f"{form.format(median(values))} ({form.format(min(values))} to {form.format(max(values))})"


def table(name: str, taken: Taken) -> str:
    """Return a shape's figures as Markdown."""
    shape, sides = taken.shape, (taken.ours[WARM:], taken.theirs[WARM:])
    totals = [[sum(lap.values()) for lap in side] for side in sides]
    lines = [
        f"## {name}: {taken.parameters / 1e6:.1f}M parameters, {shape.reply} tokens a reply",
        "",
        f"{shape.layers} layers of width {shape.hidden}, {shape.heads} heads over {shape.heads // 2} of keys,"
        f" vocabulary {shape.vocabulary:,}; prompts of {taken.prompt[0]} to {taken.prompt[1]} tokens;"
        f" {taken.tokens:,} tokens learnt from an iteration.",
        "",
        f"**{spread(taken.ratios)} times TRL's speed**, iteration by iteration.",
        "",
        "| median (least to most) | agentrl | TRL | TRL / agentrl |",
        "|---|---|---|---|",
    ]
    speeds = [spread([taken.tokens / total for total in side], "{:,.0f}") for side in totals]
    lines.append(f"| tokens/s, end to end | {speeds[0]} | {speeds[1]} | |")
    parts = {part: [[lap[part] for lap in side] for side in sides] for part in PARTS}
    for part, (own, other) in {"iteration": totals, **parts}.items():
        ratio = f"{median(other) / median(own):.2f}"
        lines.append(f"| {part}, s | {spread(own, '{:.3f}')} | {spread(other, '{:.3f}')} | {ratio} |")
    return "\n".join(lines)


def processor() -> str:
    """Return the name of the processor."""
    try:
        found = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line]
    except OSError:
        found = []
    return found[0].partition(": ")[2] if found else platform.processor()


def page(found: dict[str, Taken], iterations: int, load: Sequence[tuple[float, ...]]) -> str:
    """Return the results as Markdown."""
    command = " ".join(["benchmarks/train_step.py", *sys.argv[1:]])
    done = (
        f"Made by `python {command}`. Each iteration: {PROMPTS} prompts x {GROUP} replies of forced length"
        " sampled at temperature 1, rewards, group-relative credit, clipped surrogate without a reference"
        " model, backward, one AdamW step; float32, no checkpointing, one forward pass for the whole batch."
        f" The two sides take turns in one process, {iterations} times each after {WARM} for warming up. TRL"
        " generates with transformers and has its defaults otherwise; its forward pass also yields"
        " entropies, which it logs, and ours does not."
    )
    where = (
        f"torch {torch.__version__}, transformers {transformers.__version__}, TRL {trl.__version__};"
        f" {processor()}, {os.cpu_count()} cores, threads used: {torch.get_num_threads()}; load average over"
        f" a minute {load[0][0]:.2f} before, {load[1][0]:.2f} after."
    )
    head = ["# One RL iteration: agentrl (`rollout=hf`, GRPO) and TRL's GRPOTrainer"]
    head += [textwrap.fill(text, 119, break_on_hyphens=False) for text in (done, where)]
    return "\n\n".join([*head, *(table(name, taken) for name, taken in found.items())]) + "\n"


def main(given: Sequence[str]) -> None:
    options = {"shapes": ",".join(SHAPES), "iterations": "5", "threads": "0"}
    for word in given:
        key, _, value = word.partition("=")
        if key not in options:
            raise ConfigError(f"no option '{key}'{nearest(key, options)} (there are: {', '.join(options)})")
        options[key] = value
    names = options["shapes"].split(",")
    for name in names:
        if name not in SHAPES:
            raise ConfigError(f"no shape '{name}'{nearest(name, SHAPES)} (there are: {', '.join(SHAPES)})")
    if int(options["threads"]):
        torch.set_num_threads(int(options["threads"]))
    iterations, before, found = int(options["iterations"]), os.getloadavg(), dict[str, Taken]()
    for name in names:
        found[name] = measure(SHAPES[name], iterations)
        print(table(name, found[name]), flush=True)
    RESULTS.write_text(page(found, iterations, (before, os.getloadavg())), encoding="utf-8")
    print(f"\nwritten to {RESULTS}")


if __name__ == "__main__":
    main(sys.argv[1:])
