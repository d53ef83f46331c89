"""The suite from Python."""

from pathlib import Path

import pytest

import agentrl
from agentrl.config import from_values, to_toml
from agentrl.errors import ConfigError
from agentrl.learner.checkpoint import save_policy
from agentrl.learner.model import Policy
from agentrl.learner.tiny import tiny_model, tiny_tokenizer
from tests.agentrl.installed import install_ourselves

PLUGINS = Path(__file__).parent / "plugins"
ENV = str(PLUGINS / "count.py")


@pytest.fixture(autouse=True)
def _installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_ourselves(tmp_path, monkeypatch)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run folder with a policy that was never trained."""
    folder = tmp_path / "run"
    folder.mkdir()
    settings = from_values({"env": ENV, "algo": str(PLUGINS / "compare.py"), "high": 4, "max_tokens": 3})
    (folder / "config.toml").write_text(to_toml(settings))
    tokenizer = tiny_tokenizer(["You are at 1 of 4.", "up", "down"], limit=400)
    module = tiny_model(tokenizer, hidden=16, layers=1, heads=2, context=512, seed=0)
    save_policy(Policy(module, tokenizer), folder / "model")
    return folder


def test_a_rollout_plays_the_first_tasks_as_the_run_did(run: Path) -> None:
    episodes = agentrl.rollout(ENV, str(run), tasks=3, max_turns=2)
    assert [episode.task.id for episode in episodes] == ["count-dev-0", "count-dev-1", "count-dev-2"]
    turns = [turn for episode in episodes for turn in episode.turns]
    assert turns and all(turn.sampling.max_tokens == 3 and len(turn.action_ids) <= 3 for turn in turns)
    assert all("of 4" in episode.turns[0].observation and len(episode.turns) <= 2 for episode in episodes)


def test_a_rollout_is_the_same_again_and_another_with_another_seed(run: Path) -> None:
    def written(seed: int) -> list[list[int]]:
        return [
            list(e.turns[0].action_ids)
            for e in agentrl.rollout(ENV, str(run), tasks=6, max_turns=1, seed=seed)
        ]

    assert written(1) == written(1) != written(2)


def test_greedy_decoding_is_said_by_name(run: Path) -> None:
    [episode] = agentrl.rollout(ENV, str(run), tasks=1, max_turns=1, decoding="greedy")
    assert episode.turns[0].sampling.temperature == 0


def test_environments_are_made_by_name_with_their_options() -> None:
    env = agentrl.make(ENV, split="dev", high=3, max_turns=4)
    assert (env.split, env.options.high, env.max_turns) == ("dev", 3, 4)
    with pytest.raises(ConfigError, match=r"no setting 'env.hihg'; did you mean 'env.high'\?"):
        agentrl.make(ENV, hihg=3)
    with pytest.raises(ConfigError, match="split='valid' is not one of train, dev, test"):
        agentrl.make(ENV, split="valid")  # type: ignore[arg-type]


def test_wrong_settings_are_refused_before_anything_is_trained() -> None:
    with pytest.raises(ConfigError, match=r"no setting 'grup_size'; did you mean 'group_size'\?"):
        agentrl.train(env=ENV, algo=str(PLUGINS / "compare.py"), grup_size=3)
