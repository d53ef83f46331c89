"""vLLM's engine, opened: in this process, set up for a machine with or without a GPU, and without weights."""

import logging
import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from agentrl.errors import ConfigError
from agentrl.versions import check_vllm

CHUNK = 4096
"""on a CPU: most tokens read in one step of the engine"""
CACHE_GIB = "1"
"""on a CPU: gibibytes for keys and values, unless VLLM_CPU_KVCACHE_SPACE says otherwise"""


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """How the engine is set up."""

    dtype: str = "float32"
    max_context: int = 4096
    """prompt and reply, in tokens"""
    parallel: int = 256
    """most requests decoded at once"""
    logprobs: Literal["processed", "raw"] = "processed"
    """those of the distribution drawn from (temperature, truncation), or the model's own"""
    prefix_cache: bool = True
    """keep keys and values of prompts, and share them between requests that begin alike"""
    memory: float = 0.45
    """share of a GPU that the engine may hold, weights included"""


def open_engine(folder: Path, options: EngineOptions) -> Any:
    """Return vLLM's `LLM` for the model described in `folder`, in this process and without weights."""
    check_vllm()
    gpu = torch.cuda.is_available()
    settings = {
        "VLLM_ENABLE_V1_MULTIPROCESSING": "0",  # weights are handed over as tensors, which needs one process
        "VLLM_LOGGING_LEVEL": "CRITICAL",
        "VLLM_NO_USAGE_STATS": "1",
        "VLLM_CPU_KVCACHE_SPACE": CACHE_GIB,
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    }
    if not gpu:
        settings["TORCHDYNAMO_DISABLE"] = "1"  # compiling two sampling functions takes longer than it saves
    for name, value in settings.items():
        os.environ.setdefault(name, value)
    logging.getLogger("vllm").setLevel(logging.CRITICAL)  # what goes wrong is said by us, in a line
    # On a CPU the engine takes all cores and then torch's setter away; both are given back to the caller.
    threads, set_threads = torch.get_num_threads(), torch.set_num_threads
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _started(folder, options, gpu)
    finally:
        torch.set_num_threads = set_threads
        torch.set_num_threads(threads)


def _started(folder: Path, options: EngineOptions, gpu: bool) -> Any:
    import vllm

    _check_heads(folder, gpu)
    length = options.max_context + 1  # scoring reads a whole context and writes one token
    extra: dict[str, Any] = {"enable_sleep_mode": True}
    if not gpu:
        # A prompt read in pieces has its seeded generator wound back, which the CPU's cannot do.
        tokens = max(CHUNK, length)
        extra = {"enforce_eager": True, "enable_chunked_prefill": False, "max_num_batched_tokens": tokens}
    try:
        return vllm.LLM(
            model=str(folder),
            load_format="dummy",
            generation_config="vllm",
            dtype=options.dtype,
            max_model_len=length,
            max_num_seqs=options.parallel,
            logprobs_mode=f"{options.logprobs}_logprobs",
            enable_prefix_caching=options.prefix_cache,
            gpu_memory_utilization=options.memory,
            disable_log_stats=True,
            seed=0,
            **extra,
        )
    except (ValueError, RuntimeError, OSError) as why:
        raise ConfigError(
            f"vLLM could not start for this model: {first_line(why)}. Less memory is needed with a smaller"
            " rollout.max_context or rollout.parallel; rollout.memory says how much of a GPU it may take"
        ) from why


def _check_heads(folder: Path, gpu: bool) -> None:
    """Raise ConfigError where the CPU engine has no attention for heads of this width."""
    if gpu:
        return
    from transformers import AutoConfig
    from vllm.v1.attention.backends.cpu_attn import CPUAttentionBackend

    config = AutoConfig.from_pretrained(folder)
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    allowed = CPUAttentionBackend.get_supported_head_sizes()
    if width not in allowed:
        raise ConfigError(
            f"attention heads of this model are {width} wide; vLLM on a CPU knows"
            f" {', '.join(map(str, allowed))}. For model=tiny change model.heads or model.hidden"
        )


def first_line(why: BaseException) -> str:
    """Return the first line of an error that says something."""
    return next((line.strip() for line in str(why).splitlines() if line.strip()), type(why).__name__)
