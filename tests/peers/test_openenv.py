"""OpenEnv's environments as ours and ours as theirs, over servers that really run."""

import importlib.util
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

import agentrl
from agentrl.errors import ConfigError, DeadlineError, RunError
from agentrl.rollout.workers import Environments
from agentrl.settings import RolloutSettings, Settings

there = importlib.util.find_spec("openenv") is not None
needs = pytest.mark.skipif(
    not there, reason="openenv-core is not installed: it comes with the extra 'openenv'"
)


@contextmanager
def server(*words: str) -> Iterator[str]:
    """Yield the address of a server in a process of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "tests.peers.openenv_game", str(port), *words]
    process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            try:
                httpx.get(f"{url}/schema", timeout=1)
                break
            except httpx.HTTPError:
                assert process.poll() is None, "the server ended"
                time.sleep(0.2)
        yield url
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def game() -> Iterator[str]:
    with server() as url:
        yield url


@needs
def test_an_episode_on_a_server_is_played_scored_and_seeded(game: str) -> None:
    env = agentrl.make(f"openenv:{game}")
    task = env.tasks("train")[3]
    observation, _ = env.reset(options={"task": task})
    assert json.loads(observation) == {"total": 0, "wanted": 8}
    assert "Answer with a JSON object of this schema" in env.instructions()
    observation, reward, over, _, _ = env.step('{"number": 3}')
    assert (json.loads(observation)["total"], reward, over) == (3, 0.0, False)
    _, reward, over, _, info = env.step('{"number": 5}')
    assert (reward, over, info["success"], info["score"]) == (1.0, True, True, 1.0)
    env.reset(options={"task": task})
    _, reward, over, _, info = env.step('{"number": 50}')
    assert (reward, over, info["success"]) == (0.0, True, False)
    env.close()


@needs
def test_what_the_server_cannot_read_is_told_to_the_agent(game: str) -> None:
    env = agentrl.make(f"openenv:{game}")
    env.reset(seed=0)
    for action in ("three", '{"number": "x"}', '{"amount": 3}', "[3]"):
        observation, _, over, _, info = env.step(action)
        assert observation.startswith("Not an action.") and not info["valid"] and not over
    assert json.loads(env.step('{"number": 1}')[0])["total"] == 1
    text = agentrl.make(f"openenv:{game}", field="number", view="total")
    assert text.reset(seed=0)[0] == "0" and text.step("4")[0] == "4"
    env.close()
    text.close()


@needs
def test_trouble_on_the_server_ends_the_episode_and_the_next_one_begins(game: str) -> None:
    env = agentrl.make(f"openenv:{game}", timeout=1)
    env.reset(seed=0)
    with pytest.raises(RunError, match="out of order") as raised:
        env.step('{"number": 1, "trouble": "raise"}')
    assert "\n" not in str(raised.value)
    env.reset(seed=0)
    with pytest.raises(DeadlineError, match="did not answer within 1 s"):
        env.step('{"number": 1, "trouble": "hang"}')
    assert json.loads(env.reset(seed=0)[0])["total"] == 0
    env.close()


@needs
def test_it_plays_in_a_worker(game: str) -> None:
    options = {"timeout": 20.0}
    settings = Settings(f"openenv:{game}", "", options, rollout=RolloutSettings(workers=1, deadline=30))
    with Environments(settings) as worlds:
        env = worlds("train")
        assert json.loads(env.reset(seed=0)[0])["wanted"] == 5
        assert env.step('{"number": 5}')[1] == 1.0


@needs
def test_ours_served_there_and_taken_back_is_the_same_game() -> None:
    with server("guess") as url:
        env, alone = agentrl.make(f"openenv:{url}", view="text"), agentrl.make("guess")
        assert "Find a hidden number" in env.instructions()
        for seed in range(3):
            there_text, _ = env.reset(seed=seed)
            text, _ = alone.reset(seed=env.task.seed if env.task else 0)
            assert there_text == text
            play = alone.player("expert", 0)
            over = False
            while not over:
                action = str(play(text))
                theirs = env.step(action)
                text, reward, over, _, info = alone.step(action)
                assert theirs[:3] == (text, reward, over)
                assert not over or theirs[4]["score"] == info["score"] == 1.0
        env.close()


@needs
@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("openenv:http://127.0.0.1:9", "no OpenEnv server answers"),
        ("openenv:localhost", "expected an address, e.g. openenv:http://localhost:8000"),
    ],
)
def test_wrong_addresses_are_answered_in_a_line(name: str, why: str) -> None:
    with pytest.raises(ConfigError) as raised:
        agentrl.make(name)
    assert why in str(raised.value) and "\n" not in str(raised.value)


@pytest.mark.skipif(there, reason="openenv-core is installed")
def test_without_the_package_one_line_says_how_to_get_it() -> None:
    with pytest.raises(ConfigError, match=r"pip install 'agentrl\[openenv\]'"):
        agentrl.make("openenv:http://localhost:8000")
