"""The embedded default: a word-level tokenizer and a Llama of well under a million weights, from scratch.

What makes so small a model learn to act: whole words as tokens (the same word is the same token on a page
and in an action), and attention that copies from the start. Both were needed to get off the ground; with
default initialisation it took about three times as many updates.
"""

import math
from collections import Counter
from collections.abc import Iterable
from typing import Any

import torch
from tokenizers import Regex, Tokenizer, decoders, normalizers, pre_tokenizers
from tokenizers.models import BPE
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

PAD, END, USER, ASSISTANT = "<pad>", "<end>", "<user>", "<act>"
TEMPLATE = (
    "{% for m in messages %}{% if m.role == 'assistant' %}<act>{{ m.content }}<end>"
    "{% else %}<user>{{ m.content }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<act>{% endif %}"
)
_WORDS = r" ?[\p{L}\p{N}]+| ?[^\s\p{L}\p{N}]+|\s+"


def tiny_tokenizer(texts: Iterable[str], *, limit: int = 4096) -> Any:
    """Return a fast tokenizer whose tokens are the words of `texts`, most frequent first, and single bytes.

    A word and its leading space are one token, so that text comes back as it was, but for case: everything is
    lower case. Opening brackets are read as if a space followed, so that the first word inside is the same
    token as elsewhere. What was never seen is spelt in bytes.
    """
    normalizer = normalizers.Sequence(
        [
            normalizers.Lowercase(),
            normalizers.Replace("[", "[ "),
            normalizers.Prepend(" "),
            normalizers.Replace(Regex(r"^ +"), " "),
        ]
    )
    pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_WORDS), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(piece for piece, _ in pre_tokenizer.pre_tokenize_str(normalizer.normalize_str(text)))
    specials = [PAD, END, USER, ASSISTANT]
    vocabulary = {token: i for i, token in enumerate(specials + sorted(pre_tokenizers.ByteLevel.alphabet()))}
    for piece, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        if len(vocabulary) >= limit:
            break
        vocabulary.setdefault(piece, len(vocabulary))
    # ignore_merges: a piece that is a token is taken whole; without merges anything else falls to bytes.
    tokenizer = Tokenizer(BPE(vocab=vocabulary, merges=[], ignore_merges=True))
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.ByteLevel(),
            decoders.Replace("[ ", "["),
            decoders.Strip(" ", 1, 0),
        ]
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=END,
        additional_special_tokens=[USER, ASSISTANT],
        clean_up_tokenization_spaces=False,
    )
    fast.chat_template = TEMPLATE
    return fast


def tiny_model(tokenizer: Any, *, hidden: int, layers: int, heads: int, context: int, seed: int) -> Any:
    """Return a Llama with random weights drawn from `seed`, started so that its attention copies."""
    # Llama, not Qwen2: transformers gives every folder of type qwen2 Qwen2's own text splitting, whatever its
    # tokenizer.json says, and a tokenizer of words read back that way spells every word in bytes.
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=hidden,
        intermediate_size=3 * hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=heads,
        max_position_embeddings=context,
        rope_theta=10000.0,
        tie_word_embeddings=True,
        bos_token_id=None,
        attention_bias=False,
        use_cache=True,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    state = torch.random.get_rng_state()
    torch.manual_seed(seed)
    model = LlamaForCausalLM(config)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        model.get_input_embeddings().weight.normal_(0.0, 0.25, generator=generator)
        for layer in model.model.layers:
            _copying(layer.self_attn, heads, hidden // heads, generator)
    torch.random.set_rng_state(state)
    return model


def _copying(attention: Any, heads: int, size: int, generator: torch.Generator) -> None:
    """Make each head hand on what it attends to: orthonormal values, transposed as output, query = key."""
    width = heads * size
    frame = torch.linalg.qr(torch.randn(width, width, generator=generator))[0]
    for head in range(heads):
        rows = slice(head * size, (head + 1) * size)
        basis: Tensor = frame[rows]
        attention.v_proj.weight[rows] = basis
        attention.o_proj.weight[:, rows] = basis.T
    key = torch.randn(width, width, generator=generator) / math.sqrt(width)
    attention.q_proj.weight.copy_(key)
    attention.k_proj.weight.copy_(key)
