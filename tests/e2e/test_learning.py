"""The main job really learns. Takes minutes: marked slow."""

from pathlib import Path

import pytest

from agentrl.config import parse
from agentrl.folder import read_summary
from agentrl.train import train

pytestmark = pytest.mark.slow


def test_the_main_job_learns_to_shop(tmp_path: Path) -> None:
    """On the dev panel: a floor that every seed of the benchmark clears."""
    folder = train(parse(["env=webshop", "algo=gigpo", "eval.panel=dev", f"out={tmp_path / 'run'}"]))
    summary = read_summary(folder)
    before, after = summary.warm_start, summary.final
    assert before.best is not None and after.best is not None
    assert before.greedy is not None and after.greedy is not None
    assert 0.10 <= before.best <= 0.45
    assert after.best - before.best >= 0.30
    assert after.greedy - before.greedy >= 0.30


def test_rewards_of_other_groups_teach_nothing(tmp_path: Path) -> None:
    words = ["env=webshop", "algo=gigpo", "run.control=permuted", "eval.panel=dev", f"out={tmp_path / 'run'}"]
    summary = read_summary(train(parse(words)))
    assert summary.warm_start.best is not None and summary.final.best is not None
    assert summary.final.best - summary.warm_start.best < 0.05
