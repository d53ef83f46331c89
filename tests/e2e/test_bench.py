"""A benchmark of a real run from the command line: its files, and that a kill changes no number."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import agentrl
from agentrl.bench.outcome import Bench
from agentrl.cli import main
from agentrl.records import from_json
from tests.agentrl.installed import install_ourselves

ENV = f"{Path(__file__).parents[1] / 'agentrl' / 'bench' / 'drawer.py'}:Drawer"
SMALL = {
    "env": ENV, "algo": "grpo", "model.hidden": 16, "model.layers": 1, "model.heads": 2,
    "warm.demonstrations": 1, "warm.tasks": 40, "rollout.tasks": 2, "group_size": 2, "eval.test": 2,
    "eval.dev": 2, "eval.every": 0, "eval.decodings": "1.0", "iterations": 1,
}  # fmt: skip


@pytest.fixture(autouse=True)
def _installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_ourselves(tmp_path, monkeypatch)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run."""
    with pytest.MonkeyPatch.context() as patch:
        install_ourselves(tmp_path_factory.mktemp("site"), patch)
        return agentrl.train(out=str(tmp_path_factory.mktemp("runs") / "run"), **SMALL)


@pytest.fixture(scope="module")
def done(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished benchmark of that run."""
    out = tmp_path_factory.mktemp("bench") / "out"
    with pytest.MonkeyPatch.context() as patch:
        install_ourselves(tmp_path_factory.mktemp("site"), patch)
        assert main(words(run, out)) == 0
    return out


def words(run: Path, out: Path, *more: str) -> list[str]:
    return ["bench", "tool-use", f"model={run}", f"env={ENV}", f"out={out}", *more]


def numbers(out: Path) -> Any:
    """Return what was found, but for the time it took."""

    def timeless(found: Any) -> Any:
        if isinstance(found, dict):
            return {key: timeless(one) for key, one in found.items() if key not in ("seconds", "versions")}
        return [timeless(one) for one in found] if isinstance(found, list) else found

    return timeless(json.loads((out / "bench.json").read_text()))


def test_a_model_stands_beside_the_players_that_there_are(done: Path, run: Path) -> None:
    found = from_json((done / "bench.json").read_bytes(), Bench, "bench.json")
    [part] = found.sections
    assert [one.name for one in part.rows] == ["never", "random", str(run)]
    assert part.missing == {"always": "nobody opens it twice", "expert": "the environment has none"}
    never, _, model = part.rows
    assert never.use.over is not None and never.use.under is not None
    assert (never.use.over.mean, never.use.under.mean, never.by_calls["0"].em.mean) == (0.0, 1.0, 1.0)
    assert never.use.tokens is None and model.use.tokens is not None and model.use.tokens.mean > 0
    assert model.use.questions == part.panel.tasks == 150 and model.weights
    assert model.asked["rollout.mode"] == "transcript", "it is asked as it was trained"
    assert (done / "bench.md").read_text().count("Questions that need") == 2
    assert str(run) in (done / "bench.html").read_text()


def test_a_finished_benchmark_is_read_and_not_played_again(
    done: Path, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.stat().st_mtime_ns for path in done.glob("rows/*")}
    assert len(before) == 3
    assert main(words(run, done)) == 0
    assert {path: path.stat().st_mtime_ns for path in done.glob("rows/*")} == before
    caught = capsys.readouterr()
    assert caught.err == "" and "drawer/test, 150 tasks" in caught.out


def test_other_settings_in_the_same_folder_are_refused(
    done: Path, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words(run, done, "decoding=greedy")) == 2
    assert "decoding=1.0 (now greedy); choose another out=" in capsys.readouterr().err
    assert main(words(run, done, "tasks=20")) == 2
    assert "tasks=150 (now 20)" in capsys.readouterr().err


def test_a_row_that_was_stopped_goes_on_and_ends_with_equal_numbers(
    done: Path, run: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    for path in done.glob("rows/*.jsonl"):
        (out / "rows").mkdir(parents=True, exist_ok=True)
        lines = path.read_bytes().splitlines(keepends=True)
        (out / "rows" / path.name).write_bytes(b"".join(lines[:100]) + lines[100][:20])
    assert main(words(run, out)) == 0
    assert numbers(out) == numbers(done)


def test_a_benchmark_that_was_killed_goes_on_where_it_was(done: Path, run: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    surroundings = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "agentrl", *words(run, out)]
    process = subprocess.Popen(command, env=surroundings, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    until = time.monotonic() + 120
    while len(list(out.glob("rows/*.jsonl"))) < 3 and process.poll() is None:
        assert time.monotonic() < until, "the model's row does not get going"
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert main(words(run, out)) == 0
    assert numbers(out) == numbers(done)


def test_the_same_from_python(done: Path, run: Path) -> None:
    found = agentrl.bench(model=str(run), env=ENV, out=done)
    assert [one.name for one in found.sections[0].rows] == ["never", "random", str(run)]


def test_options_that_are_not_the_default_are_told(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words(run, tmp_path, "tasks=4", "env.max_turns=1", "published=otc")) == 0
    out = capsys.readouterr().out
    assert "Not comparable" in out and "env.max_turns=1 (default 3)" in out
    assert "OTC-GRPO" in (tmp_path / "bench.md").read_text()
