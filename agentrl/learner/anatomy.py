"""The shape of a model from its configuration alone, and the memory that is there for it."""

import os
from pathlib import Path
from typing import Any

import torch
from torch import nn

from agentrl.errors import ConfigError
from agentrl.learner.lora import targets
from agentrl.memory import ModelShape, check_memory
from agentrl.places import unreachable
from agentrl.settings import ModelSettings, Settings


def meta_model(path: str) -> Any:
    """Return the model of a folder or hub id without its weights: names and sizes, from `config.json`.

    Errors: ConfigError where the configuration cannot be had or read.
    """
    from transformers import AutoConfig, AutoModelForCausalLM

    try:
        config = AutoConfig.from_pretrained(path)
        with torch.device("meta"):
            return AutoModelForCausalLM.from_config(config)
    except (OSError, ValueError) as why:
        raise ConfigError(unreachable(path, why)) from why


def shape_of(module: Any, model: ModelSettings) -> ModelShape:
    """Return the shape of a plain model with the adapter that the settings ask for."""
    config = module.config.get_text_config()
    head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    base = sum(p.numel() for p in module.parameters())
    adapter = 0
    if model.lora:
        chosen = targets(module, model.lora_targets)
        adapter = model.lora * sum(
            part.in_features + part.out_features
            for name, part in module.named_modules()
            if isinstance(part, nn.Linear) and name.rpartition(".")[2] in chosen
        )
    return ModelShape(
        parameters=base + adapter,
        adapter=adapter,
        layers=config.num_hidden_layers,
        hidden=config.hidden_size,
        inner=getattr(config, "intermediate_size", None) or 4 * config.hidden_size,
        query=head * config.num_attention_heads,
        key_value=head * (getattr(config, "num_key_value_heads", None) or config.num_attention_heads),
        vocabulary=config.vocab_size,
    )


def free_memory() -> tuple[int, str]:
    """Return the bytes that a new model may take, and whose they are: the GPU's, else the machine's."""
    if torch.cuda.is_available():
        return torch.cuda.mem_get_info()[0], f"the GPU ({torch.cuda.get_device_name()})"
    said = Path("/proc/meminfo")
    if said.exists():  # free memory counts what the system would give up; sysconf does not
        lines = dict(line.split(":", 1) for line in said.read_text().splitlines())
        return int(lines["MemAvailable"].split()[0]) * 1024, "this machine"
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"), "this machine"


def check_room(settings: Settings, needs: frozenset[str]) -> None:
    """Raise ConfigError, before anything is loaded, where the model to train cannot fit."""
    if settings.model.path == "tiny":
        return
    shape = shape_of(meta_model(settings.model.path), settings.model)
    over = settings.learner.processes if torch.cuda.is_available() else 1
    check_memory(settings, shape, needs, *free_memory(), over=over)
