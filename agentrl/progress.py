"""Progress of a run: one live line on a terminal, plain lines anywhere else."""

import os
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from typing import Self, TextIO

REDRAW = 0.1
"""seconds between two states of the live line"""
PLAIN = 10.0
"""seconds between two plain lines"""
_ERASE = "\r\x1b[2K"


class Progress:
    """Says what is going on: a line drawn over itself on a terminal, else a line every ten seconds."""

    def __init__(self, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._clock = clock
        self.live = self._stream.isatty() and os.environ.get("TERM") != "dumb"
        self._colour = self.live and not os.environ.get("NO_COLOR")
        self._name, self._total, self._first, self._done = "", 0, 0, 0
        self._figures: dict[str, float] = {}
        self._begun = self._shown = clock()
        self._drawn = False
        self._open = False

    def phase(self, name: str, total: int, done: int = 0) -> None:
        """Begin a phase of `total` steps, of which a resumed run has `done` behind it."""
        self._finish()
        self._name, self._total, self._first, self._done = name, total, done, done
        self._figures = {}
        self._begun, self._shown = self._clock(), -float("inf")
        self._open = True
        self._show(last=False)

    def step(self, done: int, **figures: float) -> None:
        """Say that `done` steps of the phase are behind us, and the figures that are worth a look.

        Units: `tokens` counts those of this phase so far and is shown a second; shares are shown as they are.
        """
        self._done = done
        self._figures |= figures
        self._show(last=done >= self._total)

    def line(self, text: str) -> None:
        """Leave a line of its own above the live one."""
        self._erase()
        print(text, file=self._stream, flush=True)
        self._shown = -float("inf")
        if self.live and self._open:
            self._show(last=False)

    def _show(self, *, last: bool) -> None:
        now = self._clock()
        if not last and now - self._shown < (REDRAW if self.live else PLAIN):
            return
        self._shown = now
        text = progress_line(
            self._name,
            (self._done, self._total),
            now - self._begun,
            self._figures,
            steps=self._done - self._first,
        )
        if not self.live:
            print(text, file=self._stream, flush=True)
            return
        # A line that wraps cannot be drawn over: it is cut to the window.
        text = text[: max(10, shutil.get_terminal_size().columns - 1)]
        if self._colour:
            text = f"\x1b[1m{text[: len(self._name)]}\x1b[0m{text[len(self._name) :]}"
        self._stream.write(_ERASE + text)
        self._stream.flush()
        self._drawn = True

    def _erase(self) -> None:
        if self._drawn:
            self._stream.write(_ERASE)
            self._drawn = False

    def _finish(self) -> None:
        """Leave the phase's last state standing."""
        if self.live and self._open:
            self._show(last=True)
            self._stream.write("\n")
            self._stream.flush()
        self._drawn = self._open = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._finish()


def progress_line(
    name: str, place: tuple[int, int], seconds: float, figures: Mapping[str, float], *, steps: int
) -> str:
    """Return a phase in words; `steps` of the steps done were done in these seconds.

    >>> progress_line("training", (3, 9), 60.0, {"success": 0.25, "tokens": 6000}, steps=3)
    'training 3/9 · success 0.25 · 100 tokens/s · 2:00 left'
    """
    done, total = place
    parts = [f"{name} {done}/{total}"]
    for key, value in figures.items():
        if key == "tokens":
            parts.append(f"{value / max(seconds, 1e-9):,.0f} tokens/s")
        else:
            parts.append(
                f"{key} {value:,.0f}" if float(value).is_integer() and value > 1 else f"{key} {value:.3g}"
            )
    if done >= total:
        parts.append(f"{duration(seconds)} taken")
    elif steps > 0:
        parts.append(f"{duration(seconds / steps * (total - done))} left")
    return " · ".join(parts)


def duration(seconds: float) -> str:
    """Return a time as people write it.

    >>> duration(59.6), duration(3725)
    ('1:00', '1:02:05')
    """
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
