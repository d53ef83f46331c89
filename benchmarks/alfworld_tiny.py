"""GiGPO, GRPO and clean imitation on ALFWorld with the tiny model, several seeds.

    python benchmarks/alfworld_tiny.py generated [seeds=3] [jobs=2] [out=runs/alfworld_tiny_generated]
    python benchmarks/alfworld_tiny.py DATA [seeds=3] [jobs=2] [out=runs/alfworld_tiny]

`generated` plays generated scenes: learns on some layouts, is measured on others. DATA is the folder of the
real games: learns on train, is measured on valid_seen. How the runs are made: see `benchmarks/tiny.py`.
"""

import sys

from benchmarks.tiny import Study


def study(data: str) -> Study:
    """Return what is compared on generated scenes, or on the real games of a folder."""
    made = data == "generated"
    return Study(
        script="alfworld_tiny_generated" if made else "alfworld_tiny",
        title="GiGPO, GRPO and imitation on ALFWorld with the tiny model: "
        + ("generated scenes, unseen layouts" if made else "real games, train -> valid_seen"),
        env=["env=alfworld", f"env.data={data}"],
        algos={"gigpo": ["algo=gigpo"], "grpo": ["algo=grpo"]},
        alone={"clean": ["algo=sft", "iterations=0", "env.noise=0"]},
        notes="The warm start learns from a demonstrator with every bad habit; `clean` imitates, from"
        " scratch and without RL, as many episodes of one without bad habits.",
        command="alfworld_tiny.py " + ("generated" if made else "DATA"),
    )


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(study(sys.argv[1]).main(sys.argv[2:]))
