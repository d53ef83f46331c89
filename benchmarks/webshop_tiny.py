"""GiGPO, GRPO, PPO, more SFT and a control on the generated WebShop with the tiny model, several seeds.

    python benchmarks/webshop_tiny.py [seeds=5] [jobs=2] [out=FOLDER] [algos=gigpo,grpo,ppo,sft,control]

Every run is `agentrl run env=webshop algo=... seed=...` with its defaults: the seed varies the model, the
demonstrations, the warm start and RL. Finished runs are read, not repeated. Writes a table to
benchmarks/results/webshop_tiny.md; only each run's two measurements look at the test panel.
"""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from agentrl.errors import AgentRLError
from agentrl.folder import EVALUATION, SUMMARY, read_summary
from agentrl.records import Evaluation, Summary, from_json
from agentrl.statistics import area, over_seeds

ALGOS = {
    "gigpo": ["algo=gigpo"],
    "grpo": ["algo=grpo"],
    "ppo": ["algo=ppo"],
    "sft": ["algo=sft"],
    "control": ["algo=gigpo", "run.control=permuted"],
}
RESULTS = Path(__file__).parent / "results" / "webshop_tiny.md"


def play(name: str, seed: int, out: Path) -> Path:
    """Return the folder of a finished run, made or continued where it is not finished."""
    folder = out / f"{name}-{seed}"
    if (folder / SUMMARY).exists():
        return folder
    if (folder / "config.toml").exists():
        words = ["resume", str(folder)]
    else:
        words = ["run", "env=webshop", *ALGOS[name], f"seed={seed}", f"out={folder}"]
    out.mkdir(parents=True, exist_ok=True)
    with (out / f"{name}-{seed}.log").open("w") as log:
        code = subprocess.run(
            [sys.executable, "-m", "agentrl", *words], stdout=log, stderr=log, check=False
        ).returncode
    if code:
        raise AgentRLError(f"{' '.join(words)} ended with status {code}; see {out}/{name}-{seed}.log")
    print(f"{name} seed {seed}: done", flush=True)
    return folder


def figures(folder: Path) -> tuple[Summary, dict[str, float]]:
    """Return a run's summary and the numbers the table shows."""
    summary = read_summary(folder)
    evaluation = from_json((folder / EVALUATION).read_bytes(), Evaluation, EVALUATION)
    before = {m.decoding: m.rate for m in evaluation.warm_start}
    after = {m.decoding: m.rate for m in evaluation.final}
    steps = [p.environment_steps for p in evaluation.curve]
    greedy = [p.rates["greedy"] for p in evaluation.curve]
    learning = summary.seconds.get("rollout", 0.0) + summary.seconds.get("learner", 0.0)
    return summary, {
        "warm best": max(before.values()),
        "final best": max(after.values()),
        "lift best": max(after.values()) - max(before.values()),
        "lift greedy": after["greedy"] - before["greedy"],
        "greedy": after["greedy"],
        "T=1.0": after["1.0"],
        "best admissible": after["best_admissible"],
        "area (iterations)": area([float(p.iteration) for p in evaluation.curve], greedy),
        "area (env steps)": area([float(s) for s in steps], greedy) if steps[-1] else float("nan"),
        "env steps": float(summary.environment_steps),
        "RL seconds": learning,
        "total seconds": summary.seconds["total"],
    }


def table(rows: dict[str, list[dict[str, float]]]) -> str:
    """Return the figures as a markdown table, mean and 95 % interval over seeds."""
    names = list(next(iter(rows.values()))[0])
    lines = ["| | " + " | ".join(rows) + " |", "|---|" + "---|" * len(rows)]
    for name in names:
        cells = []
        for runs in rows.values():
            interval = over_seeds([run[name] for run in runs])
            shape = "{:.0f}" if interval.mean >= 10 else "{:.3f}"
            cells.append(
                f"{shape.format(interval.mean)} [{shape.format(interval.low)}, {shape.format(interval.high)}]"
            )
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main(words: list[str]) -> int:
    """Run what is missing, write the table."""
    given = dict(word.split("=", 1) for word in words)
    seeds, jobs = int(given.get("seeds", 5)), int(given.get("jobs", 2))
    out = Path(given.get("out", "runs/webshop_tiny"))
    algos = given.get("algos", ",".join(ALGOS)).split(",")
    wanted = [(name, seed) for seed in range(seeds) for name in algos]
    with ThreadPoolExecutor(jobs) as pool:
        folders = list(pool.map(lambda pair: play(*pair, out), wanted))
    found = {pair: figures(folder) for pair, folder in zip(wanted, folders, strict=True)}
    rows = {name: [found[name, seed][1] for seed in range(seeds)] for name in algos}
    panel = next(iter(found.values()))[0].panel
    text = "\n".join(
        [
            "# GiGPO, GRPO, PPO and SFT on the generated WebShop with the tiny model",
            "",
            f"`python benchmarks/webshop_tiny.py seeds={seeds} jobs={jobs}`: {seeds} seeds, each with its own"
            " model, demonstrations, warm start and RL.",
            f"Test panel {panel.name}, hash {panel.hash}, {panel.tasks} goals. Cells: mean over seeds"
            f" [95 % interval]. {jobs} runs side by side, one thread each.",
            "",
            table(rows),
            "",
            "`best` is the highest of greedy, T=0.4, T=1.0 and the best admissible action. `control` is GiGPO"
            " with each group paid another group's rewards. `sft` goes on with the demonstrator's episodes,"
            " for as many iterations. Areas are under the dev curve of greedy success, over its length.",
            "",
        ]
    )
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(text)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
