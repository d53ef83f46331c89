"""A comparison of real runs: each is an ordinary run, and whatever stops it, the same words go on."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import agentrl
from agentrl.cli import main
from agentrl.comparison import Comparison
from agentrl.disk import Lock
from agentrl.errors import ConfigError, RunError
from agentrl.folder import read_evaluation
from agentrl.journal import read_metrics
from agentrl.records import from_json
from tests.agentrl.installed import install_ourselves

SMALL = {
    "env": "guess", "model.hidden": 16, "model.layers": 1, "model.heads": 2, "warm.demonstrations": 1,
    "warm.tasks": 20, "rollout.tasks": 2, "group_size": 3, "eval.test": 6, "eval.dev": 4, "eval.every": 1,
    "eval.decodings": "1.0", "iterations": 2, "checkpoint": 1,
}  # fmt: skip
WORDS = [f"{key}={value}" for key, value in SMALL.items()]


@pytest.fixture(autouse=True)
def _installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_ourselves(tmp_path, monkeypatch)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Comparison]:
    """A finished comparison of two algorithms over two seeds."""
    out = tmp_path_factory.mktemp("compare") / "out"
    with pytest.MonkeyPatch.context() as patch:
        install_ourselves(tmp_path_factory.mktemp("site"), patch)
        return out, agentrl.compare(algos=["grpo", "rloo"], seeds=2, out=out, **SMALL)


def rates(folder: Path) -> list[tuple[bool, ...]]:
    return [look.success for look in read_evaluation(folder).final]


def learnt(folder: Path) -> list[float]:
    return [line.values["loss"] for line in read_metrics(folder / "metrics.jsonl") if line.phase == "rl"]


def test_every_algorithm_and_seed_is_in_the_table_and_on_the_page(done: tuple[Path, Comparison]) -> None:
    out, found = done
    assert [(entry.name, entry.seeds) for entry in found.entries] == [("grpo", (0, 1)), ("rloo", (0, 1))]
    assert from_json((out / "compare.json").read_bytes(), Comparison, "compare.json") == found
    assert "Learning curves" in (out / "compare.html").read_text()
    assert all(len(entry.curve) == 3 and entry.tokens for entry in found.entries)


def test_a_run_of_a_comparison_is_the_run_it_would_have_been_alone(
    done: tuple[Path, Comparison], tmp_path: Path
) -> None:
    alone = agentrl.train(algo="rloo", seed=1, out=str(tmp_path / "alone"), **SMALL)
    assert (rates(alone), learnt(alone)) == (rates(done[0] / "rloo-1"), learnt(done[0] / "rloo-1"))


def test_runs_of_one_seed_start_alike(done: tuple[Path, Comparison]) -> None:
    first, second = (read_evaluation(done[0] / name).warm_start[0].success for name in ("grpo-1", "rloo-1"))
    assert first == second


def test_finished_runs_are_read_and_not_run_again(
    done: tuple[Path, Comparison], capsys: pytest.CaptureFixture[str]
) -> None:
    out, found = done
    before = {path: path.stat().st_mtime_ns for path in out.glob("*/summary.json")}
    assert len(before) == 4
    assert agentrl.compare(algos=["grpo", "rloo"], seeds=2, out=out, **SMALL) == found
    assert {path: path.stat().st_mtime_ns for path in out.glob("*/summary.json")} == before
    assert "run " not in capsys.readouterr().err


def test_folders_are_compared_as_they_are(done: tuple[Path, Comparison], tmp_path: Path) -> None:
    out, found = done
    read = agentrl.compare(out, out=tmp_path / "again")
    assert [e.final for e in read.entries] == [e.final for e in found.entries]
    one = agentrl.compare(out / "grpo-0", out / "rloo-1", out=tmp_path / "one")
    assert [entry.seeds for entry in one.entries] == [(0,), (1,)]
    with pytest.raises(ConfigError, match="they take no 'seeds=2'"):
        agentrl.compare(out, seeds=2)
    with pytest.raises(ConfigError, match="is not a run, and holds none"):
        agentrl.compare(tmp_path / "nothing")


def test_other_settings_are_noticed_before_anything_is_run(
    done: tuple[Path, Comparison], capsys: pytest.CaptureFixture[str]
) -> None:
    out, _ = done
    words = [*WORDS[:-2], "iterations=3", "algos=grpo,rloo", "seeds=3", f"out={out}"]
    assert main(["compare", *words]) == 2
    assert "grpo-0 was begun with other settings: run.iterations=2 (now 3); choose another out=" in (
        capsys.readouterr().err
    )
    assert not (out / "grpo-2").exists()


def test_a_run_that_another_process_is_at_is_left_to_it(tmp_path: Path) -> None:
    (tmp_path / "out" / "grpo-0").mkdir(parents=True)
    lock = Lock(tmp_path / "out" / "grpo-0")
    with pytest.raises(RunError, match=r"1 of 2 runs are not finished .*is being written to by process"):
        agentrl.compare(algos="grpo", seeds=2, out=tmp_path / "out", **SMALL)
    lock.release()
    found = from_json((tmp_path / "out" / "compare.json").read_bytes(), Comparison, "compare.json")
    assert found.entries[0].seeds == (1,)


def test_a_comparison_that_was_killed_goes_on_where_it_was(
    done: tuple[Path, Comparison], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-m", "agentrl", "compare", *WORDS, "algos=grpo,rloo", "seeds=2", f"out={out}"]
    surroundings = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(command, env=surroundings, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    until = time.monotonic() + 120
    while not (out / "rloo-0" / "checkpoints" / "rl-000001").exists() and process.poll() is None:
        assert time.monotonic() < until, "the second run does not get going"
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert (out / "grpo-0" / "summary.json").exists()
    kept = (out / "grpo-0" / "summary.json").stat().st_mtime_ns
    found = agentrl.compare(algos=["grpo", "rloo"], seeds=2, out=out, **SMALL)
    assert (out / "grpo-0" / "summary.json").stat().st_mtime_ns == kept
    assert [entry.final for entry in found.entries] == [entry.final for entry in done[1].entries]
    assert learnt(out / "rloo-0") == learnt(done[0] / "rloo-0")
