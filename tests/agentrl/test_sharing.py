"""The plan of a run in several processes: who holds what, and what they send each other."""

from pathlib import Path

import pytest
from transformers import Qwen2Config

from agentrl.cli import main
from agentrl.cluster.roles import roles
from agentrl.config import parse
from agentrl.learner.tiny import tiny_tokenizer
from agentrl.memory import Machine, ModelShape
from agentrl.sharing import sharing_plan
from tests.agentrl.installed import install_ourselves

SHAPE = ModelShape(
    parameters=2**30, adapter=0, layers=2, hidden=8, inner=16, query=8, key_value=4, vocabulary=9
)
BIG = ["env=guess", "algo=grpo", "model=./big", "model.dtype=bfloat16", "rollout=vllm"]
SHARED = [*BIG, "cluster=ray", "cluster.actors=3", "learner.processes=4", "run.staleness=2"]


def test_a_run_in_one_process_has_no_plan_of_several() -> None:
    assert sharing_plan(parse(BIG), SHAPE, 8, Machine(1, 80.0)) == []


def test_the_plan_counts_gpus_weights_and_groups() -> None:
    text = "\n".join(sharing_plan(parse(SHARED), SHAPE, 8, Machine(8, 80.0)))
    assert "4 x learner: 1 cores and 1 GPUs each, memory as above; on as few machines as can be" in text
    assert "3 x actor: 1 cores and 1 GPUs each, 36.00 GiB for its own engine; on as many machines" in text
    assert "7 GPUs from Ray, and one that it is not given: the driver's" in text
    assert "2.00 GiB of weights from the learner to the driver" in text
    assert "6.00 GiB to and from each rank in each micro-batch" in text
    assert "2.00 GiB of weights to each of 3 actors, stored by Ray once a machine" in text
    assert "128 episodes in 16 groups of 8, of 6 turns: at most 3,145,728 tokens, 12.00 MiB" in text
    assert "run.staleness=2: actors play while others learn" in text and "at most 48 groups" in text


def test_on_one_machine_without_ray_actors_share_a_gpu_and_the_plan_says_so() -> None:
    words = [*BIG, "cluster.actors=3", "run.staleness=1"]
    assert "actors share the first GPU" in "\n".join(sharing_plan(parse(words), SHAPE, 8, Machine()))


def test_roles_need_gpus_only_where_there_are_some_and_the_model_takes_one() -> None:
    assert [(r.name, r.count, r.need.gpus, r.together) for r in roles(parse(SHARED), gpu=True)] == [
        ("learner", 4, 1.0, True), ("actor", 3, 1.0, False),
    ]  # fmt: skip
    assert {r.need.gpus for r in roles(parse(SHARED), gpu=False)} == {0.0}
    tiny = ["env=guess", "algo=grpo", *SHARED[len(BIG) :]]
    assert {r.need.gpus for r in roles(parse(tiny), gpu=True)} == {0.0}


@pytest.mark.slow
@pytest.mark.parametrize("env", ["webshop", "alfworld"])
@pytest.mark.parametrize("size", ["1.5b", "7b"])
@pytest.mark.parametrize("machine", ["gpu1", "gpu8", "gpu2x8"])
def test_each_configuration_fits_its_machine(
    env: str, size: str, machine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    install_ourselves(tmp_path / "site", monkeypatch)
    monkeypatch.chdir(tmp_path)
    seven = size == "7b"
    Qwen2Config(
        vocab_size=152064 if seven else 151936, hidden_size=3584 if seven else 1536,
        intermediate_size=18944 if seven else 8960, num_hidden_layers=28,
        num_attention_heads=28 if seven else 12, num_key_value_heads=4 if seven else 2,
        tie_word_embeddings=not seven,
    ).save_pretrained("model")  # fmt: skip
    tiny_tokenizer(["guess a number"]).save_pretrained("model")
    files = [f"@configs/{env}_{size}.toml", f"@configs/{machine}.toml"]
    assert main(["run", *files, "model=./model", "--dry-run", "--gpu-memory", "80"]) == 0
    out = capsys.readouterr().out
    assert "fits in 80 GiB a GPU" in out and "first prompt" in out
    assert ("processes, cluster=ray" in out) == (machine != "gpu1")
