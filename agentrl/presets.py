"""Settings files that come with the package, found as `@configs/NAME.toml` from any folder."""

from collections.abc import Mapping
from pathlib import Path

FOLDER = Path(__file__).parent / "configs"


def presets() -> Mapping[str, Path]:
    """Return the settings files of the package by the names they are asked for, sorted."""
    return {f"{FOLDER.name}/{path.name}": path for path in sorted(FOLDER.glob("*.toml"))}


def title(path: Path) -> str:
    """Return what a settings file says of itself in its first line."""
    with path.open(encoding="utf-8") as file:
        return file.readline().lstrip("# ").strip()
