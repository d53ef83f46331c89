"""Folders that the user names, looked at before anything slow is imported."""

import importlib.util
from pathlib import Path

from agentrl.errors import ConfigError

TOKENIZERS = ("tokenizer.json", "tokenizer_config.json", "vocab.json", "tokenizer.model")


def check_peft(rank: int) -> None:
    """Raise ConfigError where an adapter of some rank is asked for and peft is not installed."""
    if rank and importlib.util.find_spec("peft") is None:
        raise ConfigError(
            f"model.lora={rank}: adapters need the package peft, which is not installed: pip install"
            " 'agentrl[lora]', in a clone ./install.sh and .venv/bin/pip install -e '.[lora]'"
        )


def check_model(path: str, *, weights: bool = True, key: str = "model") -> None:
    """Raise ConfigError where `path` is a folder that holds no model with its tokenizer, or no folder at all.

    `weights` says whether they are asked for too, `key` what setting named the path.
    Edge: what does not look like a path may be a hub id, and is left to the loader.
    """
    folder = Path(path).expanduser()
    if not folder.is_dir():
        if path.startswith((".", "/", "~")):
            raise ConfigError(f"{key}={path}: no such folder")
        return
    if (folder / "config.toml").exists() and (folder / "checkpoints").is_dir():
        raise ConfigError(
            f"{key}={path}: that is a run; its policy is {key}={path}/model once it is finished"
        )
    if not (folder / "config.json").exists():
        raise ConfigError(f"{key}={path}: the folder holds no config.json, so it is no Hugging Face model")
    if not any((folder / name).exists() for name in TOKENIZERS):
        raise ConfigError(
            f"{key}={path}: the folder holds no tokenizer; save it there with tokenizer.save_pretrained"
        )
    if weights and not any(folder.glob("*.safetensors")) and not any(folder.glob("*.bin")):
        raise ConfigError(f"{key}={path}: the folder holds no weights (*.safetensors)")


def unreachable(path: str, why: Exception) -> str:
    """Return what to say of a model that cannot be loaded; of one of the hub, how to fetch it."""
    first = next(iter(str(why).splitlines()), type(why).__name__)
    if Path(path).expanduser().is_dir():
        return f"model={path}: cannot be loaded ({first})"
    return (
        f"model={path}: no folder here, and it could not be fetched from the Hugging Face hub ({first})."
        f" On a machine that reaches it: hf download {path} --local-dir FOLDER (some models ask for"
        " `hf auth login` first); then give model=FOLDER. model=tiny needs no download"
    )
