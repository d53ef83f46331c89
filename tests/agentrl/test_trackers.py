"""Every line is told once, in order, whatever happens to the service or to the run."""

import json
import logging
import math
from collections.abc import Mapping
from pathlib import Path

import pytest

from agentrl import trackers
from agentrl.cli import main
from agentrl.errors import ConfigError
from agentrl.journal import MetricsLine
from agentrl.trackers import TRACK, Telling, check_trackers


class Service:
    """A service that writes down what it is told, and may be out of reach."""

    def __init__(self, known: str = "") -> None:
        self.id = known or "run-1"
        self.told: list[tuple[int, Mapping[str, float]]] = []
        self.down = False

    def log(self, values: Mapping[str, float], step: int) -> None:
        if self.down:
            raise ConnectionError("nobody there")
        self.told.append((step, values))

    def close(self) -> None:
        if self.down:
            raise ConnectionError("nobody there")


def line(iteration: int, value: float = 0.5, phase: str = "rl") -> MetricsLine:
    return MetricsLine(phase, iteration, {"success": value})  # type: ignore[arg-type]


def opened(folder: Path) -> tuple[Telling, Service]:
    made: list[Service] = []
    telling = Telling("mlflow", folder, lambda known: made.append(Service(known)) or made[0])
    return telling, made[0]


def test_a_line_is_told_by_phase_with_its_iteration_and_without_what_is_no_number(tmp_path: Path) -> None:
    telling, service = opened(tmp_path)
    telling.add(MetricsLine("eval", 0, {"dev/greedy": 0.25, "gone": math.nan}))
    assert service.told == [(0, {"eval/dev/greedy": 0.25, "eval/iteration": 0.0})]


def test_a_resumed_run_goes_on_under_its_name_and_tells_nothing_twice(tmp_path: Path) -> None:
    telling, service = opened(tmp_path)
    for number in (1, 2, 3):
        telling.add(line(number))
    telling.close()
    again, later = opened(tmp_path)
    for number in (2, 3, 4):
        again.add(line(number))
    again.add(line(0, phase="eval"))
    assert later.id == service.id
    assert [(step, values.get("rl/iteration")) for step, values in later.told] == [(3, 4.0), (4, None)]
    kept = json.loads((tmp_path / TRACK).read_text())
    assert kept == {"mlflow": {"id": "run-1", "lines": 5, "done": {"rl": 4, "eval": 0}}}


def test_a_service_that_is_down_is_told_later_and_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    telling, service = opened(tmp_path)
    service.down = True
    with caplog.at_level(logging.WARNING, logger="agentrl"):
        telling.add(line(1))
        telling.add(line(2))
        telling.close()
    assert (
        "mlflow was not told of 2 lines: nobody there" in caplog.text and "could not be closed" in caplog.text
    )
    service.down = False
    telling.add(line(3))
    assert [values["rl/iteration"] for _, values in service.told] == [1.0, 2.0, 3.0]


def test_a_missing_package_is_named_with_its_extra(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(trackers.importlib.util, "find_spec", lambda name: None)
    for name, words in (("wandb", "Weights & Biases"), ("trackio", "Trackio"), ("mlflow", "MLflow")):
        with pytest.raises(ConfigError) as why:
            check_trackers((name,))  # type: ignore[arg-type]
        assert str(why.value) == (
            f"run.track={name} needs {words}, which is not installed: pip install 'agentrl[{name}]'"
        )
    assert main(["run", "env=guess", "algo=grpo", "run.track=wandbb"]) == 2
    assert "did you mean 'wandb'?" in capsys.readouterr().err


def test_nothing_is_imported_before_a_run_asks_for_it() -> None:
    text = Path(trackers.__file__).read_text()
    assert not [line for line in text.splitlines() if line.startswith(("import ", "from ")) and any(
        name in line for name in trackers.SERVICES)]  # fmt: skip
