"""GiGPO, GRPO, PPO, more SFT and a control on the generated WebShop with the tiny model, several seeds.

    python benchmarks/webshop_tiny.py [seeds=5] [jobs=2] [out=runs/webshop_tiny]
                                      [algos=gigpo,grpo,ppo,sft,control]

Every run is what `agentrl run env=webshop algo=... seed=...` does with its defaults. The seed varies the
model, the demonstrations, the warm start and RL; the algorithms of one seed share its warm start, which is
made once. Finished runs are read, not repeated. Writes a table to benchmarks/results/webshop_tiny.md.
"""

import math
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from agentrl.config import parse
from agentrl.errors import AgentRLError
from agentrl.folder import EVALUATION, SUMMARY, read_summary
from agentrl.records import Evaluation, Summary, from_json
from agentrl.statistics import area, over_seeds
from agentrl.values import written

ALGOS = {
    "gigpo": ["algo=gigpo"],
    "grpo": ["algo=grpo"],
    "ppo": ["algo=ppo"],
    "sft": ["algo=sft"],
    "control": ["algo=gigpo", "run.control=permuted"],
}
RESULTS = Path(__file__).parent / "results" / "webshop_tiny.md"


def warm_start(seed: int, out: Path) -> list[str]:
    """Return the words with which a run starts from the seed's warm start, made where it is missing."""
    folder = out / f"warm-{seed}"
    finished(folder, ["env=webshop", "algo=sft", f"seed={seed}", "iterations=0", "eval.panel=dev"])
    # Its settings but for algorithm and run, which each run has of its own.
    text = (folder / "config.toml").read_text()
    kept = [
        part for part in re.split(r"(?m)^(?=\[)", text) if not part.startswith(("[algo]", "[run]", "[eval]"))
    ]
    file = out / f"warm-{seed}.toml"
    file.write_text("".join(kept))
    return [f"@{file}", f"model.path={folder / 'model'}", "warm.demonstrations=0", f"seed={seed}"]


def defaults(name: str) -> list[str]:
    """Return the words of a run, what model=tiny brings written out: a folder as model brings nothing."""
    settings = parse(["env=webshop", *ALGOS[name]])
    own = [f"algo.{key}={written(value)}" for key, value in settings.algo_options.items()]
    return ["env=webshop", *ALGOS[name], *own, f"iterations={settings.run.iterations}"]


def finished(folder: Path, words: list[str]) -> Path:
    """Return the folder of a finished run, made or continued where it is not finished."""
    if (folder / SUMMARY).exists():
        return folder
    started = (folder / "config.toml").exists()
    command = ["resume", str(folder)] if started else ["run", *words, f"out={folder}"]
    log = folder.with_suffix(".log")
    with log.open("w") as file:
        made = subprocess.run(
            [sys.executable, "-m", "agentrl", *command], stdout=file, stderr=file, check=False
        )
    if made.returncode:
        raise AgentRLError(f"agentrl {' '.join(command)} ended with status {made.returncode}; see {log}")
    print(f"{folder.name}: done", flush=True)
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
        "area (env steps)": area([float(s) for s in steps], greedy)
        if len(set(steps)) == len(steps)
        else math.nan,
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
            if any(
                math.isnan(run[name]) for run in runs
            ):  # offline: its episodes were played before it began
                cells.append("-")
                continue
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
    out.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(jobs) as pool:
        starts = dict(
            zip(range(seeds), pool.map(lambda seed: warm_start(seed, out), range(seeds)), strict=True)
        )
        folders = list(
            pool.map(
                lambda one: finished(out / f"{one[0]}-{one[1]}", [*defaults(one[0]), *starts[one[1]]]),
                wanted,
            )
        )
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
