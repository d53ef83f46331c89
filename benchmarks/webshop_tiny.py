"""GiGPO, GRPO, PPO, more SFT and a control on the generated WebShop with the tiny model, several seeds.

    python benchmarks/webshop_tiny.py [seeds=3] [jobs=2] [out=runs/webshop_tiny]
                                      [algos=gigpo,grpo,ppo,sft,control]

How the runs are made: see `benchmarks/tiny.py`.
"""

import sys

from benchmarks.tiny import Study

STUDY = Study(
    script="webshop_tiny",
    title="GiGPO, GRPO, PPO and SFT on the generated WebShop with the tiny model",
    env=["env=webshop"],
    algos={
        "gigpo": ["algo=gigpo"],
        "grpo": ["algo=grpo"],
        "ppo": ["algo=ppo"],
        "sft": ["algo=sft"],
        "control": ["algo=gigpo", "run.control=permuted"],
    },
    notes="`control` is GiGPO with each group paid another group's rewards. `sft` goes on with the"
    " demonstrator's episodes, for as many iterations.",
)

if __name__ == "__main__":
    sys.exit(STUDY.main(sys.argv[1:]))
