"""Small trajectories and models that several tests share."""

import random
from typing import Any

import torch
from transformers import Qwen2Config, Qwen2ForCausalLM

from agentrl.types import Sampling, Task, Trajectory, Turn, floats32, ids32

VOCABULARY = 40


class FakeTokenizer:
    """The three facts about a tokenizer that a learner reads."""

    pad_token_id = 0
    eos_token_id = 1
    chat_template = "x"


def model(seed: int = 0, dtype: torch.dtype = torch.float64) -> Any:
    """Return a random Qwen2 of one layer."""
    torch.manual_seed(seed)
    config = Qwen2Config(
        vocab_size=VOCABULARY,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=256,
        tie_word_embeddings=True,
        eos_token_id=1,
        pad_token_id=0,
    )
    return Qwen2ForCausalLM(config).to(dtype)


def turn(rng: random.Random, key: str, reward: float, *, fresh: bool, valid: bool = True) -> Turn:
    """Return a turn of random tokens."""
    prompt = [rng.randrange(2, VOCABULARY) for _ in range(rng.randint(2, 7))]
    action = [rng.randrange(2, VOCABULARY) for _ in range(rng.randint(1, 4))]
    return Turn(
        observation="seen",
        prompt_ids=ids32(prompt),
        action_ids=ids32(action),
        logprobs=floats32([-rng.random() * 3 for _ in action]),
        text="do",
        action="do",
        rewards={"task": reward},
        state_key=key,
        fresh=fresh,
        admissible=valid,
        versions=((0, len(action)),),
        sampling=Sampling(),
    )


def episode(group: str, sample: int, *, turns: int, seed: int, window: bool) -> Trajectory:
    """Return an episode of random tokens that visits states of a small set."""
    rng = random.Random(seed)
    last = round(rng.random(), 2)
    steps = tuple(
        turn(
            rng,
            f"s{rng.randrange(3)}",
            last if i == turns - 1 else 0.0,
            fresh=window or i == 0,
            valid=rng.random() > 0.2,
        )
        for i in range(turns)
    )
    task = Task(group, "train", 0)
    return Trajectory(
        task, group, sample, steps, "success", terminated=True, ret=last, score=last, success=last > 0.5
    )


def episodes(count: int = 8, *, window: bool = True, seed: int = 0) -> list[Trajectory]:
    """Return episodes of two tasks, of unequal lengths."""
    return [
        episode(f"g{i % 2}", i // 2, turns=1 + (i * 7 + seed) % 4, seed=seed * 100 + i, window=window)
        for i in range(count)
    ]
