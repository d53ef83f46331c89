"""A run's policy as a folder to share: it says what the run's own policy says, and where it comes from."""

import json
import tomllib
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from agentrl.cli import main
from agentrl.config import from_toml, make_env, parse
from agentrl.errors import ConfigError
from agentrl.exporting import export_command
from agentrl.learner import checkpoint
from agentrl.learner.start import saved_policy
from agentrl.modelcard import public
from agentrl.train import train

SIZES = [
    *("env=guess", "algo=grpo", "group_size=4", "rollout.style=plain", "max_tokens=8", "max_context=256"),
    *("rollout.tasks=2", "eval.test=6", "eval.dev=4", "eval.every=2", "iterations=2", "learner.lr=1e-2"),
    *("eval.decodings=greedy", "eval.curve=greedy", "model.hidden=32", "model.layers=1"),
    *("warm.demonstrations=1", "warm.tasks=20", "seed=3"),
]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(parse([*SIZES, f"out={tmp_path_factory.mktemp('run') / 'plain'}"]))


@pytest.fixture(scope="module")
def adapted(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("adapted") / "lora"
    return train(parse([*SIZES, f"model={run / 'model'}", "model.lora=4", f"out={out}"]))


def logprobs(model: object, ids: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return torch.log_softmax(model(input_ids=ids).logits.double(), -1)  # type: ignore[operator]


@pytest.mark.parametrize("kind", ["run", "adapted"])
def test_what_is_exported_says_what_the_policy_says(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    run: Path = request.getfixturevalue(kind)
    folder, _ = export_command([str(run), f"out={tmp_path / 'shared'}"])
    model = AutoModelForCausalLM.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    settings = from_toml((run / "config.toml").read_text())
    newest = checkpoint.newest(run / "checkpoints")
    assert newest is not None
    with make_env(settings, "train") as world:
        policy = saved_policy(settings.model, newest / "policy", world, world.tasks("train"), 0)
    assert tokenizer.get_vocab() == policy.tokenizer.get_vocab()
    assert tokenizer.chat_template == policy.tokenizer.chat_template
    ids = torch.tensor([tokenizer("The number is higher than 3. 7")["input_ids"]])
    policy.module.eval()
    torch.testing.assert_close(logprobs(model, ids), logprobs(policy.module, ids), atol=1e-5, rtol=0)
    assert not list(folder.glob("adapter*")), "an adapter is merged"


def test_the_card_says_what_it_is_how_it_did_and_what_is_left_to_say(run: Path, tmp_path: Path) -> None:
    folder, _ = export_command([str(run), "format=model", f"out={tmp_path / 'shared'}"])
    text = (folder / "README.md").read_text()
    summary = json.loads((run / "summary.json").read_text())
    assert text.startswith("---\nlibrary_name: transformers\n")
    assert "license:" not in text.split("---")[1], "nobody is given a licence by default"
    for said in (
        "trained by grpo in the environment guess", "a tiny model built from scratch", "seed 3",
        f"the 6 tasks of guess/test (hash {summary['panel']['hash']})", "| decoding greedy | ",
        "| expert player | – | ",
        "## Licence\n\nNot stated yet.", f"torch {summary['versions']['torch']}",
        "group_size = 4", "warm.demonstrations",
    ):  # fmt: skip
        assert said in text, said
    assert str(run) not in text, "no place on this machine"
    settings = tomllib.loads(text.partition("```toml\n")[2].partition("```")[0])
    assert settings["run"]["seed"] == 3 and "out" not in settings["run"]


def test_places_are_not_told(tmp_path: Path) -> None:
    text = f'[run]\nout = "{tmp_path}/x"\nstore = "{tmp_path}/data.jsonl.gz"\n[model]\npath = "org/name"'
    assert public(text) == '[run]\nstore = "data.jsonl.gz"\n[model]\npath = "org/name"'


def test_stored_episodes_are_still_data(run: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="holds no stored episodes: run again with trajectories=1"):
        export_command([str(run), "format=messages", f"out={tmp_path / 'm.jsonl'}"])


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["RUN"], "export takes one file and out=...; of stored episodes also format=... (messages, trl"),
        (["RUN", "format=modle", "out=x"], "format=modle; did you mean 'model'?"),
        (["RUN", "out=.", "format=model"], "out=. is there already; nothing is written over"),
        (["nowhere", "out=x", "format=model"], "nowhere is not a run: it has no config.toml"),
        (["RUN", "out=x", "model=tiny"], "format=model takes no model=: it writes the run's own"),
        (["stopped", "out=x"], "stopped is not finished; go on: agentrl resume stopped"),
        (["FILE", "out=x"], "format="),
    ],
)
def test_wrong_words_are_refused_in_one_line(
    words: list[str], why: str, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    Path("stopped").mkdir()
    Path("stopped/config.toml").write_text((run / "config.toml").read_text())
    Path("data.jsonl.gz").write_bytes(b"")
    places = {"RUN": str(run), "FILE": "data.jsonl.gz"}
    assert main(["export", *(places.get(word, word) for word in words)]) == 2
    assert why in capsys.readouterr().err and not Path("x").exists()
