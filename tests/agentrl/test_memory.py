"""The memory plan: figures of published models, held against what torch really allocates."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from transformers import LlamaConfig, Qwen2Config, Qwen2ForCausalLM

from agentrl.batch import token_table
from agentrl.errors import ConfigError
from agentrl.learner.anatomy import check_room, free_memory, meta_model, shape_of
from agentrl.learner.lora import add_lora
from agentrl.learner.model import Policy
from agentrl.learner.step import Learner
from agentrl.memory import (
    GIB,
    Machine,
    ModelShape,
    Part,
    check_memory,
    learning,
    memory_plan,
    sampling,
    standing,
)
from agentrl.settings import LearnerSettings, ModelSettings, RolloutSettings, Settings
from agentrl_algos.ppo import PPO
from tests.agentrl.examples import FakeTokenizer, episodes, model

NOTHING: frozenset[str] = frozenset()
REFERENCE, CRITIC = frozenset({"logp_ref"}), frozenset({"values"})
SEVEN = ModelShape(7_615_616_512, 0, 28, 3584, 18944, 3584, 512, 152064)
"""Qwen2.5-7B"""


def settings(
    dtype: Any = "bfloat16",
    *,
    learner: LearnerSettings | None = None,
    backend: Any = "hf",
    context: int = 4608,
) -> Settings:
    rollout = replace(RolloutSettings(max_context=context), backend=backend)
    chosen = ModelSettings(path="x", dtype=dtype)
    return Settings("webshop", "gigpo", model=chosen, rollout=rollout, learner=learner or LearnerSettings())


def sizes(parts: list[Part]) -> dict[str, float]:
    return {part.name: part.size / GIB for part in parts}


@pytest.mark.parametrize(
    ("width", "parameters", "tied"),
    [((1536, 8960, 12, 2), 1_543_714_304, True), ((3584, 18944, 28, 4), 7_615_616_512, False)],
)
def test_published_models_have_the_published_number_of_parameters(
    width: tuple[int, int, int, int], parameters: int, tied: bool, tmp_path: Any
) -> None:
    hidden, inner, heads, groups = width
    Qwen2Config(
        vocab_size=151936 if tied else 152064, hidden_size=hidden, intermediate_size=inner,
        num_hidden_layers=28, num_attention_heads=heads, num_key_value_heads=groups, tie_word_embeddings=tied,
    ).save_pretrained(tmp_path)  # fmt: skip
    module = meta_model(str(tmp_path))
    assert all(p.is_meta for p in module.parameters())
    shape = shape_of(module, ModelSettings())
    assert (shape.parameters, shape.adapter, shape.layers) == (parameters, 0, 28)
    assert (shape.query, shape.key_value, shape.vocabulary) == (
        hidden,
        128 * groups,
        module.config.vocab_size,
    )


def test_a_bfloat16_weight_that_is_trained_costs_18_bytes_and_a_float32_one_16() -> None:
    low = standing(settings(), SEVEN, NOTHING)
    assert sum(part.size for part in low) == 18 * SEVEN.parameters
    full = standing(settings("float32"), SEVEN, NOTHING)
    assert sum(part.size for part in full) == 16 * SEVEN.parameters


def test_reference_and_critic_come_on_top() -> None:
    with_all = sizes(standing(settings(), SEVEN, REFERENCE | CRITIC))
    copy = 2 * SEVEN.parameters / GIB
    assert with_all["reference"] == with_all["critic: weights"] == copy
    assert with_all["critic: optimiser"] == with_all["optimiser"]
    head = standing(settings(learner=LearnerSettings(critic="head")), SEVEN, CRITIC)
    assert "critic: weights" not in sizes(head)


def test_an_adapter_leaves_the_base_alone_and_shares_it() -> None:
    shape = replace(SEVEN, parameters=SEVEN.parameters + 161_480_704, adapter=161_480_704)
    parts = sizes(standing(settings(), shape, REFERENCE | CRITIC))
    assert parts["weights"] == pytest.approx(14.19, abs=0.01)
    assert parts["adapter"] == parts["gradients"] == parts["reference"] == parts["critic: weights"]
    assert parts["optimiser"] == 2 * parts["gradients"]


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("lora", [0, 4])
def test_what_stands_is_what_torch_holds_after_a_step(dtype: Any, lora: int) -> None:
    policy, chosen = (
        Policy(model(dtype=getattr(torch, dtype)), FakeTokenizer()),
        ModelSettings(lora=lora, dtype=dtype),
    )
    shape = shape_of(policy.module, chosen)
    if lora:
        add_lora(policy.module, chosen, 0)
        trained = sum(p.numel() for p in policy.module.parameters() if p.requires_grad)
        assert shape.adapter == trained
    learner = Learner(policy, PPO(), LearnerSettings(critic="head"), 10, trust_sampler=False)
    learner.learn(token_table(episodes()), {}, 0, 0)
    own = list(policy.module.parameters())
    optimizer: Any = learner.optimizers["policy"]
    held = {
        "weights": sum(p.nbytes for p in own if not lora or not p.requires_grad),
        "gradients": sum(p.grad.nbytes for p in own if p.grad is not None),
        "optimiser": sum(m.nbytes for m in optimizer.state_dict().get("masters", []))
        + sum(
            optimizer.state[p][key].nbytes
            for p in own
            if p.requires_grad
            for key in ("exp_avg", "exp_avg_sq")
        ),
    }
    planned = {p.name: p.size for p in standing(replace(settings(dtype), model=chosen), shape, NOTHING)}
    assert {name: planned[name] for name in held} == held


def saved_bytes(module: Any, ids: torch.Tensor) -> int:
    """Return what a forward pass keeps for the backward pass, weights left out."""
    own = {p.untyped_storage().data_ptr() for p in module.parameters()}
    kept: dict[int, tuple[int, torch.Tensor]] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = (storage.nbytes(), tensor)  # held, so that no address is used twice
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        module.model(input_ids=ids, use_cache=False)
    return sum(size for size, _ in kept.values())


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("lora", [0, 8])
@pytest.mark.parametrize(("inner", "heads", "groups"), [(192, 4, 4), (512, 4, 2)])
def test_the_formula_of_activations_is_near_what_torch_keeps(
    dtype: Any, lora: int, inner: int, heads: int, groups: int
) -> None:
    config = Qwen2Config(
        vocab_size=64, hidden_size=128, intermediate_size=inner, num_hidden_layers=6,
        num_attention_heads=heads, num_key_value_heads=groups,
    )  # fmt: skip
    module, chosen = Qwen2ForCausalLM(config).to(getattr(torch, dtype)), ModelSettings(lora=lora, dtype=dtype)
    shape = shape_of(module, chosen)
    if lora:
        add_lora(module, chosen, 0)
    ids = torch.randint(0, 64, (2, 128))
    how = replace(settings(dtype, context=256), learner=LearnerSettings(microbatch_tokens=256))
    planned = learning(how, shape, NOTHING)[0].size
    assert 0.9 < planned / saved_bytes(module, ids) < 1.3


def test_checkpointing_keeps_a_width_a_layer_and_a_critic_doubles() -> None:
    plain, saving = (settings(learner=LearnerSettings(checkpointing=on)) for on in (False, True))
    whole, kept = (learning(how, SEVEN, NOTHING)[0].size for how in (plain, saving))
    assert kept == pytest.approx(whole / 28 + 16384 * 28 * 3584 * 2)
    assert learning(plain, SEVEN, CRITIC)[0].size == 2 * whole


def test_keys_and_values_are_those_of_all_episodes_up_to_what_hf_holds() -> None:
    each = 2 * 28 * 512 * 2
    assert [part.size for part in sampling(settings(), SEVEN, 128)] == [2**18 * each]
    assert [part.size for part in sampling(settings(), SEVEN, 2)] == [2 * 4608 * each]
    assert [part.size for part in sampling(settings(backend="vllm"), SEVEN, 128)] == [
        2 * SEVEN.parameters,
        128 * 4608 * each,
    ]
    served = settings(backend="vllm")
    served = replace(served, rollout=replace(served.rollout, server="http://elsewhere:8000"))
    assert sampling(served, SEVEN, 128) == []


def test_an_engine_takes_its_share_of_the_gpu_whatever_it_needs() -> None:
    one = ModelShape(1_543_714_304, 0, 28, 1536, 8960, 1536, 256, 151936)
    how = settings(backend="vllm", learner=LearnerSettings(checkpointing=True))
    whole = "\n".join(memory_plan(how, one, REFERENCE, 128, Machine(memory=80)))
    assert "the engine's share" in whole and "36.00 GiB   rollout.memory=0.45 of the GPU" in whole
    assert "64.75 GiB   held, and the larger of learning and playing" in whole
    small = "\n".join(memory_plan(how, SEVEN, REFERENCE, 128, Machine(memory=24)))
    assert "the engine's weights alone are more than its share: raise rollout.memory" in small


def test_the_plan_says_whether_it_fits_and_several_gpus_share() -> None:
    how = settings(learner=LearnerSettings(checkpointing=True))

    def lines(**machine: Any) -> str:
        return "\n".join(memory_plan(how, SEVEN, REFERENCE, 128, Machine(**machine)))

    assert "does not fit in 80 GiB a GPU" in lines(memory=80)
    assert "fits in 80 GiB a GPU" in lines(memory=80, gpus=4) and "does not" not in lines(memory=80, gpus=4)
    assert "as if 4 GPUs split all but activations" in lines(gpus=4) and "GPUs" not in lines()
    assert "--gpu-memory 80" in lines()


def test_learner_processes_share_what_is_held_but_not_what_passes_through() -> None:
    how = settings("bfloat16", learner=LearnerSettings(checkpointing=True, processes=4))
    one = settings("bfloat16", learner=LearnerSettings(checkpointing=True))
    apart, alone = sizes(standing(how, SEVEN, REFERENCE)), sizes(standing(one, SEVEN, REFERENCE))
    # In pieces the weights are float32, and there is no master beside them: as much in all.
    trained = ("weights", "gradients", "optimiser")
    assert sum(apart[name] for name in trained) == pytest.approx(
        sum(alone[name] for name in trained) - SEVEN.parameters * 2 / GIB
    )
    text = "\n".join(memory_plan(how, SEVEN, REFERENCE, 128, Machine(memory=80)))
    assert "of the first of 4 learner processes" in text
    quarter = (
        f"{SEVEN.parameters * 8 / 4 / GIB:.2f} GiB   {SEVEN.parameters:,} trained x 4 bytes x 2 (moments)"
    )
    assert quarter in text
    assert f"{SEVEN.parameters * 2 / GIB:.2f} GiB   {SEVEN.parameters:,} x 2 bytes, which plays" in text
    check_memory(how, SEVEN, REFERENCE, 60 * GIB, "the GPU", over=4)
    with pytest.raises(ConfigError, match="the run needs"):
        check_memory(how, SEVEN, REFERENCE, 60 * GIB, "this machine")


def test_too_little_memory_is_said_with_its_parts_and_a_way_out() -> None:
    with pytest.raises(ConfigError) as why:
        check_memory(settings(), SEVEN, NOTHING, 20 * GIB, "this machine")
    assert str(why.value) == (
        "model=x: the run needs 127.7 GiB before activations (optimiser 85.1, gradients 28.4, weights 14.2),"
        " and this machine has 20.0 GiB free; take a smaller model, or train an adapter: model.lora=16"
        " model.dtype=bfloat16"
    )
    check_memory(settings(), SEVEN, NOTHING, 200 * GIB, "this machine")
    adapted = replace(SEVEN, parameters=SEVEN.parameters + 10, adapter=10)
    with pytest.raises(ConfigError, match=r"take a smaller model$"):
        check_memory(settings(), adapted, NOTHING, GIB, "this machine")


def test_a_model_too_large_is_refused_before_its_weights_are_looked_for(tmp_path: Any) -> None:
    LlamaConfig(hidden_size=65536, num_hidden_layers=200, num_attention_heads=64).save_pretrained(tmp_path)
    with pytest.raises(ConfigError, match=r"the run needs [\d.]+ GiB before activations"):
        check_room(replace(settings(), model=ModelSettings(path=str(tmp_path))), NOTHING)
    check_room(replace(settings(), model=ModelSettings()), NOTHING)
    free, where = free_memory()
    assert free > 0 and where
