"""GRPO and OTC-GRPO on questions whose fewest calls are known, from one warm start, with the tiny model.

    python benchmarks/tools_tiny.py [seeds=3] [jobs=2] [split=dev] [out=runs/tools_tiny] [algos=grpo,otc_grpo]

The policies are asked at temperature 1, as they were trained: greedy decoding hides calls made by habit. The
random player is left out (it cannot write questions), the expert is the optimum: 100 % right with no excess.
"""

import math
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import agentrl
from agentrl.env import Split
from agentrl.folder import read_summary
from agentrl.statistics import Interval, over_seeds
from agentrl.toolstats import Answered, ToolUse, answered, by_fewest, tool_use
from benchmarks.tiny import Study, finished

STUDY = Study(
    script="tools_tiny",
    title="GRPO and OTC-GRPO on questions whose fewest calls are known",
    env=["env=tools"],
    algos={"grpo": ["algo=grpo"], "otc_grpo": ["algo=otc_grpo"]},
)
PANELS: dict[str, Split] = {"dev": "dev", "test": "test"}
SHARE = (0.0, 1.0)
FIGURES = {"em": SHARE, "tc": (0.0, math.inf), "excess": (-math.inf, math.inf), "over": SHARE, "under": SHARE}
"""with the least and the most that each can be"""


def answers(folder: Path, split: Split) -> list[Answered]:
    """Return how the policy of a run answers a panel."""
    panel = agentrl.make("tools", split=split).tasks(split)
    episodes = agentrl.rollout("tools", str(folder), split=split, tasks=len(panel), decoding="1.0")
    return [answered(episode) for episode in episodes]


def mean_of(use: ToolUse, figure: str) -> float:
    """Return a figure; 0 where nothing can be said."""
    found = getattr(use, figure)
    return found.mean if isinstance(found, Interval) else 0.0


def table(rows: dict[str, list[ToolUse]]) -> list[str]:
    """Return the figures as lines of a markdown table, mean and 95 % interval over seeds."""
    lines = ["| | " + " | ".join(FIGURES) + " |", "|---|" + "---|" * len(FIGURES)]
    for name, uses in rows.items():
        cells = []
        for figure, limits in FIGURES.items():
            one = over_seeds([mean_of(use, figure) for use in uses]).within(*limits)
            span = f" [{one.low:.3f}, {one.high:.3f}]" if len(uses) > 1 else ""
            cells.append(f"{one.mean:.3f}{span}")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return lines


def main(words: list[str]) -> int:
    """Run what is missing; print and keep the tables."""
    given = dict(word.split("=", 1) for word in words)
    seeds, jobs = range(int(given.get("seeds", 3))), int(given.get("jobs", 2))
    out, split = Path(given.get("out", "runs/tools_tiny")), PANELS[given.get("split", "dev")]
    names = given.get("algos", ",".join(STUDY.algos)).split(",")
    out.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(jobs) as pool:
        starts = list(pool.map(lambda seed: STUDY.warm_start(seed, out), seeds))
        pairs = [(name, seed) for seed in seeds for name in names]
        list(pool.map(lambda p: finished(out / f"{p[0]}-{p[1]}", [*STUDY.words(p[0]), *starts[p[1]]]), pairs))
    found = {name: [answers(out / f"{name}-{seed}", split) for seed in seeds] for name in ("warm", *names)}
    rows = {name: [tool_use(own) for own in every] for name, every in found.items()}
    text = [
        f"# {STUDY.title}",
        "",
        f"`python benchmarks/tools_tiny.py {' '.join(words)}`, {split} panel, T=1.",
        "",
    ]
    text += table(rows)
    for k in sorted(by_fewest(found["warm"][0])):
        own = {name: [by_fewest(one)[k] for one in every] for name, every in found.items()}
        text += ["", f"Questions that need {k:g} calls:", "", *table(own)]
    text += ["", f"Seconds of a run from the warm start, {jobs} at a time, a thread each, by seed:", ""]
    for name in names:
        spent = [read_summary(out / f"{name}-{seed}").seconds["total"] for seed in seeds]
        text.append(f"- {name}: {', '.join(f'{seconds:.0f}' for seconds in spent)}")
    page = "\n".join([*text, ""])
    (out / "table.md").write_text(page)
    print(page)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
