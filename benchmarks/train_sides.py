"""The two sides of `train_step.py`: equal models, prompts and rewards, and the clock that times them."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice, product
from pathlib import Path
from typing import Any

import torch
import trl
from datasets import Dataset
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook
from transformers import LlamaConfig, LlamaForCausalLM

from agentrl.env import Reply, TextEnv
from agentrl.gather import Gatherer
from agentrl.learner.model import Policy
from agentrl.learner.step import Learner
from agentrl.learner.tiny import TEMPLATE, tiny_tokenizer
from agentrl.rollout import wording
from agentrl.rollout.chat import Chat, Format
from agentrl.rollout.hf import HFSampler
from agentrl.settings import LearnerSettings, RolloutSettings, Settings
from agentrl.types import Panel, Request, Sample, Sampling, Task
from agentrl_algos.grpo import GRPO

PROMPTS, GROUP = 8, 8
PARTS = ("generation", "log-prob forward", "backward", "optimiser", "rest")
LR, BETAS = 1e-6, (0.9, 0.95)


@dataclass(frozen=True, slots=True)
class Shape:
    """A model and the length of its replies."""

    hidden: int
    inner: int
    layers: int
    heads: int
    vocabulary: int
    reply: int
    """tokens"""


SHAPES = {
    "small": Shape(hidden=256, inner=512, layers=4, heads=4, vocabulary=4096, reply=64),
    "long": Shape(hidden=256, inner=512, layers=4, heads=4, vocabulary=4096, reply=256),
    "large": Shape(hidden=512, inner=1024, layers=8, heads=8, vocabulary=8192, reply=64),
}


class Clock:
    """Seconds by part since the last lap. The two sides never run at once: one clock serves both."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = defaultdict(float)
        self.since = time.perf_counter()

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Count what happens inside as this part."""
        begun = time.perf_counter()
        yield
        self.spent[name] += time.perf_counter() - begun

    def timed(self, name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        """Return the same function, counted as this part."""

        def measured(*given: Any, **named: Any) -> Any:
            with self.part(name):
                return work(*given, **named)

        return measured

    def lap(self) -> dict[str, float]:
        """Return the seconds of every part, and begin again."""
        now = time.perf_counter()
        found = {name: self.spent[name] for name in PARTS[:-1]}
        found["rest"] = now - self.since - sum(found.values())
        self.spent.clear()
        self.since = time.perf_counter()
        return found

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Count backward passes and optimiser steps, whoever makes them."""
        backward = torch.Tensor.backward
        begun = 0.0

        def before(*_: object) -> None:
            nonlocal begun
            begun = time.perf_counter()

        def after(*_: object) -> None:
            self.spent["optimiser"] += time.perf_counter() - begun

        torch.Tensor.backward = self.timed("backward", backward)  # type: ignore[method-assign]
        hooks = register_optimizer_step_pre_hook(before), register_optimizer_step_post_hook(after)
        try:
            yield
        finally:
            torch.Tensor.backward = backward  # type: ignore[method-assign]
            for hook in hooks:
                hook.remove()


def reward(text: str) -> float:
    """Return the reward of a reply: the share of its characters that are an `a`."""
    return text.count("a") / max(1, len(text))


class Words(TextEnv):
    """Say something. One turn."""

    max_turns = 1

    def begin(self, task: Task) -> str:
        """Return the task's words."""
        return str(task.data["text"])

    def act(self, action: str) -> Reply:
        """Return the reward of what was said."""
        return Reply("", reward(action), done=True)


def words() -> list[str]:
    """Return more words than any vocabulary here holds."""
    syllables = ["".join(pair) for pair in product("bdfgklmnprstvz", "aeiou")]
    return ["".join(pair) for pair in product(syllables, repeat=3)]


def new_tokenizer(size: int) -> Any:
    """Return a tokenizer of `size` tokens and an end token after them."""
    tokenizer = tiny_tokenizer([" ".join(islice(words(), 2 * size))], limit=size)
    tokenizer.add_special_tokens({"eos_token": "<stop>"})
    tokenizer.chat_template = TEMPLATE.replace("<end>", "<stop>")
    assert tokenizer.eos_token_id == size
    return tokenizer


def new_model(shape: Shape) -> Any:
    """Return a Llama with random weights whose vocabulary leaves the end token out."""
    torch.manual_seed(0)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=shape.vocabulary,
            hidden_size=shape.hidden,
            intermediate_size=shape.inner,
            num_hidden_layers=shape.layers,
            num_attention_heads=shape.heads,
            num_key_value_heads=shape.heads // 2,
            max_position_embeddings=1024,
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=shape.vocabulary,
            pad_token_id=0,
        )
    )


def new_panel() -> Panel:
    """Return the prompts: 20 to 48 words."""
    text = words()
    return Panel(
        "words",
        tuple(
            Task(f"words-{i}", "train", i, {"text": " ".join(text[50 * i : 50 * i + 20 + 4 * i])})
            for i in range(PROMPTS)
        ),
    )


class Ours:
    """An iteration as `agentrl run rollout=hf algo=grpo` makes it."""

    def __init__(self, model: Any, tokenizer: Any, shape: Shape, clock: Clock) -> None:
        self.prompts: set[tuple[int, ...]] = set()
        self.clock = clock
        self.policy = Policy(model, tokenizer)
        chat = Chat(tokenizer, Format("window", "plain", 0, 1024))
        self.sampler = HFSampler(
            model, eos_ids=self.policy.ends | {chat.end}, pad_id=self.policy.pad, shared=True
        )
        self.algo = GRPO(group_size=GROUP, kl=0.0)
        settings = Settings(
            "words",
            "grpo",
            rollout=RolloutSettings(tasks=PROMPTS, style="plain", max_tokens=shape.reply, max_context=1024),
            learner=LearnerSettings(lr=LR, beta1=BETAS[0], beta2=BETAS[1], microbatch_tokens=1 << 20),
        )
        self.learner = Learner(self.policy, self.algo, settings.learner, 1000)
        self.gatherer = Gatherer(
            settings, self.algo, new_panel(), lambda split: Words(split), chat, self.sampler, Path()
        )
        generate = clock.timed("generation", self.sampler.generate)

        def generated(requests: Sequence[Request], sampling: Sampling) -> list[Sample]:
            self.prompts |= {tuple(request.prompt) for request in requests}
            return generate(requests, sampling)  # type: ignore[no-any-return]

        self.sampler.generate = generated  # type: ignore[method-assign]
        self.policy.columns = clock.timed("log-prob forward", self.policy.columns)  # type: ignore[method-assign]

    def iteration(self, number: int) -> int:
        """Return the number of tokens learnt from."""
        self.policy.module.eval()
        table, _, _ = self.gatherer.gather(number)
        assert table is not None
        self.policy.module.train()
        self.learner.learn(table, {}, number, 0)
        self.sampler.load_weights((), number + 1)
        return len(table)


def trainer_of(model: Any, tokenizer: Any, shape: Shape, iterations: int, folder: str) -> Any:
    """Return TRL's trainer: its defaults, but for what makes it do the same work in the same precision."""
    said = [
        [
            {"role": role, "content": content}
            for role, content in wording.window(
                "plain", wording.Scene("", "", task.data["text"], None), [], 0
            )
        ]
        for task in new_panel()
    ]
    return trl.GRPOTrainer(
        model=model,
        reward_funcs=lambda completions, **_: [reward(reply[0]["content"]) for reply in completions],
        args=trl.GRPOConfig(
            output_dir=folder,
            use_cpu=True,
            bf16=False,
            gradient_checkpointing=False,
            per_device_train_batch_size=PROMPTS * GROUP,
            gradient_accumulation_steps=1,
            num_generations=GROUP,
            max_completion_length=shape.reply,
            beta=0.0,
            learning_rate=LR,
            lr_scheduler_type="constant",
            adam_beta1=BETAS[0],
            adam_beta2=BETAS[1],
            max_steps=iterations,
            logging_strategy="no",
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
        ),
        train_dataset=Dataset.from_dict({"prompt": said}),
        processing_class=tokenizer,
    )
