"""Gymnasium's own environments as ours, and ours in Gymnasium's own vectors."""

import pickle
import warnings
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import agentrl
from agentrl.adapters.spaces import named_actions, plain, uncoloured, words_of
from agentrl.errors import ConfigError
from agentrl.prefixes import prefix_of
from agentrl.registry import find, is_path
from agentrl.rollout.workers import Environments
from agentrl.settings import RolloutSettings, Settings

HERE = "gym:tests.peers.corridor:test"


@pytest.mark.parametrize("name", ["FrozenLake-v1", "Taxi-v4", "Blackjack-v1", "CliffWalking-v1"])
def test_games_in_characters_are_played_at_once_and_can_be_returned_to(name: str) -> None:
    env = agentrl.make(f"gym:{name}")
    observation, info = env.reset(seed=3)
    assert observation and "\x1b" not in observation and len(info["admissible"]) > 1
    play = env.player("random", 0)
    env.step(play(observation))
    taken = env.snapshot()
    action = play("")
    one = env.step(action)
    env.restore(taken)
    assert env.step(action) == one
    again = pickle.loads(pickle.dumps(env))
    assert type(again) is type(env) and again.render() == env.render()


def test_the_reward_and_end_are_those_of_the_environment_played_directly() -> None:
    env = agentrl.make("gym:Taxi-v4", view="values")
    theirs = gymnasium.make("Taxi-v4")
    task = env.tasks("train")[5]
    observation, _ = env.reset(options={"task": task})
    raw, _ = theirs.reset(seed=task.seed)
    dice = np.random.default_rng(0)
    for _ in range(60):
        assert int(observation) == raw
        action = int(dice.integers(6))
        observation, reward, over, _, _ = env.step(str(action))
        raw, wanted, ended, _, _ = theirs.step(action)
        assert (reward, over) == (wanted, ended)


def test_actions_have_the_names_of_the_documentation_or_those_given_and_their_numbers() -> None:
    env = agentrl.make("gym:FrozenLake-v1", arguments='{"is_slippery": false}')
    assert env.reset(seed=0)[1]["admissible"] == ["move left", "move down", "move right", "move up"]
    for action in (" Move down ", "1", "2", "2", "1"):
        _, reward, over, _, info = env.step(action)
        assert (reward, over, info["valid"]) == (0.0, False, True)
    assert env.step("leap")[0].startswith("Not an action. Answer with one of: move left, move down")
    _, reward, over, _, info = env.step("move right")
    assert (reward, over, info["success"]) == (1.0, True, True)
    named = agentrl.make("gym:FrozenLake-v1", actions="west,south,east,north")
    assert named.reset(seed=0)[1]["admissible"] == ["west", "south", "east", "north"]


def test_observations_of_several_parts_are_json_and_info_tells_of_success() -> None:
    env = agentrl.make(f"{HERE}/Corridor-v0")
    assert env.reset(seed=0)[0] == '{"place": 0, "air": [0.5, 0.25]}'
    assert "Answer with one of: left, right." in env.instructions()
    for _ in range(2):
        assert not env.step("right")[2]
    _, reward, over, _, info = env.step("right")
    assert (reward, over, info["success"], info["score"]) == (-1.0, True, True, 1.0)


def test_a_threshold_solves_an_episode_whose_every_turn_is_paid() -> None:
    env = agentrl.make("gym:CartPole-v1", threshold=2)
    env.reset(seed=0)
    assert env.step("0")[4]["score"] == 0.5
    assert env.step("0")[2] and env.step  # the second reward of 1 makes 2


def test_pictures_need_a_function_that_tells_them(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"not text; say how to write them: env\.format=FILE\.py:function"):
        agentrl.make(f"{HERE}/Camera-v0")
    file = tmp_path / "told.py"
    file.write_text("def told(seen, world):\n    return f'{seen.shape} at {world.unwrapped.place}'\n")
    env = agentrl.make(f"{HERE}/Camera-v0", format=f"{file}:told")
    assert env.reset(seed=0)[0] == "(64, 64, 3) at 0"
    with pytest.raises(ConfigError, match="has no function 'tolt'"):
        agentrl.make(f"{HERE}/Camera-v0", format=f"{file}:tolt")


def test_what_cannot_be_copied_says_so_before_anybody_returns_to_a_state() -> None:
    assert find("envs", f"{HERE}/Holder-v0").restorable == "no"
    assert find("envs", f"{HERE}/Corridor-v0").restorable == "exact"


@pytest.mark.parametrize(
    ("name", "options", "why"),
    [
        ("FrozenLak-v1", {}, "did you mean 'FrozenLake-v1'?"),
        ("Taxi-v0", {}, "did you mean 'Taxi-v4'?"),
        ("FrozenLake-v1", {"arguments": '{"slippery": 1}'}, "cannot be made"),
        ("FrozenLake-v1", {"arguments": "[]"}, "expected a JSON object"),
        ("Blackjack-v1", {"view": "ansi"}, "draws no picture in characters"),
        ("Blackjack-v1", {"actions": "stay"}, "has 2 actions"),
        ("Pendulum-v1", {"actions": "stay"}, "not some to name"),
        ("Blackjack-v1", {"solved": "win"}, "expected reward or end"),
    ],
)
def test_wrong_words_are_answered_in_a_line(name: str, options: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigError) as raised:
        agentrl.make(f"gym:{name}", **options)
    assert why in str(raised.value) and "\n" not in str(raised.value)


@pytest.mark.parametrize("trouble", ["raise", "hang"])
def test_an_environment_that_raises_or_hangs_ends_its_own_episode(trouble: str) -> None:
    from agentrl.errors import ChildError

    options = {"arguments": f'{{"trouble": "{trouble}"}}'}
    settings = Settings(f"{HERE}/Corridor-v0", "", options, rollout=RolloutSettings(workers=1, deadline=1.0))
    with Environments(settings) as worlds:
        env = worlds("train")
        env.reset(seed=0)
        with pytest.raises(ChildError):
            env.step("right")
        assert env.reset(seed=1)[0].startswith("{")


def test_a_prefix_is_an_adapters_name_and_no_number_follows_it() -> None:
    assert prefix_of("gym:ALE/Pong-v5") == "gym" and not is_path("gym:ALE/Pong-v5")
    assert [prefix_of(name) for name in ("gym:2", "gym:.5", "gym", "mine.py:Shop", "webshop:2")] == [""] * 5
    assert is_path("./mine.py:Shop")


def test_pictures_lose_their_colours_but_not_what_those_mark() -> None:
    assert uncoloured("SF\n\x1b[41mF\x1b[0mG\n") == "SF\nFG\nred: 'F' in line 2, column 1"
    assert named_actions("## Action Space\n- 0: Left\n- 1: Right (up)\n## Rewards\n- 2: no", 2) == [
        "left",
        "right",
    ]
    assert named_actions("## Action Space\n- 0: Left", 2) == []
    assert words_of("Win <a href='#n'>more</a>,\n see [here](https://x)") == "Win more, see here"
    assert plain((np.int64(14), np.array([0.123456, 2.0]), "x")) == [14, [0.1235, 2.0], "x"]


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_ours_plays_in_vectors(mode: str) -> None:
    worlds = gymnasium.make_vec("agentrl/Guess-v0", num_envs=3, vectorization_mode=mode)
    try:
        observations, infos = worlds.reset(seed=[0, 1, 2])
        alone = agentrl.make("guess")
        assert list(observations) == [alone.reset(seed=n)[0] for n in range(3)]
        observations, rewards, over, _, infos = worlds.step(("10", "3", "no"))
        for number, action in enumerate(("10", "3", "no")):
            alone.reset(seed=number)
            text, reward, ended, _, info = alone.step(action)
            assert (observations[number], rewards[number], over[number]) == (text, reward, ended)
            assert infos["valid"][number] == info["valid"]
    finally:
        worlds.close()


def test_ours_passes_gymnasiums_own_check() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check_env(gymnasium.make("agentrl/Guess-v0").unwrapped)
