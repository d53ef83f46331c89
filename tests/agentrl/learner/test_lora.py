"""Low-rank adapters: the same probabilities merged or not, a base that stays, a step free of the split."""

from pathlib import Path
from typing import Any

import pytest
import torch

from agentrl.batch import token_table
from agentrl.errors import ConfigError, RunError
from agentrl.learner.critic import Critic
from agentrl.learner.lora import add_lora, load_adapter, save_adapter
from agentrl.learner.model import Policy, compute
from agentrl.learner.step import Learner
from agentrl.settings import LearnerSettings, ModelSettings
from agentrl_algos.grpo import GRPO
from agentrl_algos.ppo import PPO
from tests.agentrl.examples import FakeTokenizer, episodes, model

RANK4 = ModelSettings(path="tiny", lora=4)


def lora_policy(settings: ModelSettings = RANK4, dtype: torch.dtype = torch.float64) -> Policy:
    policy = Policy(model(dtype=dtype), FakeTokenizer())
    add_lora(policy.module, settings, 0)
    return policy


def trained(policy: Policy) -> dict[str, torch.Tensor]:
    return {name: p for name, p in policy.module.named_parameters() if p.requires_grad}


def after_one_step(policy: Policy, algo: Any = None, **settings: Any) -> Learner:
    settings = {"lr": 0.05, "lr_critic": 0.05, "microbatch_tokens": 10**6, **settings}
    learner = Learner(policy, algo or GRPO(kl=0.05), LearnerSettings(**settings), 10, trust_sampler=False)
    learner.learn(token_table(episodes()), {}, 0, 0)
    return learner


def test_a_fresh_adapter_changes_nothing_and_alone_is_trained() -> None:
    plain, policy = model(), lora_policy()
    ids = torch.arange(2, 9)[None]
    assert torch.equal(policy.module(ids).logits, plain(ids).logits)
    after_one_step(policy)
    assert all(".lora_" in name for name in trained(policy))
    assert not torch.equal(policy.module(ids).logits, plain(ids).logits), "nothing was trained"
    base = {
        n.replace(".base_layer", ""): t for n, t in policy.module.state_dict().items() if "lora_" not in n
    }
    for name, tensor in plain.state_dict().items():
        assert torch.equal(base[name], tensor), name


def test_merged_weights_have_the_plain_models_names_and_give_the_same_logits() -> None:
    policy, plain = lora_policy(), model(seed=5)
    after_one_step(policy)
    before = {name: p.clone() for name, p in policy.module.named_parameters()}
    merged = dict(policy.weights())
    assert merged.keys() == plain.state_dict().keys() | {"lm_head.weight"}
    plain.load_state_dict(merged)
    ids = torch.arange(2, 9)[None]
    torch.testing.assert_close(plain(ids).logits, policy.module(ids).logits, atol=1e-12, rtol=0)
    for name, p in policy.module.named_parameters():
        assert torch.equal(p, before[name]), name


def test_a_tied_head_is_told_by_its_own_name() -> None:
    weights = dict(Policy(model(), FakeTokenizer()).weights())
    assert torch.equal(weights["lm_head.weight"], weights["model.embed_tokens.weight"])


def test_weights_are_merged_one_at_a_time() -> None:
    policy = lora_policy()
    stream = policy.weights()
    name = next(n for n, _ in stream if n.endswith("q_proj.weight"))
    layer = policy.module.get_submodule("model.layers.0.self_attn.v_proj")
    with torch.no_grad():  # later than the stream began, earlier than its turn came
        layer.lora_B["default"].weight.fill_(1.0)
    weights = dict(stream)
    assert name.startswith("model.layers.0")
    assert not torch.equal(weights["model.layers.0.self_attn.v_proj.weight"], layer.base_layer.weight)


@pytest.mark.parametrize("critic", ["separate", "head"])
def test_the_step_does_not_depend_on_the_split_nor_on_checkpointing(critic: str) -> None:
    def outcome(**settings: Any) -> dict[str, torch.Tensor]:
        policy = lora_policy()
        learner = after_one_step(policy, PPO(kl=0.05), critic=critic, **settings)
        found = {name: p.detach() for name, p in trained(policy).items()}
        return found | (learner.critic.state_dict() if learner.critic is not None else {})

    whole = outcome()
    for other in (outcome(microbatch_tokens=23), outcome(microbatch_tokens=23, checkpointing=True)):
        assert whole.keys() == other.keys()
        for name, tensor in whole.items():
            torch.testing.assert_close(other[name], tensor, atol=1e-9, rtol=0)


def test_reference_and_critic_share_the_base_and_only_the_base() -> None:
    policy = lora_policy()
    reference, critic = policy.frozen_copy(), Critic.like(policy)
    for copied in (reference.module.model, critic.trunk):
        for (name, own), (_, theirs) in zip(
            policy.module.model.named_parameters(), copied.named_parameters(), strict=True
        ):
            assert (own is theirs) == (".lora_" not in name), name
    assert all(".lora_" in name or name.startswith("head.") for name in critic.state_dict())
    assert not list(p for p in reference.module.parameters() if p.requires_grad)


def test_the_reference_stays_the_policy_that_rl_started_from() -> None:
    policy = lora_policy()
    table = token_table(episodes())
    after_one_step(policy)  # as a warm start would: the adapter is not zero when the reference is taken
    before = compute(policy, table, frozenset({"logp"}), 10**6)["logp"]
    reference = policy.frozen_copy()
    after_one_step(policy)
    assert torch.equal(compute(reference, table, frozenset({"logp"}), 10**6)["logp"], before)
    assert not torch.equal(compute(policy, table, frozenset({"logp"}), 10**6)["logp"], before)


def test_a_critic_is_put_back_from_what_was_stored_of_it() -> None:
    learner = after_one_step(lora_policy(), PPO())
    assert learner.critic is not None
    stored = {name: t.clone() for name, t in learner.critic.state_dict().items()}
    fresh = Critic.like(lora_policy())
    fresh.load_state_dict(stored)
    assert all(torch.equal(t, stored[name]) for name, t in fresh.state_dict().items())


def test_an_adapter_is_stored_alone_and_comes_back(tmp_path: Path) -> None:
    policy = lora_policy()
    after_one_step(policy)
    save_adapter(policy.module, tmp_path)
    assert not (tmp_path / "model.safetensors").exists()
    other = lora_policy()
    load_adapter(other.module, tmp_path)
    for name, p in trained(policy).items():
        assert torch.equal(p, trained(other)[name])
    with pytest.raises(RunError, match=r"no adapter of this model with these model\.lora settings"):
        load_adapter(lora_policy(ModelSettings(lora=2)).module, tmp_path)


def test_the_adapter_of_a_bfloat16_base_is_float32() -> None:
    policy = lora_policy(dtype=torch.bfloat16)
    assert {p.dtype for p in trained(policy).values()} == {torch.float32}
    assert policy.module.model.embed_tokens.weight.dtype == torch.bfloat16
    assert all(t.dtype == torch.bfloat16 for _, t in policy.weights())
    after_one_step(policy)


def test_the_same_seed_draws_the_same_adapter_and_leaves_the_global_stream_alone() -> None:
    module = model()
    state = torch.random.get_rng_state()
    add_lora(module, RANK4, 0)
    assert torch.equal(torch.random.get_rng_state(), state)
    one, two, other = lora_policy(), lora_policy(), model()
    add_lora(other, RANK4, 1)
    drawn = {name: p for name, p in other.named_parameters() if ".lora_A" in name}
    assert all(torch.equal(p, trained(two)[name]) for name, p in trained(one).items())
    assert not any(torch.equal(p, trained(one)[name]) for name, p in drawn.items())


def test_dropout_is_off_while_probabilities_are_compared() -> None:
    policy = lora_policy(ModelSettings(lora=4, lora_dropout=0.5))
    drops = [part for part in policy.module.modules() if isinstance(part, torch.nn.Dropout)]
    assert drops and all(part.p == 0.5 for part in drops)
    after_one_step(policy)
    assert all(part.p == 0.0 for part in drops)


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (("q_prj",), "model.lora_targets=q_prj: the model has no such linear layer; did you mean 'q_proj'?"),
        (("lm_head",), "model.lora_targets=lm_head: the model has no such linear layer"),
        ((), "model.lora_targets is empty"),
    ],
)
def test_targets_that_are_no_linear_layers_are_refused(targets: tuple[str, ...], message: str) -> None:
    with pytest.raises(ConfigError) as why:
        lora_policy(ModelSettings(lora=4, lora_targets=targets))
    assert str(why.value).startswith(message)


def test_some_layers_may_be_named() -> None:
    policy = lora_policy(ModelSettings(lora=4, lora_targets=("q_proj", "v_proj")))
    assert {name.split(".")[-4] for name in trained(policy)} == {"q_proj", "v_proj"}
