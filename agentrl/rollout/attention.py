"""Attention while decoding: query heads that share keys and values read them where they lie.

Where a mask is given, transformers first copies every key and value for each query head that shares it, at
every token; on a CPU that took a quarter of the decoding time. The CPU kernel needs no copies.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

NAME = "agentrl_shared_heads"


def attended(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    **more: Any,
) -> tuple[Tensor, None]:
    """Return what transformers' `sdpa` attention returns. (Called by the model.)

    Shapes: query [B, H, T, W]; key, value [B, H of keys, columns, W]; mask [B, 1, T, columns]; returns
            [B, T, H, W] and nothing.
    """
    if attention_mask is None or more.get("position_bias") is not None:
        plain: tuple[Tensor, None] = sdpa_attention_forward(module, query, key, value, attention_mask, **more)
        return plain
    out = scaled_dot_product_attention(
        query, key, value, attention_mask, scale=more.get("scaling"), enable_gqa=True
    )
    return out.transpose(1, 2).contiguous(), None


AttentionInterface.register(NAME, attended)
AttentionMaskInterface.register(NAME, sdpa_mask)


@contextmanager
def sharing_heads(model: Any) -> Iterator[None]:
    """Let the model attend this way inside the block, where it gains by it.

    Elsewhere than on a CPU the fast kernels refuse masks together with shared heads: left as it is.
    """
    config = model.config
    heads = getattr(config, "num_attention_heads", 0)
    shared = (getattr(config, "num_key_value_heads", None) or heads) < heads
    if config._attn_implementation != "sdpa" or not shared or model.device.type != "cpu":
        yield
        return
    config._attn_implementation = NAME
    try:
        yield
    finally:
        config._attn_implementation = "sdpa"
