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

from benchmarks.tiny import Study


@dataclass(frozen=True, slots=True)
class World:
    """What is played, and how much of it."""

    env: Sequence[str]
    steps: int
    stored: int
    """iterations of methods that store their episodes"""
    per_task: int
    """stored episodes a task in a round, so that two rounds take about `steps`"""
    methods: Sequence[str]


ALL = ("sft", "rejection", "dpo", "step_dpo", "tpo", "mcts_dpo", "oreo", "gigpo")
WORLDS: Mapping[str, World] = {
    "webshop": World(["env=webshop"], 40_000, 120, 4, ALL),
    "alfworld": World(
        ["env=alfworld", "env.data=generated"], 120_000, 60, 1, ("sft", "dpo", "step_dpo", "oreo", "gigpo")
    ),
    "math": World(
        ["env=math", "env.data=generated"], 20_000, 80, 2, ("sft", "dpo", "step_dpo", "oreo", "gigpo")
    ),
}


def study(name: str) -> Study:
    """Return what is compared in a world."""
    world = WORLDS[name]
    fresh = [f"run.steps={world.steps}", "iterations=400"]
    stored = [f"iterations={world.stored}"]
    words = {
        method: [f"algo={method}", *(stored if method in ("sft", "oreo") else fresh)]
        for method in world.methods
    }
    words["oreo"] += [f"algo.per_task={world.per_task}", "algo.rounds=2"]
    return Study(
        script=f"offline_tiny_{name}",
        title=f"Preferences, stored episodes and trees beside GiGPO on {name} with the tiny model",
        env=world.env,
        algos=words,
        notes=f"Methods that play as they learn stop after {world.steps:,} environment steps.",
        command=f"offline_tiny.py {name}",
    )


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in WORLDS:
        sys.exit(__doc__)
    sys.exit(study(sys.argv[1]).main(sys.argv[2:]))
