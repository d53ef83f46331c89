"""The folder of a run: one writer, whole files, and a journal that may lose at most its last line."""

import logging
import re
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

from agentrl.disk import LOCK, Lock, said, write_whole
from agentrl.errors import ConfigError, DataError, nearest
from agentrl.journal import Metrics, MetricsLine, Phase
from agentrl.records import Evaluation, SampleEpisode, Summary, from_json, to_json
from agentrl.scalars import Scalars

log = logging.getLogger("agentrl")

CONFIG, METRICS, LOG = "config.toml", "metrics.jsonl", "log.txt"
SUMMARY, EVALUATION, SAMPLES, REPORT = "summary.json", "evaluation.json", "samples.json", "report.html"


class RunFolder:
    """An open run folder. `create` makes one, `open` continues one; use either in a `with` statement."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = Lock(path)
        try:
            with said(path):
                for torn in list(path.rglob(".*.part")):
                    shutil.rmtree(torn) if torn.is_dir() else torn.unlink()
                self._metrics = Metrics(path / METRICS)
                self._handler = _log_handler(path / LOG)
        except BaseException:
            self._lock.release()
            raise
        self._scalars: Scalars | None = None
        self._listeners: list[Callable[[MetricsLine], None]] = []

    @classmethod
    def create(cls, out: str | Path | None, env: str, algo: str) -> Self:
        """Return a new run folder at `out`, or at runs/<env>-<algo>-<time>.

        Errors: ConfigError where it exists and holds something, or cannot be made.
        """
        path = Path(out) if out is not None else _default(env, algo)
        try:
            path.mkdir(parents=True, exist_ok=True)
            held = [entry for entry in path.iterdir() if entry.name != LOCK]
        except OSError as why:
            raise ConfigError(f"out={path}: no folder can be made there: {why.strerror}") from why
        if held:
            raise ConfigError(
                f"out={path} exists and is not empty: continue it with 'agentrl resume {path}'"
                " or choose another out="
            )
        return cls(path)

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """Return an existing run folder, to write on.

        Errors: ConfigError where there is no run.
        """
        folder = Path(path)
        if not (folder / CONFIG).is_file():
            raise ConfigError(f"{folder} is not a run: it has no {CONFIG}")
        return cls(folder)

    @property
    def checkpoints(self) -> Path:
        """Where checkpoints are kept; made on first use."""
        (self.path / "checkpoints").mkdir(exist_ok=True)
        return self.path / "checkpoints"

    def write(self, name: str, text: str) -> None:
        """Put a whole text file in the folder, or leave what was there."""
        write_whole(self.path / name, text.encode("utf-8", errors="replace"))

    def write_config(self, text: str) -> None:
        """Put the resolved configuration in `config.toml`."""
        self.write(CONFIG, text)

    def write_summary(self, summary: Summary) -> None:
        """Put `summary.json` in the folder, after checking it."""
        self.write(SUMMARY, to_json(summary))

    def write_evaluation(self, evaluation: Evaluation) -> None:
        """Put `evaluation.json` in the folder, after checking it."""
        self.write(EVALUATION, to_json(evaluation))

    def write_samples(self, samples: Sequence[SampleEpisode]) -> None:
        """Put `samples.json` in the folder."""
        self.write(SAMPLES, to_json(tuple(samples)))

    def add_metrics(self, phase: Phase, iteration: int, values: Mapping[str, float]) -> None:
        """Add a line to `metrics.jsonl` and the same scalars to TensorBoard."""
        line = MetricsLine(phase, iteration, values)
        self._metrics.add(line)
        with said(self.path / "tensorboard"):
            if self._scalars is None:
                self._scalars = Scalars(self.path / "tensorboard", self._metrics.read())
            else:
                self._scalars.add(line)
        for listener in self._listeners:
            listener(line)

    def listen(self, listener: Callable[[MetricsLine], None]) -> None:
        """Hand every line of metrics that is added from now on to a listener."""
        self._listeners.append(listener)

    def evaluation(self) -> Evaluation:
        """Return what `evaluation.json` holds; an empty one where there is none yet."""
        return read_evaluation(self.path)

    def samples(self) -> list[SampleEpisode]:
        """Return the episodes that `samples.json` holds, if any."""
        return read_samples(self.path)

    def metrics(self) -> list[MetricsLine]:
        """Return every line of `metrics.jsonl`."""
        return self._metrics.read()

    def rewind(self, phase: Phase, iteration: int) -> None:
        """Forget metrics of what a resumed run does again: all after `iteration` of `phase`."""
        self._metrics.truncate(phase, iteration)
        if self._scalars is not None:
            self._scalars.close()
        self._scalars = None

    def close(self) -> None:
        """Close files and give the lock back."""
        log.removeHandler(self._handler)
        self._handler.close()
        self._metrics.close()
        if self._scalars is not None:
            self._scalars.close()
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def read_summary(folder: Path) -> Summary:
    """Return the `summary.json` of a run.

    Errors: DataError where it is missing or not as documented.
    """
    path = folder / SUMMARY
    if not path.is_file():
        raise DataError(f"{folder} has no {SUMMARY}: the run is not finished, or not a run")
    return from_json(path.read_bytes(), Summary, str(path))


def read_evaluation(folder: Path) -> Evaluation:
    """Return the `evaluation.json` of a run; an empty one where there is none.

    Errors: DataError where it is not as documented.
    """
    path = folder / EVALUATION
    return from_json(path.read_bytes(), Evaluation, str(path)) if path.is_file() else Evaluation()


def read_samples(folder: Path) -> list[SampleEpisode]:
    """Return the episodes of a run that were kept to be read; none where there is no `samples.json`.

    Errors: DataError where it is not as documented.
    """
    path = folder / SAMPLES
    return from_json(path.read_bytes(), list[SampleEpisode], str(path)) if path.is_file() else []


def episode_files(run: Path) -> list[Path]:
    """Return a run's files of stored episodes, in the order of iterations.

    Errors: ConfigError where there is no run, or none of its episodes.
    """
    if not (run / CONFIG).is_file():
        there = [str(path) for path in run.parent.glob("*/")] if run.parent.is_dir() else []
        what = f"{run} is not a run: it has no {CONFIG}" if run.is_dir() else f"there is no folder {run}"
        raise ConfigError(f"{what}{nearest(str(run), there)}")
    found = sorted(
        (run / "trajectories").glob("*.jsonl.gz"), key=lambda path: (iteration_of(path), path.name)
    )
    if not found:
        raise ConfigError(
            f"{run} holds no stored episodes: run again with trajectories=1, which stores those of every"
            " iteration (trajectories=10 those of every tenth)"
        )
    return found


def iteration_of(path: Path) -> int:
    """Return the iteration that a file's episodes were played in; 0 for those played before training."""
    stem = path.name.partition(".")[0]
    return int(stem) if stem.isdigit() else 0


def _log_handler(path: Path) -> logging.Handler:
    """Return the handler that writes what the package logs to `log.txt`, already at work."""
    handler = logging.FileHandler(path, encoding="utf-8", errors="backslashreplace")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    log.addHandler(handler)
    if log.level == logging.NOTSET:
        log.setLevel(logging.INFO)
    return handler


def _default(env: str, algo: str) -> Path:
    """Return the first free runs/<env>-<algo>-<time>; a path or mixture as env keeps its readable part."""
    words = "-".join(
        re.sub(r"[^A-Za-z0-9_.]+", "-", Path(word).stem).strip("-.") or "run" for word in (env, algo)
    )
    stem = Path("runs") / f"{words}-{time.strftime('%Y%m%d-%H%M%S')}"
    free = (stem if n == 1 else stem.with_name(f"{stem.name}-{n}") for n in range(1, 10_000))
    return next(path for path in free if not path.exists())
