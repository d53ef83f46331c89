"""A run killed at any moment goes on as if nothing had happened."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {
    **os.environ,
    "OMP_NUM_THREADS": "1",
    "PYTHONPATH": os.pathsep.join(str(ROOT / part) for part in (".", "envs", "verifiers", "algos")),
}
SIZES = [
    *("env=guess", "model.hidden=32", "model.layers=1", "warm.demonstrations=4", "rollout.tasks=4"),
    *("eval.test=8", "eval.dev=8", "eval.every=2", "iterations=6", "run.checkpoint=2", "run.trajectories=2"),
]
CLOCKS = ("seconds", "versions")


def command(*words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "agentrl", *words], env=ENVIRONMENT, cwd=ROOT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def without_clocks(record: object) -> object:
    if isinstance(record, dict):
        return {key: without_clocks(value) for key, value in record.items() if key not in CLOCKS}
    return [without_clocks(value) for value in record] if isinstance(record, list) else record


def outcome(folder: Path) -> dict[str, object]:
    """Return all that a run came to but for what clocks say."""
    files = {name: json.loads((folder / name).read_text()) for name in ("summary.json", "evaluation.json")}
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return {name: without_clocks(record) for name, record in files.items()} | {"metrics": lines}


def lines(folder: Path) -> int:
    path = folder / "metrics.jsonl"
    return path.read_bytes().count(b"\n") if path.exists() else 0


def killed_and_resumed(folder: Path, words: list[str], targets: list[int]) -> int:
    """Run to the end, killing it once its journal has each number of lines; return how many kills hit."""
    hits = 0
    process = command("run", *words, f"out={folder}")
    for target in targets:
        while process.poll() is None and lines(folder) < target:
            time.sleep(0.002)
        if process.poll() is not None:
            break
        process.send_signal(signal.SIGKILL)
        process.communicate()
        hits += 1
        process = command("resume", str(folder))
    output, _ = process.communicate()
    assert process.returncode == 0, output
    return hits


@pytest.mark.parametrize(
    "algo", ["gigpo", "ppo", *(pytest.param(name, marks=pytest.mark.slow) for name in ("oreo", "mcts_dpo"))]
)
def test_a_killed_run_ends_with_the_same_weights_and_metrics(algo: str, tmp_path: Path) -> None:
    own = ["algo.batch=16", "per_task=1", "algo.rounds=2"] if algo == "oreo" else ["group_size=4"]
    words = [*SIZES, f"algo={algo}", *own]
    process = command("run", *words, f"out={tmp_path / 'whole'}")
    output, _ = process.communicate()
    assert process.returncode == 0, output
    total = lines(tmp_path / "whole")
    targets = sorted(random.Random(algo).sample(range(1, total), 3))
    assert killed_and_resumed(tmp_path / "killed", words, targets) > 0
    assert outcome(tmp_path / "killed") == outcome(tmp_path / "whole")
    one, two = (load_file(tmp_path / name / "model" / "model.safetensors") for name in ("killed", "whole"))
    assert one.keys() == two.keys()
    for key, value in one.items():
        assert torch.equal(value, two[key]), key


def test_a_run_ends_when_its_environment_steps_are_taken_whole_or_resumed(tmp_path: Path) -> None:
    words = [*SIZES, "algo=grpo", "group_size=4", "run.steps=150"]
    process = command("run", *words, f"out={tmp_path / 'whole'}")
    output, _ = process.communicate()
    assert process.returncode == 0, output
    steps = [
        json.loads(line)["environment_steps"]
        for line in (tmp_path / "whole" / "metrics.jsonl").read_text().splitlines()
        if "environment_steps" in line
    ]
    assert 1 < len(steps) < 6
    assert steps[-2] < 150 <= steps[-1]
    killed_and_resumed(tmp_path / "killed", words, [lines(tmp_path / "whole")])
    assert outcome(tmp_path / "killed") == outcome(tmp_path / "whole")
