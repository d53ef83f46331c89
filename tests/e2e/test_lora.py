"""A run that trains an adapter, from a folder: what it leaves, and that a kill changes nothing."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from agentrl.config import make_env, parse
from agentrl.learner import checkpoint
from agentrl.learner.start import new_policy
from agentrl.sync import Sync, make_sampler
from agentrl.train import resume, train

SIZES = [
    *("env=guess", "rollout.style=plain", "max_tokens=8", "max_context=256", "rollout.tasks=2"),
    *("eval.test=4", "eval.dev=4", "eval.every=2", "iterations=4", "run.checkpoint=2", "learner.lr=1e-2"),
    *("eval.decodings=greedy", "eval.curve=greedy"),
]
ADAPTER = ["model.lora=8", "algo=grpo", "group_size=4", "algo.kl=0.01"]


class Killed(BaseException):
    """Stands for a process that is gone."""


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a small model that has been through a warm start."""
    folder = tmp_path_factory.mktemp("base")
    words = ["env=guess", "algo=grpo", "model.hidden=32", "model.layers=1", "warm.demonstrations=1"]
    small = ["warm.tasks=40", "eval.test=2", "eval.dev=2", "iterations=0", "eval.decodings=greedy"]
    return train(parse([*words, *small, f"out={folder / 'run'}"])) / "model"


def result(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "adapter" / "adapter_model.safetensors")


def metrics(folder: Path) -> list[object]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def killed_and_resumed(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Run until a checkpoint of the second phase of learning lies there, then go on in a new run."""
    save = checkpoint.save

    def dying(*given: object) -> Path:
        path = save(*given)  # type: ignore[arg-type]
        if path.name == "rl-000002":
            raise Killed
        return path

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "save", dying)
        with pytest.raises(Killed):
            train(parse(words))
    resume(parse(words).run.out or "")


@pytest.mark.parametrize(
    "more",
    [[], ["algo=ppo"], ["model.dtype=bfloat16"], ["model.lora=0", "model.dtype=bfloat16"]],
    ids=["grpo", "ppo", "bfloat16", "all weights in bfloat16"],
)
def test_a_killed_run_ends_as_one_that_was_not(
    more: list[str], base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = {word.partition("=")[0]: word for word in [*ADAPTER, *more]}
    if "algo=ppo" in more:
        del chosen["algo.kl"]
    words = [*SIZES, f"model={base}", *chosen.values()]
    whole = train(parse([*words, f"out={tmp_path / 'whole'}"]))
    killed_and_resumed([*words, f"out={tmp_path / 'killed'}"], monkeypatch)
    assert metrics(whole) == metrics(tmp_path / "killed")
    for folder in ["model", *([] if "model.lora=0" in more else ["adapter"])]:
        [file] = (whole / folder).glob("*.safetensors")
        one, two = load_file(file), load_file(tmp_path / "killed" / folder / file.name)
        assert one.keys() == two.keys()
        assert all(torch.equal(tensor, two[name]) for name, tensor in one.items())


def test_what_a_run_leaves_loads_like_any_model(base: Path, tmp_path: Path) -> None:
    from peft import PeftModel

    folder = train(parse([*SIZES, *ADAPTER, f"model={base}", f"out={tmp_path / 'run'}"]))
    assert any(float(t.abs().max()) > 0 for name, t in result(folder).items() if "lora_B" in name)
    merged = AutoModelForCausalLM.from_pretrained(folder / "model")
    assert not list((folder / "model").glob("adapter*"))
    adapted = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), folder / "adapter")
    ids = torch.tensor(AutoTokenizer.from_pretrained(folder / "model")("guess 7")["input_ids"])[None]
    torch.testing.assert_close(merged(ids).logits, adapted(ids).logits, atol=1e-5, rtol=1e-5)
    assert not torch.allclose(merged(ids).logits, AutoModelForCausalLM.from_pretrained(base)(ids).logits)
    newest = checkpoint.newest(folder / "checkpoints")
    assert newest is not None and not list(newest.rglob("model*.safetensors"))
    assert json.loads((newest / "policy" / "adapter_config.json").read_text())[
        "base_model_name_or_path"
    ] == str(base)


def test_the_tiny_model_takes_an_adapter_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = ["model.hidden=32", "model.layers=1", "warm.demonstrations=1", "warm.tasks=40"]
    words = [*SIZES, *ADAPTER, *small, "model.lora_dropout=0.1"]
    whole = train(parse([*words, f"out={tmp_path / 'whole'}"]))
    killed_and_resumed([*words, f"out={tmp_path / 'killed'}"], monkeypatch)
    one, two = result(whole), result(tmp_path / "killed")
    assert all(torch.equal(tensor, two[name]) for name, tensor in one.items())


@pytest.mark.slow
def test_an_engine_takes_the_adapter_merged() -> None:
    pytest.importorskip("vllm")
    settings = parse(["env=guess", *ADAPTER, "rollout=vllm"])
    env = make_env(settings, "train")
    policy = new_policy(settings.model, env, env.tasks("train"), 0)
    sampler = make_sampler(settings, policy, policy.ends)
    sync = Sync(policy, sampler, settings)
    try:
        sync(0)
        with torch.no_grad():
            for name, p in policy.module.named_parameters():
                if "lora_B" in name:
                    p.normal_(0.0, 0.2)
        assert sync.gap() > 0.1, "the adapter changes nothing: the test shows nothing"
        assert sync(1)["sync_gap"] < 1e-4
    finally:
        sampler.close()
