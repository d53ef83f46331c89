"""Tokenizers of four template families, a tiny random model, and small worlds."""

from typing import Any

import torch
from tokenizers import Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE
from tokenizers.trainers import BpeTrainer
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

from agentrl.env import Reply, TextEnv
from agentrl.errors import InvalidAction
from agentrl.types import Request, Task, ids32

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
HEADERS = (
    "<|begin|>{% for m in messages %}"
    "<|head|>{{ m.role }}<|/head|>\n\n{{ m.content | trim }}<|eot|>{% endfor %}"
    "{% if add_generation_prompt %}<|head|>assistant<|/head|>\n\n{% endif %}"
)
STRIPPING = (
    "{% set ns = namespace(last=0) %}"
    "{% for m in messages %}{% if m.role == 'user' %}{% set ns.last = loop.index0 %}{% endif %}{% endfor %}"
    "{% for m in messages %}{% set said = m.content %}"
    "{% if m.role == 'assistant' and loop.index0 < ns.last and '</think>' in said %}"
    "{% set said = said.split('</think>')[-1] %}{% endif %}"
    "<|im_start|>{{ m.role }}\n{{ said }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
NO_SYSTEM = (
    "<|begin|>{% for m in messages %}"
    "{% if m.role == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
    "<|head|>{{ 'model' if m.role == 'assistant' else m.role }}\n{{ m.content }}<|eot|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|head|>model\n{% endif %}"
)
TEMPLATES = {"chatml": CHATML, "headers": HEADERS, "stripping": STRIPPING, "no system": NO_SYSTEM}
ENDS = {"chatml": "<|im_end|>", "headers": "<|eot|>", "stripping": "<|im_end|>", "no system": "<|eot|>"}
SPECIALS = [
    "<|pad|>",
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|begin|>",
    "<|head|>",
    "<|/head|>",
    "<|eot|>",
]
LINES = [
    "Find a hidden number from 0 to 19. After each guess you are told what is known.",
    "Goal: open the red door. <think>The key is here.</think><action>take key</action>",
    "The number is higher than 7 and lower than 12. Possible actions: - look - go east",
]


def tokenizer(family: str) -> Any:
    """Return a byte-level BPE tokenizer with the chat template of a family."""
    model = Tokenizer(BPE())
    model.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    model.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = BpeTrainer(
        vocab_size=420, special_tokens=SPECIALS, initial_alphabet=alphabet, show_progress=False
    )
    model.train_from_iterator(LINES, trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=model,
        pad_token="<|pad|>",
        eos_token=ENDS[family],
        additional_special_tokens=SPECIALS[2:],
    )
    fast.chat_template = TEMPLATES[family]
    return fast


def model(layers: int = 2, seed: int = 0, attention: str = "sdpa", heads: int = 2) -> Any:
    """Return a random Qwen2 of width 32 with two key heads."""
    torch.manual_seed(seed)
    config = Qwen2Config(
        vocab_size=450,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=heads,
        max_position_embeddings=2048,
        tie_word_embeddings=True,
    )
    config._attn_implementation = attention
    made = Qwen2ForCausalLM(config)
    # Default weights are so small that all tokens are nearly as likely; larger ones make mistakes visible.
    for parameter in made.parameters():
        parameter.data.mul_(4.0)
    return made


def request(ids: list[int], *key: int, session: int = -1) -> Request:
    """Return a request with a key of four numbers, zeros where not given."""
    return Request(ids32(ids), (*key, 0, 0, 0, 0)[:4], session)


class Doors(TextEnv):
    """Walk through three doors. `break` raises, `jam` is refused, and five steps are all there is."""

    name = "doors"
    max_turns = 5

    def begin(self, task: Task) -> str:
        if task.data.get("broken"):
            raise KeyError("no such house")
        self.at = 0
        self.right = [self.rng.choice(["left", "right"]) for _ in range(3)]
        return "You stand before door 0."

    def goal(self) -> str:
        return "reach the end"

    def admissible(self) -> list[str]:
        return ["left", "right"]

    def act(self, action: str) -> Reply:
        if action == "break":
            raise ZeroDivisionError("the house\nfell down")
        if action not in ("left", "right"):
            raise InvalidAction("You jam.")
        if action != self.right[self.at]:
            return Reply("Wrong door.", success=False, score=self.at / 3)
        self.at += 1
        if self.at == 3:
            return Reply("Out.", reward=1.0, success=True)
        return Reply(f"You stand before door {self.at}.", reward=0.25, rewards={"bonus": 0.5})


def tasks(count: int) -> list[Task]:
    return [Task(f"t{i}", "train", i) for i in range(count)]
