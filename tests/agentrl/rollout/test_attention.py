"""Attention of query heads that share keys: transformers' numbers, only inside the block."""

import pytest
import torch
from transformers import LlamaConfig
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.models.llama.modeling_llama import LlamaAttention

from agentrl.rollout.attention import NAME, attended, sharing_heads
from tests.agentrl.rollout.examples import model


def arguments(tokens: int) -> tuple[LlamaAttention, torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(tokens)
    config = LlamaConfig(
        hidden_size=48, num_attention_heads=6, num_key_value_heads=2, num_hidden_layers=1, vocab_size=8
    )
    query, key, value = (
        torch.randn(3, heads, length, 8) for heads, length in ((6, tokens), (2, 11), (2, 11))
    )
    return LlamaAttention(config, 0), query, key, value


@pytest.mark.parametrize("tokens", [1, 4])
@pytest.mark.parametrize("scaling", [None, 0.7])
def test_masked_attention_is_that_of_transformers(tokens, scaling):
    module, query, key, value = arguments(tokens)
    mask = torch.rand(3, 1, tokens, 11) < 0.6
    mask[..., 0] = True
    ours, nothing = attended(module, query, key, value, mask, scaling=scaling, dropout=0.0)
    theirs, _ = sdpa_attention_forward(module, query, key, value, mask, scaling=scaling, dropout=0.0)
    torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=0)
    assert nothing is None


def test_attention_without_a_mask_is_causal():
    module, query, key, value = arguments(11)
    ours, _ = attended(module, query, key, value, None)
    theirs, _ = sdpa_attention_forward(module, query, key, value, None)
    assert torch.equal(ours, theirs)
    changed = value.clone()
    changed[:, :, 5:] += 1.0
    later, _ = attended(module, query, key, changed, None)
    assert torch.equal(later[:, :5], ours[:, :5]) and not torch.equal(later[:, 5:], ours[:, 5:])


def test_a_model_attends_this_way_inside_the_block_only_even_if_it_fails():
    shared = model(heads=2)  # of keys, for four of queries
    seen = []

    def failing() -> None:
        with sharing_heads(shared):
            seen.append(shared.config._attn_implementation)
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        failing()
    assert seen == [NAME]
    assert shared.config._attn_implementation == "sdpa"


@pytest.mark.parametrize(("heads", "attention"), [(4, "sdpa"), (2, "eager")])
def test_models_that_gain_nothing_are_left_alone(heads, attention):
    plain = model(heads=heads, attention=attention)
    with sharing_heads(plain):
        assert plain.config._attn_implementation == attention
