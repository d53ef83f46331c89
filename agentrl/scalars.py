"""TensorBoard scalars, written without importing torch."""

import math
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from agentrl.journal import MetricsLine


class Scalars:
    """One event file that always says what `metrics.jsonl` says: opening it writes the lines known so far."""

    def __init__(self, folder: Path, lines: Iterable[MetricsLine] = ()) -> None:
        from tensorboard.summary.writer.record_writer import RecordWriter

        folder.mkdir(exist_ok=True)
        for stale in folder.glob("events.out.tfevents.*"):
            stale.unlink()
        # Unbuffered: a full disk is met where it happens, not when the file is closed.
        name = f"events.out.tfevents.{int(time.time())}.agentrl"
        self._file = open(folder / name, "wb", buffering=0)  # noqa: SIM115
        self._records = RecordWriter(self._file)
        self._write(file_version="brain.Event:2")
        for line in lines:
            self.add(line)

    def add(self, line: MetricsLine) -> None:
        """Write the finite values of a line as `phase/name` at its iteration."""
        from tensorboard.compat.proto.summary_pb2 import Summary

        values: Mapping[str, float] = {k: v for k, v in line.values.items() if math.isfinite(v)}
        summary = Summary(
            value=[Summary.Value(tag=f"{line.phase}/{k}", simple_value=v) for k, v in values.items()]
        )
        self._write(step=line.iteration, summary=summary)

    def _write(self, **fields: object) -> None:
        from tensorboard.compat.proto.event_pb2 import Event

        self._records.write(Event(wall_time=time.time(), **fields).SerializeToString())

    def close(self) -> None:
        """Close the file."""
        self._file.close()
