"""What waiting costs: one run with staleness 0, 1 and 4 where the world answers late, one after the other.

    python benchmarks/async.py [staleness=0,1,4] [seeds=0,1,2] [median=0.02] [sigma=1.0] [outliers=0.01]
        [outlier=1.0] [to=benchmarks/results/async.md] [further words for every run, such as iterations=60]

The world: the letters of a word are to be taken off, the last one first, a letter a turn. Every answer takes
a log-normal time of this median and spread (seconds), and one in a hundred an outlier's; drawn by task, state
and action, so that all runs meet the same ones. The policy begins with players who take any letter. With
staleness 0 all environments answer side by side (rollout.schedule=eager), so a batch waits for its slowest
episode, not for their sum. Time begins with RL and counts all that is in it, the start of actors too; steps a
second are those of the steady part: without the first quarter, and the last iterations, when actors run dry.
"""

import json
import math
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentrl import Reply, Task, TextEnv
from agentrl.env import Player, PlayerKind

WORDS = [
    *("algo=grpo", "group_size=4", "rollout.tasks=8", "iterations=40", "eval.every=0", "eval.test=20"),
    *("eval.decodings=greedy", "rollout.schedule=eager", "run.checkpoint=1000", "run.trajectories=0"),
    *("warm.demonstrations=3", "learner.lr=2e-3"),
]
OWN = {
    "staleness": "0,1,4", "seeds": "0,1,2", "median": "0.02", "sigma": "1.0", "outliers": "0.01",
    "outlier": "1.0", "to": "benchmarks/results/async.md",
}  # fmt: skip
WINDOW = 5
"""iterations that a point of a curve is the mean of"""
MARKS = (0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Options:
    """How long answers take."""

    median: float = 0.02
    """seconds"""
    sigma: float = 1.0
    """spread of the logarithm"""
    outliers: float = 0.01
    """share of answers that take `outlier` seconds"""
    outlier: float = 1.0


class Late(TextEnv):
    """Take the letters off a word, the last one first; answers take their time while episodes are played."""

    name = "late"
    max_turns = 5
    Options = Options

    def begin(self, task: Task) -> str:
        """Show the word."""
        self.left = "".join(self.rng.choices("abcd", k=3))
        return self.left

    def act(self, action: str) -> Reply:
        """Answer late."""
        assert self.task is not None
        how, dice = self.options, random.Random(f"{self.task.seed}/{self.left}/{action}")
        late = (
            how.outlier if dice.random() < how.outliers else how.median * math.exp(dice.gauss(0, how.sigma))
        )
        # A tokenizer is made, and a policy measured, without waiting.
        if threading.current_thread().name.startswith("environment"):
            time.sleep(late)
        self.left = self.left.removesuffix(action.strip()[:1])
        return Reply(self.left or "Done.", reward=float(not self.left), success=not self.left or None)

    def player(self, kind: PlayerKind, seed: int) -> Player:
        """Return who takes the last letter, or any."""
        dice = random.Random(seed)
        return lambda word: word[-1] if kind == "expert" else dice.choice(word)


@dataclass(frozen=True, slots=True)
class Point:
    """An iteration."""

    seconds: float
    steps: float
    success: float
    stale: float


def followed(words: Sequence[str], folder: Path) -> list[Point]:
    """Return the iterations of a run, each with the moment at which it was done."""
    said = folder.with_suffix(".log")
    with said.open("w", encoding="utf-8") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "agentrl", "run", *words, f"out={folder}"], stdout=file, stderr=file
        )
    found: list[Point] = []
    begun, read = None, 0
    while process.poll() is None or read < _lines(folder, 0)[1]:
        fresh, read = _lines(folder, read)
        now = time.perf_counter()
        if begun is None and (folder / "checkpoints" / "rl-000000" / "DONE").exists():
            begun = now
        for line in fresh:
            if line["phase"] == "rl":
                seconds = now - (begun or now)
                found.append(
                    Point(
                        seconds, line["environment_steps"], line["success"], line.get("staleness_mean", 0.0)
                    )
                )
        time.sleep(0.01)
    if process.returncode:
        raise SystemExit(said.read_text(encoding="utf-8"))
    return found


def _lines(folder: Path, after: int) -> tuple[list[dict[str, Any]], int]:
    """Return the lines of a journal after so many, and how many there are."""
    path = folder / "metrics.jsonl"
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    whole = [line for line in text.splitlines(keepends=True) if line.endswith("\n")]
    return [json.loads(line) for line in whole[after:]], len(whole)


def steady(run: Sequence[Point], most: int) -> Point:
    """Return seconds an iteration, and steps a second, of the steady part of a run."""
    first, last = len(run) // 4, max(len(run) // 4 + 1, len(run) - 1 - most)
    seconds = run[last].seconds - run[first].seconds
    return Point(seconds / (last - first), (run[last].steps - run[first].steps) / seconds, 0.0, 0.0)


def reached(points: Sequence[Point], at: float, by: str) -> float:
    """Return the success around the last iteration that was done by so many steps or seconds."""
    done = [point for point in points if getattr(point, by) <= at] or list(points[:1])
    return statistics.mean(point.success for point in done[-WINDOW:])


def page(found: dict[int, list[list[Point]]], said: str) -> str:
    """Return the tables."""
    usual = next(iter(found))
    rates = {k: [steady(run, max(found)).steps for run in runs] for k, runs in found.items()}
    rows = []
    for k, runs in found.items():
        ratio = statistics.mean(a / b for a, b in zip(rates[k], rates[usual], strict=True))
        each = statistics.mean(steady(run, max(found)).seconds for run in runs)
        stale = statistics.mean(point.stale for run in runs for point in run)
        rows.append(f"| {k} | {statistics.mean(rates[k]):.0f} | {ratio:.2f} | {each:.2f} | {stale:.2f} |")
    tables = [
        "| staleness | environment steps a second | ratio | seconds an iteration | staleness, mean |",
        "|---|---|---|---|---|", *rows,
    ]  # fmt: skip
    for by, word in (("steps", "environment steps"), ("seconds", "seconds")):
        most = [min(getattr(found[k][n][-1], by) for k in found) for n in range(len(found[usual]))]
        marks = [statistics.mean(share * one for one in most) for share in MARKS]
        tables += ["", f"Success of the training episodes (mean of {WINDOW} iterations) by {word}:", ""]
        tables += ["| staleness | " + " | ".join(f"{mark:.0f}" for mark in marks) + " |", "|---" * 5 + "|"]
        for k, runs in found.items():
            shares = [
                statistics.mean(reached(run, share * most[n], by) for n, run in enumerate(runs))
                for share in MARKS
            ]
            tables.append(f"| {k} | " + " | ".join(f"{100 * share:.1f} %" for share in shares) + " |")
    return "\n".join(["# Training that does not wait", "", said, "", *tables, ""])


def main(words: Sequence[str]) -> None:
    own, further = dict(OWN), []
    for word in words:
        key, _, text = word.partition("=")
        if key in own:
            own[key] = text
        else:
            further.append(word)
    levels = [int(k) for k in own["staleness"].split(",")]
    world = [f"env={Path(__file__).resolve()}:Late"]
    world += [f"env.{key}={own[key]}" for key in ("median", "sigma", "outliers", "outlier")]
    given = {word.partition("=")[0] for word in further}
    usual = [word for word in WORDS if word.partition("=")[0] not in given]
    found: dict[int, list[list[Point]]] = {k: [] for k in levels}
    with tempfile.TemporaryDirectory() as folder:
        for number, seed in enumerate(own["seeds"].split(",")):
            for k in levels[number % len(levels) :] + levels[: number % len(levels)]:
                more = [f"run.staleness={k}", f"seed={seed}"]
                found[k].append(followed([*world, *usual, *further, *more], Path(folder) / f"{k}-{seed}"))
    call = " ".join(["python benchmarks/async.py", *words])
    said = (
        f"`{call}`: seeds {own['seeds']}, whose runs were made one after the other in rotating order. An"
        f" answer takes {float(own['median']) * 1000:g} ms in the median (log-normal, sigma {own['sigma']}),"
        f" {100 * float(own['outliers']):g} % take {own['outlier']} s."
    )
    text = page(found, said)
    Path(own["to"]).write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main(sys.argv[1:])
