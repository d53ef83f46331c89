"""A dry run of any model: from its configuration alone, for GPUs that one names, in words where it cannot."""

import importlib.util
import re
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest
from transformers import Qwen2Config

from agentrl.cli import main
from agentrl.errors import ConfigError
from agentrl.flags import machine_of, split
from agentrl.learner.tiny import tiny_tokenizer
from agentrl.memory import Machine
from agentrl.places import check_peft, unreachable
from tests.agentrl.installed import install_ourselves

RUN = ["run", "env=guess", "algo=gigpo"]
NOWHERE = "nobody-at-all/no-such-model"


@pytest.fixture(autouse=True)
def _installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_ourselves(tmp_path / "site", monkeypatch)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def outline(tmp_path: Path) -> Path:
    """Return a folder that holds a large model's configuration, a tokenizer, and no weights."""
    folder = tmp_path / "seven"
    Qwen2Config(
        vocab_size=152064, hidden_size=3584, intermediate_size=18944, num_hidden_layers=28,
        num_attention_heads=28, num_key_value_heads=4, tie_word_embeddings=False,
    ).save_pretrained(folder)  # fmt: skip
    tiny_tokenizer(["guess a number"]).save_pretrained(folder)
    return folder


@pytest.fixture
def _offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub.constants as hub

    monkeypatch.setattr(hub, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(hub, "HF_HUB_CACHE", str(tmp_path / "cache"))


def test_a_plan_needs_no_weights(outline: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [f"model={outline}", "model.dtype=bfloat16", "--dry-run", "--gpu-memory", "80"]
    assert main([*RUN, *words]) == 0
    out = capsys.readouterr().out
    assert "7,615,616,512 parameters, bfloat16, all are trained" in out
    assert re.search(r"optimiser +85\.11 GiB   7,615,616,512 trained x 4 bytes x 3 \(moments, master\)", out)
    assert "does not fit in 80 GiB a GPU" in out
    assert "to take less: model.lora=16, learner.checkpointing=true, learner.microbatch_tokens=4096" in out
    assert "first prompt of task guess-train-0" in out
    assert main([*RUN, *words, "model.lora=64", "learner.checkpointing=true"]) == 0
    out = capsys.readouterr().out
    assert "an adapter of 161,480,704 is trained" in out and "fits in 80 GiB a GPU" in out


def test_a_run_needs_the_weights(outline: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*RUN, f"model={outline}"]) == 2
    assert "the folder holds no weights" in capsys.readouterr().err


@pytest.mark.usefixtures("_offline")
@pytest.mark.parametrize("more", [["--dry-run"], []])
def test_a_hub_model_that_cannot_be_fetched_says_how_to_fetch_it(
    more: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*RUN, f"model={NOWHERE}", *more, "out=run"]) == 2
    caught = capsys.readouterr().err
    assert caught.startswith(f"agentrl: model={NOWHERE}: no folder here, and it could not be fetched from")
    assert f"hf download {NOWHERE} --local-dir FOLDER" in caught and caught.count("\n") == 1
    assert not Path("run").exists()


def test_a_folder_that_does_not_load_is_not_sent_to_the_hub(tmp_path: Path) -> None:
    assert unreachable(str(tmp_path), ValueError("no\nsense")) == f"model={tmp_path}: cannot be loaded (no)"


def test_without_peft_an_adapter_is_refused_with_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = importlib.util.find_spec

    def without(name: str, package: str | None = None) -> ModuleSpec | None:
        return None if name == "peft" else found(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", without)
    monkeypatch.setitem(sys.modules, "peft", None)
    assert main([*RUN, "model.lora=8"]) == 2
    assert "model.lora=8: adapters need the package peft, which is not installed" in capsys.readouterr().err
    check_peft(0)


@pytest.mark.parametrize(
    ("words", "machine"),
    [
        (["--dry-run"], Machine()),
        (["--dry-run", "--gpus", "4", "--gpu-memory=79.6"], Machine(4, 79.6)),
        (["--gpus=2", "--dry-run", "--gpu-memory", "24"], Machine(2, 24.0)),
    ],
)
def test_options_of_the_plan_are_read_in_both_spellings(words: list[str], machine: Machine) -> None:
    settings, flags = split(["env=guess", *words, "seed=1"])
    assert settings == ["env=guess", "seed=1"] and machine_of(flags) == machine


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--dry-run", "--gpus"], "--gpus needs a number: --gpus 2"),
        (["--dry-run", "--gpus", "two"], "--gpus=two: expected a whole number"),
        (["--dry-run", "--gpus", "0"], "--gpus=0: must be at least 1"),
        (["--dry-run", "--gpu-memory=-1"], "--gpu-memory=-1: must be above 0, in GiB a GPU"),
        (["--gpu-memory", "80"], "--gpu-memory goes with --dry-run: a run uses the GPU it finds"),
        (["--gpu", "80"], "no option '--gpu'; did you mean '--gpus'?"),
    ],
)
def test_wrong_options_of_the_plan_are_one_line(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*RUN, *words]) == 2
    assert capsys.readouterr().err == f"agentrl: {message}\n"
    with pytest.raises(ConfigError):
        machine_of(split(["--gpus", ""])[1])


def test_a_plan_of_trees_says_how_they_are_grown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "env=guess", "algo=mcts_dpo", "search=beam", "--dry-run"]) == 0
    assert "16 tasks x 1 tree by beam, 4 states a depth, 3 turns deep, 2 opt" in capsys.readouterr().out
    assert main(["run", "env=guess", "algo=mcts_dpo", "--dry-run"]) == 0
    assert "x 1 tree by mcts, 8 walks a move, 3 turns deep" in capsys.readouterr().out
