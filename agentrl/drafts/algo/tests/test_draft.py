"""Credit by hand, what is refused, and three iterations on the smallest environment."""

from pathlib import Path

import pytest

import agentrl
from agentrl.batch import token_table
from agentrl.errors import ConfigError
from agentrl.registry import find
from agentrl.types import Task, Trajectory, Turn, floats32, ids32


def played(ret: float, sample: int) -> Trajectory:
    """Return an episode of one turn that came to `ret`."""
    turn = Turn("Go.", ids32([2]), ids32([3]), floats32([-1.0]), "go", "go", {"task": ret}, "start")
    return Trajectory(Task("t", "train", 0), "t", sample, (turn,), "success", ret=ret)


def test_an_episode_is_compared_with_the_mean_of_the_others() -> None:
    table = token_table([played(ret, sample) for sample, ret in enumerate((1.0, 0.0, 2.0))])
    assert find("algos", "draft")().credit(table).value.tolist() == [0.0, -1.5, 1.5]


def test_a_group_of_one_is_refused() -> None:
    with pytest.raises(ConfigError, match="group_size=1"):
        find("algos", "draft")(group_size=1).check()


def test_it_trains_on_the_smallest_environment(tmp_path: Path) -> None:
    run = agentrl.train(
        env="guess", algo="draft", iterations=3, group_size=2, out=str(tmp_path / "run"), seed=0,
        **{"rollout.tasks": 2, "warm.tasks": 4, "eval.every": 0, "eval.test": 4, "eval.decodings": "greedy"},
    )  # fmt: skip
    lines = (run / "metrics.jsonl").read_text().splitlines()
    assert sum('"phase": "rl"' in line for line in lines) == 3
