"""Low-rank adapters by peft: what is trained, merged, stored and read back."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from agentrl.errors import ConfigError, RunError, nearest
from agentrl.places import check_peft
from agentrl.settings import ModelSettings

ALL = "all-linear"
ADAPTER = "adapter_model.safetensors"
ADAPTER_CONFIG = "adapter_config.json"
_PREFIX = "base_model.model."
"""before every name in an adapter's file"""


def add_lora(module: Any, settings: ModelSettings, seed: int) -> None:
    """Give a model a fresh adapter that changes nothing yet; from here on it alone is trained.

    The base keeps its number format; the adapter has float32, or float64 over a base of that.
    Errors: ConfigError where peft is missing, or a target is no linear layer of the model.
    """
    check_peft(settings.lora)
    from peft import LoraConfig

    config = LoraConfig(
        r=settings.lora,
        lora_alpha=settings.lora_alpha,
        lora_dropout=settings.lora_dropout,
        target_modules=targets(module, settings.lora_targets),
        bias="none",
        task_type="CAUSAL_LM",
    )
    state = torch.random.get_rng_state()
    torch.manual_seed(seed)
    module.add_adapter(config)
    torch.random.set_rng_state(state)
    folder = Path(settings.path).expanduser()
    config.base_model_name_or_path = str(folder.resolve()) if folder.is_dir() else settings.path
    for name, parameter in module.named_parameters():
        parameter.requires_grad_(_is_adapter(name))
        if _is_adapter(name) and parameter.dtype != torch.float64:
            parameter.data = parameter.data.float()


def targets(module: Any, named: tuple[str, ...]) -> list[str]:
    """Return the last names of the linear layers meant; the output head is none of them.

    Errors: ConfigError for a name that no linear layer has.
    """
    head = module.get_output_embeddings()
    linear = {
        name.rpartition(".")[2]
        for name, part in module.named_modules()
        if isinstance(part, nn.Linear) and part is not head
    }
    if named == (ALL,):
        return sorted(linear)
    for name in named:
        if name not in linear:
            there = ", ".join([ALL, *sorted(linear)])
            raise ConfigError(
                f"model.lora_targets={name}: the model has no such linear layer{nearest(name, linear)}"
                f" (there are: {there})"
            )
    if not named:
        raise ConfigError(f"model.lora_targets is empty: name linear layers, or {ALL}")
    return sorted(named)


def _is_adapter(name: str) -> bool:
    return ".lora_" in name


def adapted(module: Any) -> bool:
    """Tell whether a model has an adapter."""
    return any(_is_adapter(name) for name, _ in module.named_parameters())


def merged(module: Any) -> Iterator[tuple[str, Tensor]]:
    """Yield every weight of the plain model by its Hugging Face name, the adapter's part added.

    One weight at a time is made anew, in the base's number format; nothing of the model is touched.
    """
    layers = {name: part for name, part in module.named_modules() if hasattr(part, "lora_A")}
    for name, tensor in module.state_dict().items():
        if _is_adapter(name):
            continue
        owner, inside, last = name.partition(".base_layer.")
        if inside and last == "weight":
            with torch.no_grad():
                change = layers[owner].get_delta_weight("default")
                yield f"{owner}.weight", (tensor.to(change.dtype) + change).to(tensor.dtype)
        else:
            yield f"{owner}.{last}" if inside else name, tensor


def copied(module: Any) -> Any:
    """Return a copy with trained weights of its own; frozen ones are shared, for they never change."""
    frozen = {id(p): p for p in module.parameters() if not p.requires_grad}
    return copy.deepcopy(module, dict(frozen))


def base_of(folder: Path) -> str:
    """Return the model that a stored adapter belongs to; empty where the folder holds a whole model."""
    path = folder / ADAPTER_CONFIG
    if not path.exists():
        return ""
    return str(json.loads(path.read_text(encoding="utf-8"))["base_model_name_or_path"])


def save_adapter(module: Any, folder: Path) -> None:
    """Write the adapter as peft does, so that peft, transformers and vLLM read it."""
    # Not module.save_pretrained: it asks the hub about the base each time.
    module.peft_config["default"].save_pretrained(folder)
    tensors = {
        _PREFIX + name.replace(".default.weight", ".weight"): p.detach().contiguous()
        for name, p in module.named_parameters()
        if _is_adapter(name)
    }
    save_file(tensors, folder / ADAPTER, metadata={"format": "pt"})


def load_adapter(module: Any, folder: Path) -> None:
    """Put a stored adapter in the place of the model's own.

    Errors: RunError where it is of another shape.
    """
    own = {name: p for name, p in module.named_parameters() if _is_adapter(name)}
    stored = load_file(folder / ADAPTER)
    # peft leaves the adapter's name out of its files.
    named = {
        name.removeprefix(_PREFIX).replace(".weight", ".default.weight"): t for name, t in stored.items()
    }
    if {n: p.shape for n, p in own.items()} != {n: t.shape for n, t in named.items()}:
        raise RunError(f"{folder / ADAPTER} is no adapter of this model with these model.lora settings")
    with torch.no_grad():
        for name, parameter in own.items():
            parameter.copy_(named[name])
