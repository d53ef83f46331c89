"""Guess: always winnable, told in words, the same from the same seed."""

import pickle

import pytest
from gymnasium.utils.env_checker import check_env
from hypothesis import given
from hypothesis import strategies as st

from agentrl.errors import ConfigError
from agentrl_envs.guess import Guess


def begun(number=0, split="dev"):
    env = Guess(split)
    observation, _ = env.reset(seed=number)
    return env, observation


def play(env, kind, observation, seed=0):
    act = env.player(kind, seed)
    for turn in range(1, 7):
        observation, reward, terminated, truncated, info = env.step(act(observation))
        if terminated or truncated:
            return turn, reward, info
    raise AssertionError("no end")


def test_the_expert_always_wins_within_five_turns():
    for number in range(50):
        turns, reward, info = play(*[begun(number)[0]], "expert", "")
        assert turns <= 5 and reward == 1.0 and info["success"] and info["score"] == 1.0


def test_the_demonstrator_wins_more_slowly_than_the_expert_and_by_its_seed():
    expert = sum(play(begun(i)[0], "expert", "")[0] for i in range(50))
    found = [play(begun(i)[0], "demonstrator", "", seed=i)[0] for i in range(50)]
    assert expert < sum(found) and found == [
        play(begun(i)[0], "demonstrator", "", seed=i)[0] for i in range(50)
    ]


def test_all_that_is_known_can_be_read_in_the_observation():
    env, observation = begun()
    env._secret = 10
    assert observation == "Guess a number from 0 to 19."
    assert env.step("7")[0] == "The number is higher than 7."
    assert env.step("I say 15")[0] == "The number is higher than 7 and lower than 15."
    assert env.step("3")[0] == "The number is higher than 7 and lower than 15."
    text, _, terminated, truncated, info = env.step("none")
    assert text == "Not a number from 0 to 19. The number is higher than 7 and lower than 15."
    assert not info["valid"] and not terminated and not truncated
    assert env.step("10")[2:4] == (True, False)


def test_six_turns_are_all_there_is():
    env, _ = begun()
    ends = [env.step("x")[2:4] for _ in range(6)]
    assert ends == [(False, False)] * 5 + [(False, True)]


def test_the_number_comes_from_the_task_and_all_numbers_occur():
    secrets = []
    for number in range(50):
        one, other = begun(number)[0], begun(number)[0]
        assert one._secret == other._secret
        secrets.append(one._secret)
    assert len(set(secrets)) > 15
    seeds = [{task.seed for task in Guess().tasks(split)} for split in ("train", "dev", "test")]
    assert not seeds[0] & seeds[1] and not seeds[1] & seeds[2] and not seeds[0] & seeds[2]


@given(st.lists(st.text() | st.integers().map(str), max_size=6))
def test_no_text_breaks_it(actions):
    env, _ = begun()
    for action in actions:
        if env.step(action)[2]:
            break


def test_a_snapshot_goes_on_where_it_was_taken():
    env, _ = begun()
    env._secret = 10
    env.step("7")
    other = Guess("dev")
    observation, info = other.restore(pickle.loads(pickle.dumps(env.snapshot())))
    assert observation == "The number is higher than 7." and info["state_key"] == env.state_key()
    assert other.step("15") == env.step("15")


def test_it_is_a_gymnasium_environment():
    check_env(Guess(), skip_render_check=True)


def test_nothing_is_listed_so_nothing_can_be_drawn():
    env, _ = begun()
    with pytest.raises(ConfigError, match="lists no actions"):
        env.player("random", 0)("")


def test_tasks_hold_their_answer_for_verifiers():
    env = Guess("train")
    for task in env.tasks("train").tasks[:30]:
        env.reset(options={"task": task})
        assert env.step(task.data["answer"])[4]["success"]
