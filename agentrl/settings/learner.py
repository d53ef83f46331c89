"""Settings of the model, and of how its weights change."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """Which model."""

    path: str = "tiny"
    """`tiny` (built here, from scratch), a folder, or a hub id"""
    dtype: Literal["float32", "bfloat16", "float64"] = "float32"
    """of the weights; under bfloat16 the optimiser keeps float32 masters of those that are trained"""
    lora: int = 0
    """rank of the low-rank adapter that is trained in place of the weights (needs peft); 0: all weights"""
    lora_alpha: float = 32.0
    """the adapter counts lora_alpha / lora times"""
    lora_dropout: float = 0.0
    """on the adapter's input in the warm start; RL compares probabilities, which must not be noisy"""
    lora_targets: tuple[str, ...] = ("all-linear",)
    """which layers get an adapter: all-linear (but for the output head), or last names: q_proj,v_proj"""
    hidden: int = 64
    """tiny: width"""
    layers: int = 2
    """tiny: depth"""
    heads: int = 4
    """tiny: attention heads"""
    vocabulary: int = 4096
    """tiny: most tokens its tokenizer may have"""
    context: int = 1024
    """tiny: longest context, in tokens"""


@dataclass(frozen=True, slots=True)
class LearnerSettings:
    """How weights change."""

    lr: float = 1e-6
    """learning rate of the policy, per optimiser step"""
    lr_critic: float = 1e-5
    """learning rate of a separate critic"""
    beta1: float = 0.9
    beta2: float = 0.95
    weight_decay: float = 0.0
    warmup: int = 0
    """optimiser steps of linear warm-up"""
    schedule: Literal["constant", "linear", "cosine"] = "constant"
    """after the warm-up, down to 0 at the last iteration"""
    clip_norm: float = 1.0
    """gradient norm above which gradients are scaled down; 0 is off"""
    epochs: int = 1
    """passes over an iteration's data"""
    minibatches: int = 1
    """optimiser steps a pass"""
    microbatch_tokens: int = 16384
    """padded tokens in one forward pass; does not change the result"""
    critic: Literal["separate", "head"] = "separate"
    """where values come from: a model of its own, or a head on the policy"""
    checkpointing: bool = False
    """recompute activations in the backward pass: less memory, a third more time"""
    processes: int = 1
    """processes that learn together, each with a GPU of its own where there are any, and with its piece of
    every weight, gradient and moment; does not change the result. 1: the run's own (docs/scaling.md)"""


@dataclass(frozen=True, slots=True)
class WarmSettings:
    """Supervised start from demonstrations."""

    demonstrations: int = 0
    """episodes of the demonstrator a training task; 0: no warm start"""
    tasks: int = 0
    """training tasks used; 0: all"""
    thought_dropout: float = 0.0
    """chance that a demonstrated thought is left empty, so that the policy learns to do without (TON: 0.5)"""
    passes: int = 1
    batch: int = 16
    """turns an optimiser step"""
    lr: float = 3e-3
    """peak learning rate; 20 steps up, then linear down to 5 %"""
