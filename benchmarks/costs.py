"""What the cost model says beside what runs took, and what it says of machines that are not here.

    OMP_NUM_THREADS=1 python benchmarks/costs.py [tasks=4,8,16] [iterations=4] [to=FILE]

First the speeds of this machine, each taken alone: decoding steps, prompts, passes of the learner, an answer
of the environment, bytes to another process. Then runs of three sizes in one process: their episodes go into
the model (agentrl/costs.py), their seconds stand beside what comes out. Nothing is fitted to them. Last the
published settings on GPUs, by rooflines: each assumption is named, and none of it was measured.
"""

import importlib
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import mean

import torch

from agentrl.cluster.base import gathered
from agentrl.cluster.local import LocalHost
from agentrl.config import make_env, parse
from agentrl.costs import Chip, Cost, Layout, Speeds, Work, cost, roofline
from agentrl.evaluate import stream
from agentrl.learner.model import Policy
from agentrl.learner.start import new_policy
from agentrl.memory import ModelShape
from agentrl.rollout.hf import HFSampler
from agentrl.train import train
from agentrl.trajectories import read_trajectories
from agentrl.types import Request, Sampling, ids32

RUN = ["env=guess", "algo=grpo", "warm.demonstrations=1", "warm.tasks=40", "eval.every=0", "eval.test=4"]
MIB = 2**20
ROUNDS = 5
H100 = Chip("H100 SXM", flops=989e12, memory=3.35e12)
FAR = Speeds(step=0, each=0, prompt=0, world=0.05, learn=0, score=0, update=0, wire=5e9, link=50e9, call=0.01)
"""what is no GPU's matter: seconds of an environment, bytes a second by host memory, by 400 Gbit/s"""
MODELS = {
    "1.5B": ModelShape(1_543_714_304, 0, 28, 1536, 8960, 1536, 256, 151_936),
    "7B": ModelShape(7_615_616_512, 0, 28, 3584, 18944, 3584, 512, 152_064),
}
WORLDS = {  # turns as the settings files assume them; a reply is a quarter of what it may be
    "WebShop": Work(128, 8, 15, 800, 1200, 128, forwards=2, steps=16, passes=80),
    "ALFWorld": Work(128, 30, 50, 800, 1200, 128, forwards=2, steps=15, passes=290),
}
LAYOUTS = {
    "1 GPU, in turn": Layout(receivers=1),
    "8 GPUs (gpu8.toml)": Layout(engines=1, ranks=6, ahead=True, receivers=2),
    "2 x 8 GPUs (gpu2x8.toml)": Layout(engines=3, ranks=12, ahead=True, receivers=4),
}


class Ear:
    """Takes what is sent to it."""

    def take(self, value: dict[str, torch.Tensor]) -> int:
        """Return how much there was."""
        return sum(tensor.numel() for tensor in value.values())


def fastest(work: Callable[[], object]) -> float:
    """Return the seconds of the fastest of some rounds."""
    found = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        work()
        found.append(time.perf_counter() - begun)
    return min(found)


def speeds_here(context: int) -> Speeds:
    """Return this machine's speeds with the tiny model at contexts of this length."""
    settings = parse(RUN)
    with closing(make_env(settings, "train")) as env:
        policy = new_policy(settings.model, env, env.tasks("train"), stream(0, "model"))
        world = fastest(lambda: [env.reset(seed=1), *(env.step("7") for _ in range(4))]) / 5
    sampler = HFSampler(policy.module, eos_ids=(), pad_id=policy.pad)
    dice = random.Random(0)

    def decode(batch: int, tokens: int) -> None:
        prompts = [[dice.randrange(3, len(policy.tokenizer)) for _ in range(context)] for _ in range(batch)]
        asks = [Request(ids32(ids), (0, 0, number, 0)) for number, ids in enumerate(prompts)]
        sampler.generate(asks, Sampling(1.0, 1.0, 0, tokens))

    few, many = (fastest(partial(decode, batch, 8)) for batch in (4, 64))
    steps = [(fastest(partial(decode, b, 40)) - short) / 32 for b, short in ((4, few), (64, many))]
    each = max(0.0, (steps[1] - steps[0]) / 60)
    step = max(0.0, steps[0] - 4 * each)
    optimizer = torch.optim.AdamW(policy.parameters(), lr=0.0)
    learn = fastest(lambda: passes(policy, context, True)) / (16 * context)
    return Speeds(
        step=step,
        each=each,
        prompt=max(0.0, many - 8 * (step + 64 * each)) / (64 * context),
        world=world,
        learn=learn,
        score=fastest(lambda: passes(policy, context, False)) / (16 * context),
        update=fastest(optimizer.step),
        wire=wire(64),
    )


def passes(policy: Policy, context: int, backward: bool) -> None:
    """Read 16 rows, forward and perhaps backward; a quarter of each is the policy's."""
    ids = torch.randint(3, len(policy.tokenizer), (16, context), generator=torch.manual_seed(0))
    own = torch.arange(context - context // 4, context)
    row, column = torch.arange(16).repeat_interleave(len(own)), own.repeat(16)
    policy.module.train()
    with torch.set_grad_enabled(backward):
        logp = policy.columns(ids, row, column, ids[row, column], frozenset({"logp"}))["logp"]
    if backward:
        logp.sum().backward()


def wire(size: int) -> float:
    """Return the bytes a second at which tensors of so many MiB come to another process of this machine."""
    with closing(LocalHost()) as host:
        # What this script is called as, __main__, is another one in another process.
        ear = host.start("ear", importlib.import_module("costs").Ear)
        weights = {str(i): torch.zeros(MIB // 4) for i in range(size)}
        gathered([ear.call("take", {}, deadline=120)])
        seconds = fastest(lambda: gathered([ear.call("take", host.share(weights), deadline=120)]))
    return size * MIB / seconds


def ran(tasks: int, iterations: int) -> tuple[Work, dict[str, float]]:
    """Return what a run played an iteration, and the seconds of its parts, an iteration."""
    with tempfile.TemporaryDirectory() as folder:
        sizes = [f"rollout.tasks={tasks}", f"iterations={iterations}", "trajectories=1"]
        path = train(parse([*RUN, *sizes, f"out={folder}/run"]))
        seconds = json.loads((path / "summary.json").read_text())["seconds"]
        batches = [list(read_trajectories(file)) for file in sorted((path / "trajectories").glob("*.gz"))]
    episodes = [episode for batch in batches for episode in batch]
    turns = [turn for episode in episodes for turn in episode.turns]
    prompt = mean(len(turn.prompt_ids) for turn in turns)
    longest = mean(max(len(episode.turns) for episode in batch) for batch in batches)
    # All that are asked together wait for the longest reply, so that is what a round takes.
    reply = mean(len(turn.action_ids) for turn in turns)
    work = Work(
        len(episodes) // len(batches), len(turns) / len(episodes), longest, prompt, prompt + reply, reply
    )
    return work, {name: seconds[name] / iterations for name in ("rollout", "learner")}


def check(sizes: Sequence[int], iterations: int) -> list[str]:
    """Return the lines on runs of this machine."""
    found = {size: ran(size, iterations) for size in sizes}
    speeds = speeds_here(round(mean(work.context for work, _ in found.values())))
    lines = ["## Held against runs", "", f"Speeds taken alone: {told(speeds)}", ""]
    lines += [
        "| tasks | episodes, turns, tokens a turn | part | predicted s | measured s |",
        "|---|---|---|---|---|",
    ]
    for size, (work, seconds) in found.items():
        guess = cost(work, speeds, Layout(), 0)
        what = f"{work.episodes}, {work.turns:.1f}, {work.prompt:.0f} + {work.reply:.0f}"
        for part, predicted in (("rollout", guess.rollout), ("learner", guess.learner)):
            lines.append(f"| {size} | {what} | {part} | {predicted:.2f} | {seconds[part]:.2f} |")
    for size in (16, 128):
        predicted, measured = size * MIB / speeds.wire, size * MIB / wire(size)
        lines.append(
            f"| - | {size} MiB of weights to a process | transfer | {predicted:.3f} | {measured:.3f} |"
        )
    return lines


def told(speeds: Speeds) -> str:
    """Return speeds in words."""
    ms, us = 1e3, 1e6
    return (
        f"a decoding step {ms * speeds.step:.2f} ms and {ms * speeds.each:.3f} ms a sequence, a token of a"
        f" prompt {us * speeds.prompt:.0f} us, of the learner {us * speeds.learn:.0f} us (forward alone"
        f" {us * speeds.score:.0f}), an update {ms * speeds.update:.1f} ms, an environment's answer"
        f" {us * speeds.world:.0f} us, {speeds.wire / 1e9:.2f} GB/s to another process"
    )


def elsewhere() -> list[str]:
    """Return the lines on machines that are not here."""
    chip = H100
    assumed = (
        f"{chip.name}: {chip.flops / 1e12:.0f} Tflop/s in bfloat16, of which {chip.trains:.0%} are had in"
        f" training and {chip.reads:.0%} in reading prompts; {chip.memory / 1e12:.2f} TB/s, of which"
        f" {chip.streams:.0%} in decoding, and no step under {1e3 * chip.floor:.0f} ms."
        f" {FAR.wire / 1e9:.0f} GB/s from the driver to an actor, {FAR.link / 1e9:.0f} GB/s between ranks,"
        f" {1e3 * FAR.world:.0f} ms for an environment's answer. Activations are computed again. 128 episodes"
        " whose mean of turns the settings files assume; replies have 128 tokens, prompts 1,072 of which 800"
        " are new; old policy and reference are computed."
    )
    heads = "environment, model", "machine", "rollout s", "transfer s", "learner s", "iteration s"
    head = "| " + " | ".join(heads) + " |"
    lines = ["", "## Extrapolated, not measured", "", assumed, "", head, "|" + "---|" * len(heads)]
    for world, work in WORLDS.items():
        for name, shape in MODELS.items():
            speeds = roofline(H100, shape, work.context, True, FAR)
            for machine, layout in LAYOUTS.items():
                if machine.startswith("1 GPU") and name == "7B":  # all weights do not fit one
                    continue
                found: Cost = cost(work, speeds, replace(layout, parallel=256), 2 * shape.parameters)
                parts = found.rollout, found.transfer, found.learner, found.iteration
                cells = " | ".join(f"{part:.1f}" for part in parts)
                lines.append(f"| {world}, {name} | {machine} | {cells} |")
    return lines


def main() -> None:
    options = dict(word.split("=", 1) for word in sys.argv[1:])
    torch.set_num_threads(1)
    sizes = [int(size) for size in options.get("tasks", "4,8,16").split(",") if size]
    head = [
        "# What an iteration costs",
        "",
        f"`python benchmarks/costs.py {' '.join(sys.argv[1:])}`".strip(),
        "",
    ]
    measured = check(sizes, int(options.get("iterations", "4"))) if sizes else []
    text = "\n".join([*head, *measured, *elsewhere()]) + "\n"
    print(text)
    if "to" in options:
        Path(options["to"]).write_text(text)


if __name__ == "__main__":
    main()
