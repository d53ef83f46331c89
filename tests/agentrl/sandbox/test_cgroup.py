"""Control groups of both layouts, in folders that stand in for the kernel's."""

import os
from pathlib import Path

import pytest

from agentrl.sandbox import cgroup


def unified(root: Path) -> Path:
    (root / "cgroup.controllers").write_text("cpu memory pids")
    return root


def split(root: Path) -> Path:
    (root / "memory").mkdir()
    return root / "memory"


def test_version_2_limits_memory_and_swap(tmp_path: Path) -> None:
    parent = unified(tmp_path)
    group = cgroup.made(1000, tmp_path)
    assert group is not None and group.path.parent == parent
    assert (group.path / "memory.max").read_text() == str(1000 + cgroup.SLACK)
    assert (group.path / "memory.swap.max").read_text() == "0"
    assert (tmp_path / "cgroup.subtree_control").read_text() == "+memory"


def test_version_1_limits_memory(tmp_path: Path) -> None:
    parent = split(tmp_path)
    group = cgroup.made(1000, tmp_path)
    assert group is not None and group.path.parent == parent
    assert (group.path / "memory.limit_in_bytes").read_text() == str(1000 + cgroup.SLACK)


@pytest.mark.parametrize(("count", "starved"), [(0, False), (2, True)])
def test_the_kernels_count_of_kills_tells(count: int, starved: bool, tmp_path: Path) -> None:
    (tmp_path / "memory.events").write_text(f"low 0\noom 3\noom_kill {count}\n")
    assert cgroup.Group(tmp_path, "memory.events").starved() == starved


def test_where_no_group_can_be_made_there_is_none(tmp_path: Path) -> None:
    assert cgroup.made(1000, tmp_path / "nowhere") is None


def test_a_command_joins_before_it_starts(tmp_path: Path) -> None:
    import subprocess

    group = cgroup.Group(tmp_path, "memory.events")
    said = subprocess.run(group.joined(["echo", "a b"]), capture_output=True, text=True, check=True).stdout
    assert said == "a b\n"
    assert (tmp_path / "cgroup.procs").read_text() == "0\n"
    assert os.listdir(tmp_path) == ["cgroup.procs"]
