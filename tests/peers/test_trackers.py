"""The real Weights & Biases, Trackio and MLflow, without a network, hold what a run's metrics.jsonl holds."""

import json
import math
import struct
from pathlib import Path
from typing import Any

import pytest

from agentrl.config import parse
from agentrl.folder import read_summary
from agentrl.journal import read_metrics
from agentrl.learner import checkpoint
from agentrl.train import resume, train

pytestmark = pytest.mark.slow
SIZES = [
    *("env=guess", "algo=grpo", "group_size=2", "rollout.style=plain", "max_tokens=8", "max_context=256"),
    *("rollout.tasks=2", "eval.test=4", "eval.dev=4", "eval.every=2", "iterations=4", "run.checkpoint=2"),
    *("eval.decodings=greedy", "eval.curve=greedy", "model.hidden=32", "model.layers=1"),
    *("warm.demonstrations=1", "warm.tasks=20"),
]


class Killed(BaseException):
    """Stands for a process that is gone."""


def killed_and_resumed(out: Path, service: str, patch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Run until iteration 2 is saved and 3 is told, then go on; return what is kept of the service."""
    from agentrl.folder import RunFolder

    add = RunFolder.add_metrics

    def dying(folder: RunFolder, phase: Any, iteration: int, values: Any) -> None:
        add(folder, phase, iteration, values)
        if (phase, iteration) == ("rl", 3):
            raise Killed

    with patch.context() as dies:
        dies.setattr(RunFolder, "add_metrics", dying)
        with pytest.raises(Killed):
            train(parse([*SIZES, f"run.track={service}", f"out={out}"]))
    assert checkpoint.newest(out / "checkpoints") is not None
    before: dict[str, Any] = json.loads((out / "track.json").read_text())[service]
    resume(out)
    after: dict[str, Any] = json.loads((out / "track.json").read_text())[service]
    assert read_summary(out).env == "guess" and before["id"] == after["id"]
    assert "WARNING" not in (out / "log.txt").read_text()
    assert after["lines"] == len(read_metrics(out / "metrics.jsonl")), "each line once"
    return after


def steps(out: Path) -> list[tuple[int, float]]:
    """Return the steps taken up to each iteration, as the run's own journal has it."""
    lines = read_metrics(out / "metrics.jsonl")
    found = [(line.iteration, line.values["environment_steps"]) for line in lines if line.phase == "rl"]
    assert [number for number, _ in found] == [1, 2, 3, 4]
    return [(number, value) for number, value in found if math.isfinite(value)]


def test_mlflow_holds_every_iteration_of_a_resumed_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("mlflow", reason="MLflow is not installed: it comes with the extra 'mlflow'")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "mlruns").as_uri())
    monkeypatch.delenv("MLFLOW_ALLOW_FILE_STORE", raising=False)
    entry = killed_and_resumed(tmp_path / "run", "mlflow", monkeypatch)
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=(tmp_path / "mlruns").as_uri())
    kept = client.get_run(entry["id"])
    assert kept.info.status == "FINISHED" and kept.data.params["algo.group_size"] == "2"
    told = client.get_metric_history(entry["id"], "rl/environment_steps")
    assert [(one.step, one.value) for one in told] == steps(tmp_path / "run")
    experiment = client.get_experiment_by_name("agentrl")
    assert len(client.search_runs([experiment.experiment_id])) == 1, "resuming makes no second run"


def test_trackio_holds_every_iteration_of_a_resumed_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "trackio"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    pytest.importorskip("trackio", reason="Trackio is not installed: it comes with the extra 'trackio'")
    entry = killed_and_resumed(tmp_path / "run", "trackio", monkeypatch)
    from trackio.sqlite_storage import SQLiteStorage

    logs = SQLiteStorage.get_logs("agentrl", entry["id"])
    told = [
        (int(row["rl/iteration"]), row["rl/environment_steps"])
        for row in logs
        if "rl/environment_steps" in row
    ]
    assert told == steps(tmp_path / "run")
    assert SQLiteStorage.get_runs("agentrl") == [entry["id"]], "resuming makes no second run"


def test_wandb_holds_every_iteration_of_a_resumed_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("wandb", reason="Weights & Biases is not installed: it comes with the extra 'wandb'")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    entry = killed_and_resumed(tmp_path / "run", "wandb", monkeypatch)
    files = sorted((tmp_path / "run" / "wandb").glob("offline-run-*/run-*.wandb"))
    assert {file.stem for file in files} == {f"run-{entry['id']}"}, "both parts are of one run"
    told = [row for file in files for row in history(file)]
    rows = [
        (int(row["rl/iteration"]), row["rl/environment_steps"])
        for row in told
        if "rl/environment_steps" in row
    ]
    assert rows == steps(tmp_path / "run")


def records(data: bytes) -> list[bytes]:
    """Return the records of a log as LevelDB writes them, in blocks of 32 KiB, behind 7 bytes of its own."""
    found, part, at = [], b"", 7
    while at + 7 <= len(data):
        _, size, kind = struct.unpack_from("<IHB", data, at)
        if 32768 - at % 32768 < 7 or not kind:  # the rest of a block is filled up
            at += 32768 - at % 32768
            continue
        part += data[at + 7 : at + 7 + size]
        at += 7 + size
        if kind in (1, 4):  # whole, or the last of several parts
            found.append(part)
            part = b""
    return found


def history(file: Path) -> list[dict[str, float]]:
    """Return the rows that an offline run has written."""
    from wandb.proto.wandb_internal_pb2 import Record

    rows = []
    for data in records(file.read_bytes()):
        record = Record()
        record.ParseFromString(data)
        if record.WhichOneof("record_type") == "history":
            items = record.history.item
            rows.append({(i.key or ".".join(i.nested_key)): json.loads(i.value_json) for i in items})
    return rows
