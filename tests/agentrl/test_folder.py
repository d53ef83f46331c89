"""The run folder: one writer, whole files, a journal that survives being cut."""

import contextlib
import errno
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from agentrl.disk import replacing, write_whole
from agentrl.errors import ConfigError, DataError, RunError
from agentrl.folder import RunFolder, read_summary
from agentrl.records import FinalScores, PanelRecord, Scores, Summary

SUMMARY = Summary(
    env="guess",
    algo="gigpo",
    seed=0,
    panel=PanelRecord("guess/test", "0123456789ab", 100),
    warm_start=Scores(0.1, 0.2, 0.3),
    final=FinalScores(0.4, 0.5, 0.6, 0.0),
    environment_steps=1234,
    seconds={"rollout": 1.5, "total": 2.0},
    versions={"python": "3.11", "dirty": True},
)


def full(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_folder_that_holds_something_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(
        ConfigError, match=rf"exists and is not empty.*agentrl resume {tmp_path}.*another out="
    ) as why:
        RunFolder.create(tmp_path, "guess", "gigpo")
    assert "\n" not in str(why.value)
    assert [p.name for p in tmp_path.iterdir()] == ["notes.txt"]


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    with RunFolder.create(tmp_path, "guess", "gigpo") as folder:
        folder.write_config("env = 'guess'\n")
    assert (tmp_path / "config.toml").read_text() == "env = 'guess'\n"


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="no folder can be made there"):
        RunFolder.create(tmp_path / "file", "guess", "gigpo")


def test_runs_started_in_the_same_second_get_folders_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    made = []
    for _ in range(3):
        with RunFolder.create(None, "./my env.py", "gigpo") as folder:
            made.append(folder.path)
    assert len(set(made)) == 3
    assert all(str(path).startswith("runs/my-env-gigpo-2") for path in made)


def test_open_refuses_what_is_not_a_run(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"is not a run: it has no config\.toml"):
        RunFolder.open(tmp_path)


def test_a_write_that_breaks_in_the_middle_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "state.json"
    write_whole(target, b"old")
    with contextlib.suppress(KeyboardInterrupt), replacing(target) as temporary:
        temporary.write_bytes(b"ha")
        raise KeyboardInterrupt
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_says_what_was_not_written_and_what_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    target = tmp_path / "state.json"
    write_whole(target, b"old")
    with monkeypatch.context() as patch:
        patch.setattr(os, call, full)
        with pytest.raises(
            RunError, match=rf"could not write {target}: No space left.*last checkpoint is whole"
        ):
            write_whole(target, b"new")
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_disk_that_is_really_full_stops_the_journal_in_words(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    (tmp_path / "metrics.jsonl").symlink_to("/dev/full")
    from agentrl.journal import Metrics, MetricsLine

    class Full(Metrics):
        def __init__(self, path: Path) -> None:
            self.path = path
            self._open()

    journal = Full(tmp_path / "metrics.jsonl")
    with pytest.raises(RunError, match=r"metrics\.jsonl: No space left on device"):
        journal.add(MetricsLine("rl", 1, {"loss": 1.0}))
    journal.close()


def test_left_over_pieces_of_a_killed_write_are_cleared(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("")
    (tmp_path / ".summary.json.123.part").write_text("{")
    with RunFolder.open(tmp_path):
        assert not (tmp_path / ".summary.json.123.part").exists()


def test_a_second_writer_is_refused_and_the_first_is_named(tmp_path: Path) -> None:
    with RunFolder.create(tmp_path / "run", "guess", "gigpo") as folder:
        folder.write_config("")
        with pytest.raises(ConfigError, match=f"written to by process {os.getpid()} on"):
            RunFolder.open(tmp_path / "run")
    with RunFolder.open(tmp_path / "run"):
        pass


def test_the_lock_of_a_killed_process_is_taken_over(tmp_path: Path) -> None:
    code = (
        "import sys, time; from agentrl.folder import RunFolder\n"
        "folder = RunFolder.create(sys.argv[1], 'guess', 'gigpo'); folder.write_config('')\n"
        "folder.add_metrics('rl', 1, {'loss': 1.0}); print('held', flush=True); time.sleep(60)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "run")],
        stdout=subprocess.PIPE,
        env=environment,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    with pytest.raises(ConfigError, match=f"process {child.pid}"):
        RunFolder.open(tmp_path / "run")
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    with RunFolder.open(tmp_path / "run") as folder:
        assert [(line.phase, line.iteration) for line in folder.metrics()] == [("rl", 1)]


def test_the_summary_is_checked_when_written_and_read_back_equal(tmp_path: Path) -> None:
    with RunFolder.create(tmp_path, "guess", "gigpo") as folder:
        with pytest.raises(DataError, match="has no summary"):
            read_summary(tmp_path)
        folder.write_summary(SUMMARY)
    assert read_summary(tmp_path) == SUMMARY


def test_the_log_goes_to_the_folder_and_stops_when_it_is_closed(tmp_path: Path) -> None:
    logger = logging.getLogger("agentrl.test")
    with RunFolder.create(tmp_path, "guess", "gigpo"):
        logger.warning("odd text \ud800 %s", "kept")
    logger.warning("too late")
    text = (tmp_path / "log.txt").read_text()
    assert "WARNING odd text \\ud800 kept" in text
    assert "too late" not in text


def scalars(folder: Path) -> list[tuple[str, int, float]]:
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

    (file,) = folder.glob("events.out.tfevents.*")
    return [
        (value.tag, event.step, value.tensor.float_val[0])
        for event in EventFileLoader(str(file)).Load()
        for value in event.summary.value
    ]


def test_tensorboard_says_what_the_journal_says_after_a_rewind_too(tmp_path: Path) -> None:
    with RunFolder.create(tmp_path, "guess", "gigpo") as folder:
        folder.write_config("")
        folder.add_metrics("warm", 9, {"loss": 2.0})
        for iteration in (1, 2, 3):
            folder.add_metrics("rl", iteration, {"return": iteration / 4, "gap": float("nan")})
    with RunFolder.open(tmp_path) as folder:
        folder.rewind("rl", 1)
        assert [line.iteration for line in folder.metrics()] == [9, 1]
        folder.add_metrics("rl", 2, {"return": 0.75})
    assert scalars(tmp_path / "tensorboard") == [
        ("warm/loss", 9, 2.0),
        ("rl/return", 1, 0.25),
        ("rl/return", 2, 0.75),
    ]


def test_writing_metrics_imports_no_torch(tmp_path: Path) -> None:
    code = (
        "import sys; from agentrl.folder import RunFolder\n"
        "with RunFolder.create(sys.argv[1], 'a', 'b') as folder: folder.add_metrics('rl', 1, {'x': 1.0})\n"
        "assert not {'torch', 'tensorflow'} & set(sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "run")], check=True, env=environment)
