"""Mathematics with the tiny model, from settings to report."""

from pathlib import Path

import pytest

from agentrl.config import parse
from agentrl.folder import read_summary
from agentrl.train import train

FEW = [
    *("env=math", "env.data=generated", "algo=grpo", "model.hidden=32", "model.layers=1", "warm.tasks=40"),
    *("env.problems=60", "rollout.tasks=4", "group_size=4", "eval.test=8", "eval.dev=8", "iterations=3"),
]


def test_three_iterations_on_arithmetic_leave_a_report(tmp_path: Path) -> None:
    folder = train(parse([*FEW, f"out={tmp_path / 'run'}"]))
    summary = read_summary(folder)
    assert summary.panel.name == "math/arithmetic/test" and summary.environment_steps == 3 * 4 * 4
    assert (folder / "report.html").stat().st_size > 0


@pytest.mark.slow
def test_grpo_learns_to_write_down_the_steps(tmp_path: Path) -> None:
    """On the dev panel: a floor that every seed of the benchmark clears."""
    words = ["env=math", "env.data=generated", "algo=grpo", "eval.panel=dev", f"out={tmp_path / 'run'}"]
    summary = read_summary(train(parse(words)))
    assert summary.warm_start.best is not None and summary.final.best is not None
    assert summary.final.best - summary.warm_start.best >= 0.20
