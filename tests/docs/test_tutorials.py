"""The tutorials are true: every step of each is done, in order, in an empty folder."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.agentrl.installed import install_ourselves
from tests.docs.steps import Step, missing, steps

ROOT = Path(__file__).resolve().parents[2]
TUTORIALS = sorted((ROOT / "docs/tutorials").glob("*.md"))
NAMES = {"first_run", "your_environment", "your_verifier", "your_algorithm", "benchmark_tool_use"}


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty folder to work in, with agentrl installed and its command on the path."""
    install_ourselves(tmp_path / "site", monkeypatch)
    command = tmp_path / "bin" / "agentrl"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m agentrl "$@"\n')
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{command.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    (tmp_path / "desk").mkdir()
    return tmp_path / "desk"


def done(step: Step, folder: Path) -> str:
    """Do a step; return what is wrong with it, nothing where all is well."""
    if step.kind == "file":
        (folder / step.name).write_text(step.text, encoding="utf-8")
        return ""
    argv = [sys.executable, "-c"] if step.kind == "python" else ["bash", "-eo", "pipefail", "-c"]
    ran = subprocess.run([*argv, step.text], cwd=folder, capture_output=True, text=True, check=False)
    if ran.returncode:
        return f"line {step.line} ended with {ran.returncode}:\n{ran.stdout}{ran.stderr}"
    lost = missing(step.prints, ran.stdout + ran.stderr)
    return f"line {step.line} did not print {lost} but:\n{ran.stdout}{ran.stderr}" if lost else ""


def test_there_are_five_tutorials() -> None:
    assert {page.stem for page in TUTORIALS} == NAMES


@pytest.mark.slow
@pytest.mark.parametrize("page", TUTORIALS, ids=lambda page: page.stem)
def test_every_step_of_a_tutorial_works(page: Path, desk: Path) -> None:
    made = list(steps(page.read_text(encoding="utf-8")))
    assert any(step.kind == "bash" for step in made)
    for step in made:
        assert not done(step, desk)


def test_steps_are_files_commands_and_scripts_in_order(desk: Path) -> None:
    page = (
        "```bash no-run\n./install.sh\n```\n"
        "```python\n# two.py\nTWO = 2\n```\n"
        "```python\nfrom two import TWO\nprint('it is', TWO)\n```\n\nIt says:\n\n```text\nit is 2.5\n```\n"
        "```bash\nls *.py\n```\n"
    )
    made = list(steps(page))
    assert [(step.kind, step.line, step.name) for step in made] == [
        ("file", 4, "two.py"), ("python", 8, ""), ("bash", 18, ""),
    ]  # fmt: skip
    assert [done(step, desk) for step in made] == ["", "", ""]


def test_a_command_that_fails_and_output_that_is_another_are_noticed(desk: Path) -> None:
    assert "ended with 3" in done(Step("bash", 1, "echo so; exit 3; echo never"), desk)
    assert "ended with 2" in done(Step("bash", 1, "agentrl run env=gess algo=gigpo"), desk)
    assert "did not print" in done(Step("bash", 7, "echo solved 3 of 5", prints="failed 3 of 5\n"), desk)
    assert done(Step("bash", 7, "echo solved 3 of 5", prints="solved 12.5 of 5\n"), desk) == ""


def test_a_page_may_leave_lines_out_but_not_words() -> None:
    printed = "a  1\nb 2 and more\nc"
    assert missing("a 3.5\n...\nb 7 and ...\n", printed) == []
    assert missing("b 7\nd\n", printed) == ["b 7", "d"]
