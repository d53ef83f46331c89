"""Tasks of reasoning-gym, where it is installed; a clear line where it is not."""

import importlib.util

import pytest

from agentrl.errors import ConfigError
from agentrl_envs.math import Math

DATA = "reasoning-gym:chain_sum"
there = importlib.util.find_spec("reasoning_gym") is not None


@pytest.mark.skipif(there, reason="reasoning-gym is installed")
def test_without_the_package_one_line_says_how_to_get_it() -> None:
    with pytest.raises(
        ConfigError, match=r"needs the package reasoning-gym: pip install 'agentrl\[reasoning-gym\]'"
    ):
        Math(data=DATA).reset(seed=0)


@pytest.mark.skipif(not there, reason="reasoning-gym is not installed")
def test_its_tasks_are_judged_by_its_own_score() -> None:
    env = Math(data=DATA, problems=20)
    panels = [env.tasks(split) for split in ("train", "dev", "test")]
    questions = [{task.data["question"] for task in panel} for panel in panels]
    assert len(set.union(*questions)) == sum(map(len, questions))
    env.reset(seed=0)
    assert env.step(env.player("expert", 0)(""))[1] == 1.0
    env.reset(seed=1)
    assert env.step("no idea")[1] < 1.0
    with pytest.raises(ConfigError, match="did you mean 'chain_sum'"):
        Math(data="reasoning-gym:chain_sun").reset(seed=0)
