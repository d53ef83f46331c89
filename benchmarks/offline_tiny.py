"""Preferences, stored episodes and trees beside GiGPO: one warm start, equal environment steps, tiny model.

    python benchmarks/offline_tiny.py webshop|alfworld|math [seeds=3] [jobs=2] [out=runs/offline_tiny_webshop]
                                      [algos=sft,rejection,dpo,step_dpo,tpo,mcts_dpo,oreo,gigpo]

Every method stops after the same number of environment steps; those that store their episodes (sft, oreo)
play about as many before they learn. `oreo` plays in rounds, each with the policy that the last one left.
How the runs are made: see `benchmarks/tiny.py`.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import agentrl
from benchmarks.tiny import Study


@dataclass(frozen=True, slots=True)
class World:
    """What is played, and how much of it."""

    env: Sequence[str]
    steps: int
    stored: int
    """iterations of methods that store their episodes"""
    shown: int
    """demonstrations a task that `sft` imitates, about `steps` in all"""
    per_task: int
    """episodes a task that `oreo` stores in a round; with its rounds, about `steps` in all"""
    rounds: int
    methods: Sequence[str]


ALL = ("sft", "rejection", "dpo", "step_dpo", "tpo", "mcts_dpo", "oreo", "gigpo")
FEW = ("sft", "dpo", "step_dpo", "oreo", "gigpo")
WORLDS: Mapping[str, World] = {
    "webshop": World(["env=webshop"], 25_000, 48, 6, 2, 3, ALL),
    "alfworld": World(["env=alfworld", "env.data=generated"], 90_000, 48, 1, 1, 1, FEW),
    "math": World(["env=math", "env.data=generated"], 20_000, 80, 8, 2, 2, FEW),
}
SEARCH: Mapping[str, Any] = {"decode": "value_beam", "candidates": 4}
"""how `oreo` decides at test time, beside its plain decodings"""


def study(name: str) -> Study:
    """Return what is compared in a world."""
    world = WORLDS[name]
    fresh = [f"run.steps={world.steps}", "iterations=400"]
    stored = [f"iterations={world.stored}"]
    words = {
        method: [f"algo={method}", *(stored if method in ("sft", "oreo") else fresh)]
        for method in world.methods
    }
    words["sft"] += [f"algo.per_task={world.shown}"]
    words["oreo"] += [f"algo.per_task={world.per_task}", f"algo.rounds={world.rounds}"]
    return Study(
        script=f"offline_tiny_{name}",
        title=f"Preferences, stored episodes and trees beside GiGPO on {name} with the tiny model",
        env=world.env,
        algos=words,
        notes=f"Methods that play as they learn stop after {world.steps:,} environment steps.",
        command=f"offline_tiny.py {name}",
    )


def guided(name: str, words: Sequence[str]) -> str:
    """Return how the `oreo` runs decide at test time with their values, as lines of a page."""
    given = dict(word.split("=", 1) for word in words)
    out = Path(given.get("out", f"runs/offline_tiny_{name}"))
    said = " ".join(f"{key}={value}" for key, value in SEARCH.items())
    lines = [
        f"`oreo` on the test panel with {said}, four replies in each of the four states of most value:",
        "",
    ]
    for seed in range(int(given.get("seeds", 3))):
        (one,) = agentrl.evaluate(model=out / f"oreo-{seed}", panel="test", **SEARCH)
        solved = sum(one.success) / len(one.success)
        lines.append(f"- seed {seed}: {solved:.1%} solved, {one.spent['turns']:,.0f} turns")
    return "\n".join([*lines, ""])


def main(words: Sequence[str]) -> int:
    """Run what is missing in a world; write its table, and below what searching with values adds."""
    name, *rest = words
    made = study(name)
    status = made.main(rest)
    if "oreo" in dict(word.split("=", 1) for word in rest).get("algos", ",".join(WORLDS[name].methods)):
        text = guided(name, rest)
        made.results.write_text(f"{made.results.read_text()}\n{text}")
        print(text)
    return status


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in WORLDS:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1:]))
