"""What a run's metrics are told to beside its own files: Weights & Biases, Trackio, MLflow (`run.track`).

A run keeps the name that it has in each of them in `track.json`, so that it goes on there when it is resumed,
and what it has told: a line that is made again after a kill is not told twice. A service that cannot be
reached loses nothing and stops nothing: the log says so, and the lines follow once it answers.
"""

import importlib.util
import json
import logging
import math
import os
import time
import tomllib
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from agentrl.disk import write_whole
from agentrl.errors import ConfigError
from agentrl.folder import CONFIG, RunFolder
from agentrl.journal import MetricsLine
from agentrl.settings import Service, Settings

log = logging.getLogger("agentrl")
TRACK = "track.json"
PROJECT = "agentrl"
"""project or experiment that runs join where the service's own variables name none"""


class Tracker(Protocol):
    """One service, with this run open in it."""

    id: str
    """how the service knows the run"""

    def log(self, values: Mapping[str, float], step: int) -> None:
        """Tell named values; `step` counts what was told before."""
        ...

    def close(self) -> None:
        """Finish telling."""
        ...


class Wandb:
    """Weights & Biases; WANDB_MODE=offline writes to the run folder alone."""

    def __init__(self, folder: Path, config: Mapping[str, Any], known: str) -> None:
        import wandb

        self.id = known or uuid.uuid4().hex[:12]
        project = os.environ.get("WANDB_PROJECT", PROJECT)
        self._run = wandb.init(
            project=project, id=self.id, name=folder.name, resume="allow", dir=folder, config=dict(config)
        )
        for phase in ("warm", "rl", "eval"):
            self._run.define_metric(f"{phase}/*", step_metric=f"{phase}/iteration")

    def log(self, values: Mapping[str, float], step: int) -> None:
        """Tell named values."""
        self._run.log(dict(values), step=step)

    def close(self) -> None:
        """Wait until all is told."""
        self._run.finish()


class Trackio:
    """Trackio, on this machine (TRACKIO_DIR) or where its own variables say."""

    def __init__(self, folder: Path, config: Mapping[str, Any], known: str) -> None:
        import trackio

        self.id = known or f"{folder.name}-{uuid.uuid4().hex[:8]}"
        project = os.environ.get("TRACKIO_PROJECT", PROJECT)
        self._run = trackio.init(
            project, self.id, config=dict(config), resume="allow", embed=False, auto_log_gpu=False,
            auto_log_cpu=False,
        )  # fmt: skip

    def log(self, values: Mapping[str, float], step: int) -> None:
        """Tell named values."""
        self._run.log(dict(values), step=step)

    def close(self) -> None:
        """Wait until all is told."""
        self._run.finish()


class MLflow:
    """MLflow, at MLFLOW_TRACKING_URI or in files in `mlruns`."""

    def __init__(self, folder: Path, config: Mapping[str, Any], known: str) -> None:
        os.environ.setdefault("MLFLOW_TRACKING_URI", Path("mlruns").resolve().as_uri())
        if os.environ["MLFLOW_TRACKING_URI"].startswith("file:"):  # whoever names files wants files
            os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
        import mlflow
        from mlflow.entities import Param

        self._client = mlflow.MlflowClient()
        experiment = os.environ.get("MLFLOW_EXPERIMENT_NAME", PROJECT)
        self.id = (
            known
            or self._client.create_run(
                _experiment(self._client, experiment), run_name=folder.name
            ).info.run_id
        )
        if not known:
            params = [Param(key, str(value)[:500]) for key, value in _flat(config).items()]
            for at in range(0, len(params), 100):  # the service takes 100 at a time
                self._client.log_batch(self.id, params=params[at : at + 100])
        self._client.update_run(self.id, status="RUNNING")

    def log(self, values: Mapping[str, float], step: int) -> None:
        """Tell named values, each at the iteration of its phase."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        place = next(int(value) for key, value in values.items() if key.endswith("/iteration"))
        self._client.log_batch(self.id, metrics=[Metric(k, v, now, place) for k, v in values.items()])

    def close(self) -> None:
        """Say that nothing more comes."""
        self._client.set_terminated(self.id)


def _experiment(client: Any, name: str) -> str:
    """Return the id of the experiment of that name, which is made where it is not there."""
    found = client.get_experiment_by_name(name)
    return str(found.experiment_id if found is not None else client.create_experiment(name))


def _flat(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings by dotted key."""
    return {f"{group}.{key}": value for group, table in config.items() for key, value in table.items()}


SERVICES: Mapping[Service, tuple[Callable[[Path, Mapping[str, Any], str], Tracker], str]] = {
    "wandb": (Wandb, "Weights & Biases"), "trackio": (Trackio, "Trackio"), "mlflow": (MLflow, "MLflow"),
}  # fmt: skip


def check_trackers(names: Sequence[Service]) -> None:
    """Raise ConfigError for a service whose package is not installed; nothing is imported."""
    for name in names:
        if importlib.util.find_spec(name) is None:
            raise ConfigError(
                f"run.track={name} needs {SERVICES[name][1]}, which is not installed:"
                f" pip install 'agentrl[{name}]'"
            )


class Telling:
    """A service that is told every line once, in order, across kills."""

    def __init__(self, name: Service, folder: Path, make: Callable[[str], Tracker]) -> None:
        self._name, self._folder = name, folder
        known = _read(folder).get(name, {})
        self._done: dict[str, int] = dict(known.get("done", {}))
        """last iteration told, by phase"""
        self._count: int = known.get("lines", 0)
        self._waiting: list[MetricsLine] = []
        self._tracker = make(known.get("id", ""))
        self._keep()

    def add(self, line: MetricsLine) -> None:
        """Tell a line, and before it those that could not be told yet."""
        waits = [one.iteration for one in self._waiting if one.phase == line.phase]
        if line.iteration <= max([*waits, self._done.get(line.phase, -1)]):
            return
        self._waiting.append(line)
        try:
            while self._waiting:
                first = self._waiting[0]
                values = {f"{first.phase}/{k}": v for k, v in first.values.items() if math.isfinite(v)}
                self._tracker.log({**values, f"{first.phase}/iteration": float(first.iteration)}, self._count)
                del self._waiting[0]
                self._done[first.phase] = first.iteration
                self._count += 1
        except Exception as why:  # a service that is down must not end a run
            log.warning("%s was not told of %d lines: %s", self._name, len(self._waiting), why)
        self._keep()

    def _keep(self) -> None:
        entry = {"id": self._tracker.id, "lines": self._count, "done": self._done}
        text = json.dumps({**_read(self._folder), self._name: entry}, indent=1)
        write_whole(self._folder / TRACK, f"{text}\n".encode())

    def close(self) -> None:
        """Finish; what the service has not taken stays in `metrics.jsonl`."""
        try:
            self._tracker.close()
        except Exception as why:
            log.warning("%s could not be closed: %s", self._name, why)


def _read(folder: Path) -> dict[str, Any]:
    """Return what `track.json` holds; nothing where there is none."""
    path = folder / TRACK
    held: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return held


@contextmanager
def tracked(settings: Settings, folder: RunFolder) -> Iterator[None]:
    """Tell the services that a run names of all its metrics, those it has from before too, inside the block.

    Errors: ConfigError for a service whose package is not installed.
    """
    check_trackers(settings.run.track)
    config = tomllib.loads((folder.path / CONFIG).read_text(encoding="utf-8"))
    tellings: list[Telling] = []
    try:
        for name in settings.run.track:
            tellings.append(Telling(name, folder.path, partial(SERVICES[name][0], folder.path, config)))
            for line in folder.metrics():
                tellings[-1].add(line)
            folder.listen(tellings[-1].add)
        yield
    finally:
        for telling in tellings:
            telling.close()
