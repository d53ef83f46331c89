"""Whole episodes through the environment: rewards, views, anchors, snapshots, panels."""

import pickle
import random
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentrl.config import parse
from agentrl.errors import ConfigError, DataError
from agentrl.rollout.wording import parsed
from agentrl.types import Task
from agentrl_envs.alfworld import AlfWorld

VIEWS = ("text", "gigpo", "notes")


def begun(tree: Path, seed: int = 0, **options: Any) -> tuple[AlfWorld, str]:
    env = AlfWorld("train", data=str(tree), **options)
    observation, _ = env.reset(seed=seed)
    return env, observation


def won(env: AlfWorld, observation: str, kind: Any = "expert", seed: int = 0) -> list[tuple[Any, ...]]:
    player, steps = env.player(kind, seed), []
    while not steps or not (steps[-1][2] or steps[-1][3]):
        steps.append(env.step(player(observation)))
        observation = steps[-1][0]
    return steps


@pytest.mark.parametrize(("reward", "win", "cost"), [("1/0", 1, 0), ("10/0", 10, 0), ("10/0/-0.1", 10, -0.1)])
def test_winning_pays_once_and_the_score_is_one(tree: Path, reward: str, win: float, cost: float) -> None:
    env, observation = begun(tree, reward=reward)
    _, paid, terminated, _, info = env.step("fly away")
    assert (paid, terminated, info["valid"]) == (cost, False, False)
    steps = won(env, observation)
    assert [step[1] for step in steps] == [0.0] * (len(steps) - 1) + [win]
    assert steps[-1][2] and steps[-1][4]["success"] and steps[-1][4]["score"] == 1.0
    assert steps[-1][4]["metrics"] == {"useless": 1.0}


@pytest.mark.parametrize("view", VIEWS)
def test_the_explorer_wins_every_game_in_every_view(tree: Path, view: str) -> None:
    env = AlfWorld("train", data=str(tree), view=view)
    for number, task in enumerate(env.tasks("train")):
        observation, _ = env.reset(options={"task": task})
        assert won(env, observation, "demonstrator", number)[-1][4]["success"]


def test_the_explorer_strays_with_the_noise_and_repeats_itself_by_seed(tree: Path) -> None:
    def turns(noise: float, seed: int) -> list[str]:
        env = AlfWorld("train", data=str(tree), noise=noise)
        observation, _ = env.reset(seed=3)
        won(env, observation, "demonstrator", seed)
        return env._actions

    assert turns(0.0, 1) == turns(0.0, 2)
    assert turns(1.0, 1) == turns(1.0, 1)
    assert len({tuple(turns(1.0, seed)) for seed in range(5)}) > 1


def test_the_text_view_lists_help_and_the_others_do_not(tree: Path) -> None:
    for view in VIEWS:
        env, _ = begun(tree, view=view)
        assert ("help" in env.admissible()) is (view == "text")


def test_the_published_prompt_holds_task_history_and_actions(tree: Path) -> None:
    env, first = begun(tree, view="gigpo")
    assert "Welcome to TextWorld" in first and "steps" not in first.split("<think>")[0].lower().split()
    offered = "\n ".join(f"'{action}'" for action in env.admissible())
    assert f"[{offered}]" in first and "'help'" not in first
    env.step("LOOK")
    env.step("inventory")
    third = env.step("go to nowhere 1")[0]
    assert env.goal() in third and "3 step(s)" in third and "step 4" in third
    assert re.findall(r"\[Observation (\d): '", third) == ["2", "3"]
    assert "Action 2: 'inventory'" in third and "Action 3: 'go to nowhere 1'" in third
    assert "observe now: Nothing happens." in third


def test_the_published_runs_hold_only_the_form_against_a_reply(tree: Path) -> None:
    env, _ = begun(tree, view="gigpo")
    assert env.step("fly away")[4]["valid"]
    assert parsed("<THINK>x</THINK><ACTION> Go To Desk 1 </ACTION>", "whole") == ("go to desk 1", True)
    assert parsed("<action>look</action>", "whole") == ("look", False)
    assert parsed("x" * 40, "whole") == ("x" * 30, False)


def test_notes_tell_only_what_was_read(tree: Path) -> None:
    env, line = begun(tree, view="notes")
    things = {
        name for items in env.play.state.inside for name in (env.play.engine.room.objects[o] for o in items)
    }
    assert not [thing for thing in things if thing in line]
    assert "hold nothing" in line and "seen nothing" in line
    assert "(bad)" in env.step("take x 1 from y 1")[0]


def test_the_older_words_win_too(tree: Path) -> None:
    env, observation = begun(tree, dialect="0.3")
    assert won(env, observation)[-1][4]["success"]
    assert any(command.startswith("put ") or command.startswith("use ") for command in env._actions)


def test_both_spellings_are_understood_in_the_older_dialect(tree: Path) -> None:
    env, observation = begun(tree, dialect="0.3", seed=5)
    player = env.player("expert", 0)
    while not (command := player(observation)).startswith(("put", "use")):
        observation = env.step(command)[0]
    command = re.sub(r"^put (.+) in/on (.+)$", r"move \1 to \2", command)
    assert env.step(command)[4]["valid"]


def test_anchors_are_states_or_texts(tree: Path) -> None:
    keys = {}
    for anchor in ("state_key", "observation"):
        env, _ = begun(tree, anchor=anchor)
        place = next(command for command in env.admissible() if command.startswith("go to"))
        before = env.step("nonsense")[4]["state_key"]
        env.step(place)
        keys[anchor] = before == env.step("nonsense")[4]["state_key"]
    assert keys == {"state_key": False, "observation": True}


@pytest.mark.parametrize("view", VIEWS)
def test_an_episode_is_taken_back_here_and_elsewhere(tree: Path, view: str) -> None:
    env, _ = begun(tree, view=view, seed=2)
    dice = random.Random(view)
    for _ in range(8):
        env.step(dice.choice(env.admissible()))
    saved, copy = env.snapshot(), pickle.loads(pickle.dumps(env))
    actions = [dice.choice(env.admissible())]
    wanted = env.step(actions[0])
    assert copy.step(actions[0]) == wanted
    env.restore(saved)
    assert env.step(actions[0]) == wanted


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(action=st.text(max_size=60), view=st.sampled_from(VIEWS))
def test_any_text_gets_an_answer(tree: Path, action: str, view: str) -> None:
    env, _ = begun(tree, view=view)
    observation, reward, *_ = env.step(action)
    assert isinstance(observation, str) and reward == 0.0


def test_a_huge_action_is_answered_in_one_line(tree: Path) -> None:
    env, _ = begun(tree)
    assert env.step("x" * 10**6)[0].count("\n") == 0
    assert env.step("x" * 4000)[0] == "Nothing happens."


def test_panels_play_each_game_once_and_hold_out_what_the_data_lack(tree: Path) -> None:
    env = AlfWorld(data=str(tree))
    train, dev, test = (env.tasks(split) for split in ("train", "dev", "test"))
    assert (len(train), len(dev), len(test)) == (11, 1, 3)
    assert test.name == "alfworld/valid_seen" and dev.name == "alfworld/train, held out"
    games = [task.data["game"] for panel in (train, dev, test) for task in panel]
    assert len(set(games)) == len(games) == 15
    assert all(task.data["kind"] in task.data["game"] for task in test)


def test_the_panel_measured_on_is_the_same_whatever_lies_beside(tree: Path, packed: Path) -> None:
    whole, alone = AlfWorld(data=str(tree)), AlfWorld(data=str(tree / "json_2.1.1" / "valid_seen"))
    assert (
        whole.tasks("test").hash == alone.tasks("test").hash == AlfWorld(data=str(packed)).tasks("test").hash
    )


def test_a_split_can_be_named_and_a_wrong_one_is_named_back(tree: Path) -> None:
    assert len(AlfWorld(data=str(tree), test="train", train="valid_seen").tasks("test")) == 12
    with pytest.raises(ConfigError, match=r"env\.test=valid_sen: .* did you mean 'valid_seen'"):
        AlfWorld(data=str(tree), test="valid_sen").tasks("test")


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"view": "note"}, "did you mean 'notes'"),
        ({"noise": 2.0}, "must be from 0 to 1"),
        ({"history": -1}, "must be at least 0"),
        ({"rewards": "1"}, "did you mean 'reward'"),
    ],
)
def test_wrong_settings_are_named(options: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        AlfWorld(**options)


def test_a_task_of_other_data_is_refused(tree: Path) -> None:
    env = AlfWorld(data=str(tree))
    for data in ({}, {"game": 3}, {"game": "train/nothing"}):
        with pytest.raises(DataError, match=r"task t: |no game"):
            env.reset(options={"task": Task("t", "train", 0, data)})


def test_the_tiny_model_gets_notes_a_straying_demonstrator_and_no_penalty() -> None:
    tiny = parse(["env=alfworld", "algo=gigpo"])
    assert (tiny.env_options["view"], tiny.env_options["noise"]) == ("notes", 1.0)
    assert (tiny.rollout.history, tiny.algo_options["invalid_penalty"]) == (0, 0.0)
    assert parse(["env=alfworld", "algo=grpo", "env.noise=0"]).env_options["noise"] == 0


def test_the_published_settings_are_understood() -> None:
    found = parse(["@configs/alfworld_1.5b.toml"])
    assert (found.env_options["view"], found.rollout.style) == ("gigpo", "whole")
    assert (found.env_options["anchor"], found.env_options["reward"]) == ("observation", "10/0")
    assert (found.env_options["max_turns"], found.algo_options["invalid_penalty"]) == (50, 0.1)
