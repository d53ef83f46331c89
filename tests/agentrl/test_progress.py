"""What progress looks like on a terminal and off it."""

import io

import pytest

from agentrl.progress import Progress, duration, progress_line


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.delenv("NO_COLOR", raising=False)
    return Clock()


def test_off_a_terminal_there_is_a_plain_line_every_ten_seconds_and_a_last_one(clock: Clock) -> None:
    out = io.StringIO()
    with Progress(out, clock) as progress:
        progress.phase("training", 40)
        for done in range(1, 41):
            clock.now += 1
            progress.step(done, success=done / 40)
    assert "\r" not in out.getvalue() and "\x1b" not in out.getvalue()
    assert out.getvalue().splitlines() == [
        "training 0/40",
        "training 10/40 · success 0.25 · 0:30 left",
        "training 20/40 · success 0.5 · 0:20 left",
        "training 30/40 · success 0.75 · 0:10 left",
        "training 40/40 · success 1 · 0:40 taken",
    ]


def test_on_a_terminal_one_line_is_drawn_over_itself_and_never_wraps(clock: Clock) -> None:
    out = Terminal()
    with Progress(out, clock) as progress:
        progress.phase("training", 3)
        for done in range(1, 4):
            clock.now += 1
            progress.step(done, **{"a long name of a figure, longer than the window is": 1 / 3})
    text = out.getvalue()
    assert text.count("\n") == 1 and text.endswith("\n")
    drawn = [part.replace("\x1b[1m", "").replace("\x1b[0m", "") for part in text.split("\r\x1b[2K")]
    assert all(len(part.rstrip("\n")) <= 59 for part in drawn)
    assert drawn[-1].startswith("training 3/3")


def test_fast_steps_are_not_all_drawn(clock: Clock) -> None:
    out = Terminal()
    with Progress(out, clock) as progress:
        progress.phase("rollout", 1000)
        for done in range(1000):
            clock.now += 0.001
            progress.step(done)
    assert out.getvalue().count("\r") < 15


@pytest.mark.parametrize(("name", "value", "live", "colour"), [
    ("NO_COLOR", "1", True, False), ("TERM", "dumb", False, False), ("LANG", "C", True, True),
])  # fmt: skip
def test_the_terminal_is_taken_at_its_word(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, name: str, value: str, live: bool, colour: bool
) -> None:
    monkeypatch.setenv(name, value)
    out = Terminal()
    with Progress(out, clock) as progress:
        progress.phase("training", 3)
    assert ("\r" in out.getvalue(), "\x1b[1m" in out.getvalue()) == (live, colour)


def test_a_line_of_its_own_survives_the_live_line(clock: Clock) -> None:
    out = Terminal()
    with Progress(out, clock) as progress:
        progress.phase("training", 3)
        progress.line("dev: 0.5")
        progress.step(1)
    assert "\r\x1b[2Kdev: 0.5\n" in out.getvalue()


def test_time_left_counts_only_what_this_process_did() -> None:
    assert progress_line("training", (90, 100), 30.0, {}, steps=3) == "training 90/100 · 1:40 left"
    assert progress_line("training", (90, 100), 30.0, {}, steps=0) == "training 90/100"


def test_tokens_are_shown_a_second_and_counts_whole() -> None:
    line = progress_line("rollout", (1, 2), 2.0, {"episodes": 1280, "tokens": 5000}, steps=1)
    assert line == "rollout 1/2 · episodes 1,280 · 2,500 tokens/s · 0:02 left"


def test_hours_are_written_out() -> None:
    assert [duration(s) for s in (0, 59, 61, 3600)] == ["0:00", "0:59", "1:01", "1:00:00"]
