"""GRPO and more SFT on lines of arithmetic with the tiny model, several seeds.

    python benchmarks/math_tiny.py [seeds=3] [jobs=1] [out=runs/math_tiny] [algos=grpo,sft]

How the runs are made: see `benchmarks/tiny.py`.
"""

import sys

from benchmarks.tiny import Study

STUDY = Study(
    script="math_tiny",
    title="GRPO and SFT on arithmetic with the tiny model",
    env=["env=math", "env.data=generated"],
    algos={"grpo": ["algo=grpo"], "sft": ["algo=sft"]},
    notes="The warm start learns from a pupil who mostly answers at once, and where a product stands later"
    " mostly works from left to right all the same. `sft` goes on with that pupil's answers, for as many"
    " iterations.",
)

if __name__ == "__main__":
    sys.exit(STUDY.main(sys.argv[1:]))
