"""GRPO, more SFT and clean imitation on generated programming problems with the tiny model.

    python benchmarks/code_tiny.py [seeds=3] [jobs=2] [out=runs/code_tiny] [algos=grpo,sft,clean]

How the runs are made: see `benchmarks/tiny.py`.
"""

import sys

from benchmarks.tiny import Study

STUDY = Study(
    script="code_tiny",
    title="GRPO and imitation on generated programming problems with the tiny model",
    env=["env=code"],
    algos={
        "grpo": ["algo=grpo"],
        "sft": ["algo=sft"],
    },
    alone={"clean": ["algo=sft", "iterations=0", "env.noise=0"]},
    notes="The warm start learns from a demonstrator that makes the usual mistake in most operations. `sft`"
    " goes on with its episodes, for as many iterations; `clean` imitates, from scratch and without RL, as"
    " many episodes without mistakes.",
)

if __name__ == "__main__":
    sys.exit(STUDY.main(sys.argv[1:]))
