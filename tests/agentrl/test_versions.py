"""Versions and the state of the code."""

import subprocess
from pathlib import Path

from agentrl.versions import code_state, versions


def git(folder: Path, *words: str) -> None:
    who = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(folder), *who, *words], check=True, capture_output=True)


def test_a_change_makes_a_checkout_dirty(tmp_path: Path) -> None:
    assert code_state(tmp_path) == {}
    git(tmp_path, "init")
    (tmp_path / "a").write_text("1")
    git(tmp_path, "add", "a")
    git(tmp_path, "commit", "-m", "a")
    clean = code_state(tmp_path)
    assert clean["dirty"] is False
    assert len(str(clean["commit"])) == 40
    (tmp_path / "a").write_text("2")
    assert code_state(tmp_path) == {**clean, "dirty": True}


def test_versions_name_python_and_the_packages() -> None:
    found = versions()
    assert str(found["python"]).startswith("3.")
    assert {"agentrl", "torch", "transformers", "numpy"} <= set(found)
