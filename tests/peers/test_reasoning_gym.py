"""Task families of reasoning-gym by name: any of them, scored by itself."""

import importlib.util
import pickle

import pytest

import agentrl
from agentrl.errors import ConfigError

there = importlib.util.find_spec("reasoning_gym") is not None
needs = pytest.mark.skipif(
    not there, reason="reasoning-gym is not installed: it comes with the extra of that name"
)


@needs
@pytest.mark.parametrize("task", ["chain_sum", "leg_counting", "word_sorting"])
def test_a_family_is_played_from_its_seed_and_scored_by_its_own_score(task: str) -> None:
    import reasoning_gym

    env = agentrl.make(f"reasoning_gym:{task}", problems=20)
    panels = [env.tasks(split) for split in ("train", "dev", "test")]
    questions = [{one.data["question"] for one in panel} for panel in panels]
    assert len(set.union(*questions)) == sum(map(len, questions)) and len(panels[0]) == 20
    entries = reasoning_gym.create_dataset(task, size=10**6, seed=0)
    for one in panels[0].tasks[:3]:
        entry = entries[one.data["extra"]["number"]]
        for answer in (str(entry["answer"]), "7"):
            env.reset(options={"task": one})
            assert env.step(answer)[1] == pytest.approx(entries.score_answer(answer, entry))
    again = pickle.loads(pickle.dumps(env))
    assert again.tasks("train").hash == panels[0].hash
    env.close()


@needs
def test_wrong_words_are_answered_in_a_line() -> None:
    with pytest.raises(ConfigError, match="did you mean 'chain_sum'"):
        agentrl.make("reasoning_gym:chain_sun")
    with pytest.raises(ConfigError, match="are made by reasoning-gym"):
        agentrl.make("reasoning_gym:chain_sum", data="generated")


@pytest.mark.skipif(there, reason="reasoning-gym is installed")
def test_without_the_package_one_line_says_how_to_get_it() -> None:
    with pytest.raises(ConfigError, match=r"pip install 'agentrl\[reasoning-gym\]'"):
        agentrl.make("reasoning_gym:chain_sum")
