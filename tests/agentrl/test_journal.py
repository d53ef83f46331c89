"""`metrics.jsonl` line by line."""

import math
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentrl.errors import DataError
from agentrl.journal import Metrics, MetricsLine, read_metrics

NAMES = st.text(min_size=1).filter(lambda name: name not in ("phase", "iteration"))


@given(st.sampled_from(["warm", "rl", "eval"]), st.integers(0, 10**9), st.dictionaries(NAMES, st.floats()))
def test_a_line_reads_back_as_it_was_written(phase, iteration, values) -> None:  # type: ignore[no-untyped-def]
    line = MetricsLine(phase, iteration, values)
    text = line.to_json()
    back = MetricsLine.from_json(text)
    assert "\n" not in text
    assert (back.phase, back.iteration, list(back.values)) == (phase, iteration, list(values))
    for name, value in values.items():
        read = back.values[name]
        assert read == value if math.isfinite(value) else math.isnan(read)


def test_a_metric_cannot_take_the_name_of_the_iteration() -> None:
    with pytest.raises(DataError, match="may not be called 'iteration'"):
        MetricsLine("rl", 1, {"iteration": 2.0}).to_json()


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"phase": "rl"}', '{"phase": "x", "iteration": 1}'])
def test_what_is_not_a_line_is_refused(text: str) -> None:
    with pytest.raises(DataError, match="not a line of metrics"):
        MetricsLine.from_json(text)


@given(st.integers(0, 200))
def test_a_journal_cut_anywhere_keeps_every_whole_line(cut: int) -> None:
    text = b"".join((MetricsLine("rl", i, {"loss": i / 3}).to_json() + "\n").encode() for i in range(4))
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "metrics.jsonl"
        path.write_bytes(text[:cut])
        journal = Metrics(path)
        assert [line.iteration for line in journal.read()] == list(range(text[:cut].count(b"\n")))
        journal.add(MetricsLine("rl", 77, {}))
        assert journal.read()[-1].iteration == 77
        journal.close()


def test_a_broken_line_in_the_middle_is_named(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"phase": "rl", "iteration": 1}\nhello\n{"phase": "rl", "iteration": 2}\n')
    with pytest.raises(DataError, match=r"metrics\.jsonl, line 2: not a line of metrics"):
        read_metrics(path)


def test_truncation_keeps_the_phases_before_and_the_iterations_done(tmp_path: Path) -> None:
    written = [("warm", 1), ("warm", 50), ("eval", 0), ("rl", 1), ("eval", 1), ("rl", 2), ("eval", 2)]
    for phase, iteration, left in [("rl", 1, written[:5]), ("rl", 0, written[:3]), ("warm", 1, written[:1])]:
        path = tmp_path / f"{phase}{iteration}.jsonl"
        journal = Metrics(path)
        for p, i in written:
            journal.add(MetricsLine(p, i, {"x": 0.1}))  # type: ignore[arg-type]
        journal.truncate(phase, iteration)  # type: ignore[arg-type]
        assert [(line.phase, line.iteration) for line in journal.read()] == left
        journal.close()


def test_truncation_leaves_the_kept_lines_byte_for_byte(tmp_path: Path) -> None:
    journal = Metrics(tmp_path / "m.jsonl")
    journal.add(MetricsLine("rl", 1, {"loss": 0.1 + 0.2, "gap": math.inf}))
    before = journal.path.read_bytes()
    journal.add(MetricsLine("rl", 2, {"loss": 0.3}))
    journal.truncate("rl", 1)
    assert journal.path.read_bytes() == before
    journal.close()
