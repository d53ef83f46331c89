"""Packages put on the path for a test, as an installer would leave them."""

import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def install(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    package: str,
    offered: Mapping[str, Mapping[str, str]],
    files: Mapping[str, str] | None = None,
) -> Path:
    """Put a package on the path: its entry points by group, its files by name; return its folder."""
    place = folder / package
    record = place / f"{package.replace('-', '_')}-1.0.dist-info"
    record.mkdir(parents=True)
    (record / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    groups = [
        "\n".join([f"[agentrl.{kind}]", *(f"{name} = {value}" for name, value in entries.items())])
        for kind, entries in offered.items()
    ]
    (record / "entry_points.txt").write_text("\n".join(groups) + "\n")
    for name, text in (files or {}).items():
        (place / name).write_text(text)
    monkeypatch.syspath_prepend(str(place))
    return place


def install_ourselves(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put agentrl's own entry points on the path, as they stand in pyproject.toml."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]
    return install(
        folder, monkeypatch, "agentrl", {k.removeprefix("agentrl."): v for k, v in declared.items()}
    )


def forget(*modules: str) -> None:
    """Forget modules that a test put on the path."""
    for name in modules:
        sys.modules.pop(name, None)
