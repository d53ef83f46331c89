"""Programming from settings to report: holes that are trained on, programs that run in a sandbox."""

from pathlib import Path

import pytest

from agentrl.config import parse
from agentrl.errors import AgentRLError
from agentrl.folder import read_evaluation, read_summary
from agentrl.sandbox import choose
from agentrl.train import train

SIZES = [
    *("env=code", "model.hidden=32", "model.layers=1", "warm.demonstrations=1"),
    *("rollout.tasks=4", "eval.every=0", "iterations=2"),
]


def test_holes_are_the_tiny_models_and_a_run_of_them_is_whole(tmp_path: Path) -> None:
    settings = parse([*SIZES, "env.problems=40", "algo=grpo", "group_size=4", f"out={tmp_path / 'run'}"])
    assert settings.env_options["view"] == "holes"
    folder = train(settings)
    assert read_summary(folder).panel.tasks == 10
    greedy = [m for m in read_evaluation(folder).final if m.decoding == "greedy"]
    assert len(greedy) == 1 and 0 <= greedy[0].rate <= 100


def test_programs_are_trained_on_in_a_sandbox(tmp_path: Path) -> None:
    try:
        choose("auto")
    except AgentRLError as why:
        pytest.skip(str(why))
    words = ["env.view=program", "env.max_turns=2", "algo=grpo", "group_size=2", "rollout.max_context=512"]
    words += ["eval.test=2", "eval.decodings=greedy"]
    folder = train(parse([*SIZES, *words, "env.problems=16", f"out={tmp_path / 'run'}"]))
    summary = read_summary(folder)
    assert summary.environment_steps > 0
