"""A run folder as the model: what comes along from the run that made it."""

from pathlib import Path

import pytest

from agentrl.chain import earlier
from agentrl.config import from_toml, parse, to_toml
from agentrl.errors import ConfigError

WORDS = (
    "env=guess",
    "algo=grpo",
    "rollout.mode=transcript",
    "learner.lr=2e-4",
    "max_turns=4",
    "iterations=7",
)


def run(folder: Path, *words: str, finished: bool = True) -> Path:
    """Write what a run leaves that another begins with."""
    (folder / "model").mkdir(parents=True) if finished else folder.mkdir()
    (folder / "config.toml").write_text(to_toml(parse([*WORDS, *words])))
    return folder


def test_a_run_goes_on_as_its_model_was_trained_and_words_win(tmp_path: Path) -> None:
    first = run(tmp_path / "one")
    got = parse(["env=guess", "algo=gigpo", f"model={first}", "learner.lr=1e-4"])
    assert got.model.path == str(first / "model")
    assert (got.rollout.mode, got.rollout.style, got.rollout.max_tokens) == ("transcript", "plain", 24)
    assert (got.learner.lr, got.env_options["max_turns"], got.learner.minibatches) == (1e-4, 4, 2)
    assert got.warm.demonstrations == 0, "it has learnt already"
    assert got.run.iterations == 50, "how long is this run's own affair"
    assert from_toml(to_toml(got)) == got


def test_in_another_environment_only_the_way_of_asking_comes_along(tmp_path: Path) -> None:
    first = run(tmp_path / "one", "rollout.max_tokens=11")
    got = parse(["env=math", "algo=grpo", f"model={first}"])
    assert (got.rollout.mode, got.rollout.max_tokens, got.learner.lr) == ("transcript", 32, 3e-4)
    assert got.env_options["form"] == "arithmetic", "it is the tiny model still"


def test_a_chain_of_runs_is_followed_to_its_beginning(tmp_path: Path) -> None:
    second = run(tmp_path / "two", f"model={run(tmp_path / 'one')}")
    found = earlier(str(second))
    assert found is not None and found.tiny and found.path == str(second / "model")
    other = run(tmp_path / "three", "model=some/model", "rollout.style=think")
    assert not (earlier(str(other)) or found).tiny
    assert parse(["env=math", "algo=grpo", f"model={other}"]).env_options["form"] == "stories"


def test_settings_of_several_environments_come_along(tmp_path: Path) -> None:
    mix = "env=guess:1,other=guess:1"
    folder = tmp_path / "mix"
    (folder / "model").mkdir(parents=True)
    (folder / "config.toml").write_text(to_toml(parse([mix, "algo=grpo", "other.max_turns=3"])))
    assert parse([mix, "algo=grpo", f"model={folder}"]).env_options["other.max_turns"] == 3


def test_a_run_that_is_not_finished_is_no_model(tmp_path: Path) -> None:
    folder = run(tmp_path / "one", finished=False)
    with pytest.raises(ConfigError, match=r"one: that run is not finished; go on: agentrl resume .*one"):
        parse(["env=guess", "algo=grpo", f"model={folder}"])
    (folder / "model").mkdir()
    (folder / "config.toml").write_text("nonsense")
    with pytest.raises(ConfigError, match=r"its config.toml cannot be read"):
        parse(["env=guess", "algo=grpo", f"model={folder}"])


def test_no_other_folder_is_taken_for_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(run(tmp_path / "one"))
    assert parse(["env=guess", "algo=grpo"]).model.path == "tiny"
    assert earlier(str(tmp_path)) is None
