"""Learning from scratch with the tiny model, several seeds side by side: what the `*_tiny.py` scripts share.

Every run is what `agentrl run env=... algo=... seed=...` does with its defaults. The seed varies the model,
the demonstrations, the warm start and RL; the runs of one seed share its warm start, which is made once.
Finished runs are read, not repeated: a script that was stopped goes on where it was.
"""

import math
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from agentrl.config import parse
from agentrl.errors import AgentRLError
from agentrl.folder import EVALUATION, SUMMARY, read_summary
from agentrl.records import Evaluation, PanelRecord, Summary, from_json
from agentrl.statistics import area, over_seeds
from agentrl.values import written

Row = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Study:
    """Which runs are compared, and under what words."""

    script: str
    """name of the benchmark: of its results, and of the folder of its runs"""
    title: str
    env: Sequence[str]
    """words that name the environment"""
    algos: Mapping[str, Sequence[str]]
    """words of each kind of run from the warm start"""
    alone: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    """words of each kind of run that makes a start of its own"""
    notes: str = ""
    command: str = ""
    """how the script is called, where that is not its name alone"""

    @property
    def results(self) -> Path:
        """Where the table goes."""
        return Path(__file__).parent / "results" / f"{self.script}.md"

    def main(self, words: Sequence[str]) -> int:
        """Run what is missing, write the table; words are seeds=, jobs=, out=, algos=."""
        given = dict(word.split("=", 1) for word in words)
        seeds, jobs = range(int(given.get("seeds", 3))), int(given.get("jobs", 2))
        out = Path(given.get("out", f"runs/{self.script}"))
        names = given.get("algos", ",".join([*self.algos, *self.alone])).split(",")
        rows, panel = self.made(names, seeds, jobs, out)
        text = "\n".join(
            [
                f"# {self.title}",
                "",
                f"`python benchmarks/{self.command or self.script + '.py'} seeds={len(seeds)} jobs={jobs}`:"
                f" {len(seeds)} seed{'s' * (len(seeds) > 1)},"
                " each with its own model, demonstrations, warm start and RL.",
                f"Test panel {panel.name}, hash {panel.hash}, {panel.tasks} tasks, looked at once by each"
                f" run. Cells: mean over seeds [95 % interval]. {jobs} runs side by side, one thread each.",
                "",
                table(rows),
                "",
                each_seed(rows),
                "",
                "`best` is the highest of greedy, T=0.4, T=1.0 and the best admissible action, for the warm"
                " start as for the end. Areas are under the dev curve of greedy success, over its length."
                f" {self.notes}".rstrip(),
                "",
            ]
        )
        self.results.parent.mkdir(exist_ok=True)
        self.results.write_text(text)
        print(text)
        return 0

    def made(
        self, names: Sequence[str], seeds: Sequence[int], jobs: int, out: Path
    ) -> tuple[dict[str, list[Row]], PanelRecord]:
        """Return the figures of every kind of run, seed by seed, and the panel they were measured on."""
        out.mkdir(parents=True, exist_ok=True)
        wanted = [(name, seed) for seed in seeds for name in names]
        with ThreadPoolExecutor(jobs) as pool:
            starts = dict(zip(seeds, pool.map(lambda seed: self.warm_start(seed, out), seeds), strict=True))

            def run(one: tuple[str, int]) -> Path:
                name, seed = one
                own = [f"seed={seed}"] if name in self.alone else starts[seed]
                return finished(out / f"{name}-{seed}", [*self.words(name), *own])

            folders = list(pool.map(run, wanted))
        found = {pair: figures(folder) for pair, folder in zip(wanted, folders, strict=True)}
        rows: dict[str, list[Row]] = {name: [found[name, seed][1] for seed in seeds] for name in names}
        return rows, next(iter(found.values()))[0].panel

    def warm_start(self, seed: int, out: Path) -> list[str]:
        """Return the words with which a run starts from the seed's warm start, made where it is missing."""
        folder = out / f"warm-{seed}"
        finished(folder, [*self.env, "algo=sft", f"seed={seed}", "iterations=0", "eval.panel=dev"])
        # Its settings but for algorithm and run, which each run has of its own.
        parts = re.split(r"(?m)^(?=\[)", (folder / "config.toml").read_text())
        file = out / f"warm-{seed}.toml"
        file.write_text("".join(part for part in parts if not part.startswith(("[algo]", "[run]", "[eval]"))))
        return [f"@{file}", f"model.path={folder / 'model'}", "warm.demonstrations=0", f"seed={seed}"]

    def words(self, name: str) -> list[str]:
        """Return the words of a run, what model=tiny brings written out: a folder as model brings nothing."""
        if name in self.alone:
            return [*self.env, *self.alone[name]]
        settings = parse([*self.env, *self.algos[name]])
        own = [f"algo.{key}={written(value)}" for key, value in settings.algo_options.items()]
        often = f"eval.every={settings.eval.every}"
        return [*self.env, *self.algos[name], *own, f"iterations={settings.run.iterations}", often]


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
        "area (iterations)": area([float(p.iteration) for p in evaluation.curve], greedy)
        if len(greedy) > 1
        else math.nan,
        "area (env steps)": area([float(s) for s in steps], greedy)
        if len(set(steps)) == len(steps) > 1
        else math.nan,
        "env steps": float(summary.environment_steps),
        "RL seconds": learning,
        "total seconds": summary.seconds["total"],
    }


def limits(name: str) -> tuple[float, float]:
    """Return the least and the most that a figure of a run can be."""
    if name == "env steps" or name.endswith("seconds"):
        return 0.0, math.inf
    return -1.0 if name.startswith("lift") else 0.0, 1.0


def table(rows: Mapping[str, Sequence[Row]]) -> str:
    """Return the figures as a markdown table, mean and 95 % interval over seeds."""
    names = list(next(iter(rows.values()))[0])
    lines = ["| | " + " | ".join(rows) + " |", "|---|" + "---|" * len(rows)]
    for name in names:
        cells = []
        for runs in rows.values():
            if any(math.isnan(run[name]) for run in runs):
                cells.append("-")  # no curve: its episodes were played before it began
                continue
            interval = over_seeds([run[name] for run in runs]).within(*limits(name))
            shape = "{:.0f}" if interval.mean >= 10 else "{:.3f}"
            span = f" [{shape.format(interval.low)}, {shape.format(interval.high)}]" if len(runs) > 1 else ""
            cells.append(shape.format(interval.mean) + span)
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def each_seed(rows: Mapping[str, Sequence[Row]]) -> str:
    """Return the best decoding before and after, seed by seed."""
    return "\n".join(
        f"- {name}, best decoding by seed: "
        + ", ".join(f"{row['warm best']:.1%} -> {row['final best']:.1%}" for row in runs)
        for name, runs in rows.items()
    )
