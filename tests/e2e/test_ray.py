"""A run whose processes Ray starts: the same driver, the same results as with processes of this machine."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from agentrl.errors import ConfigError

pytestmark = pytest.mark.slow

RUN = [
    *("env=webshop", "algo=gigpo", "cluster=ray", "cluster.actors=2", "run.staleness=1", "group_size=4"),
    *("env.max_turns=4", "env.products=100", "model.hidden=32", "model.layers=1", "rollout.tasks=2"),
    *("rollout.max_tokens=24", "warm.demonstrations=0", "eval.test=2", "eval.dev=2", "eval.every=0"),
    *("iterations=3", "trajectories=1"),
]


@pytest.fixture(autouse=True)
def _there() -> None:
    pytest.importorskip("ray", reason="the package ray is not installed")


def run(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """Run in a process of its own: Ray is started and ended with it. Words replace those of `RUN`."""
    given = {word.partition("=")[0] for word in words}
    usual = [word for word in RUN if word.partition("=")[0] not in given]
    surroundings = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(
        [sys.executable, "-m", "agentrl", "run", *usual, *words, f"out={folder}"],
        env=surroundings, capture_output=True, text=True, timeout=600,
    )  # fmt: skip


def seen(folder: Path) -> list[dict[str, float]]:
    lines = (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return [line for line in map(json.loads, lines) if line["phase"] == "rl"]


def test_actors_of_ray_have_engines_of_their_own(tmp_path: Path) -> None:
    pytest.importorskip("vllm", reason="vLLM is not installed")
    done = run(tmp_path / "run", "rollout=vllm", "model.heads=1")
    assert done.returncode == 0, done.stderr
    assert all(line["token_violations"] == 0 for line in seen(tmp_path / "run"))
    assert seen(tmp_path / "run")[-1]["accounts/trained"] == 6.0


@pytest.mark.parametrize("ranks", [1, 2])
def test_actors_and_learner_processes_of_ray_train(ranks: int, tmp_path: Path) -> None:
    done = run(tmp_path / "run", f"learner.processes={ranks}")
    assert done.returncode == 0, done.stderr
    made = seen(tmp_path / "run")
    assert [line["iteration"] for line in made] == [1, 2, 3]
    assert all(line["token_violations"] == 0 and line["staleness_max"] <= 1 for line in made)
    assert made[-1]["accounts/trained"] == 6.0


def test_a_ray_that_is_not_there_is_named_in_words(tmp_path: Path) -> None:
    done = run(tmp_path / "run", "cluster.address=127.0.0.1:1")
    assert done.returncode == 2 and "cluster.address=127.0.0.1:1: no Ray is reached there" in done.stderr
    assert not (tmp_path / "run").exists()


def test_more_than_ray_has_is_refused_at_once() -> None:
    import ray

    from agentrl.cluster.base import Need
    from agentrl.cluster.ray import RayHost
    from agentrl.cluster.roles import Role

    ray.init(address="local", num_cpus=2, include_dashboard=False)
    try:
        host = RayHost(wanted=lambda gpu: [Role("actor", 3, Need(1.0), together=False)])
        with pytest.raises(
            ConfigError, match=r"the run needs 3 x actor with 1 cores and 0 GPUs, and Ray has 2"
        ):
            host.start("actor 0", dict)
        assert ray.is_initialized()  # who started it ends it
    finally:
        ray.shutdown()
