"""Which software a run used."""

import platform
import subprocess
from importlib import metadata
from pathlib import Path

PACKAGES = ("agentrl", "torch", "transformers", "tokenizers", "peft", "numpy", "gymnasium")


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
